import { hash, randomBytes } from 'node:crypto';
import type { Clock } from '../../src/ports.ts';
import { childOf, element } from './xml-element.ts';
import type { XmlElement } from './xml-element.ts';
import { dialectOf } from './soap-version.ts';
import type { SoapVersion } from './soap-version.ts';

const OASIS = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss';
export const WSSE_NS = `${OASIS}-wssecurity-secext-1.0.xsd`;
export const WSU_NS = `${OASIS}-wssecurity-utility-1.0.xsd`;
const PASSWORD_DIGEST = `${OASIS}-username-token-profile-1.0#PasswordDigest`;
const BASE64_BINARY = `${OASIS}-soap-message-security-1.0#Base64Binary`;

/** A minute each way is what clocks of one hospital differ by; five is what most services allow. */
const CLOCK_SKEW_MS = 5 * 60_000;

export interface UsernameTokenOptions {
  readonly username: string;
  readonly password: string;
  /** How long a message may travel: Timestamp's Expires less Created, in seconds; default 300. */
  readonly lifetimeSeconds?: number;
  /** At least 16 fresh random bytes a call; the default is the system's generator. For tests. */
  readonly nonce?: () => Uint8Array;
}

/**
 * The Security header of one message: a Timestamp and a UsernameToken with a digest of the password, so that it is not
 * on the wire and a message cannot be replayed later (WS-Security 1.1 §10, UsernameToken Profile 1.1 §3.1).
 */
export function securityHeader(
  version: SoapVersion,
  options: UsernameTokenOptions,
  clock: Clock,
): XmlElement {
  const now = clock.now();
  const created = new Date(now).toISOString();
  const expires = new Date(now + (options.lifetimeSeconds ?? 300) * 1000).toISOString();
  const nonce = options.nonce?.() ?? randomBytes(16);
  const timestamp = element(WSU_NS, 'Timestamp', [
    element(WSU_NS, 'Created', created),
    element(WSU_NS, 'Expires', expires),
  ]);
  const token = element(WSSE_NS, 'UsernameToken', [
    element(WSSE_NS, 'Username', options.username),
    element(WSSE_NS, 'Password', passwordDigest(nonce, created, options.password), [
      { ns: '', local: 'Type', value: PASSWORD_DIGEST },
    ]),
    element(WSSE_NS, 'Nonce', Buffer.from(nonce).toString('base64'), [
      { ns: '', local: 'EncodingType', value: BASE64_BINARY },
    ]),
    element(WSU_NS, 'Created', created),
  ]);
  const { ns, yes } = dialectOf(version);
  return element(WSSE_NS, 'Security', [timestamp, token], [{ ns, local: 'mustUnderstand', value: yes }]);
}

/**
 * Whether the Security header of an answer is one we understand and accept: nothing but a Timestamp that has not run
 * out. Signatures of answers are not checked here, so a header that demands it is refused.
 */
export function acceptsSecurity(security: XmlElement, clock: Clock): boolean {
  const timestamp = childOf(security, WSU_NS, 'Timestamp');
  if (security.children.length !== 1 || timestamp === undefined) return false;
  const expires = childOf(timestamp, WSU_NS, 'Expires');
  return expires === undefined || Date.parse(expires.text.trim()) + CLOCK_SKEW_MS > clock.now();
}

/** Base64(SHA-1(nonce + created + password)): UsernameToken Profile 1.1 §3.1. SHA-1 is the profile's choice. */
function passwordDigest(nonce: Uint8Array, created: string, password: string): string {
  return hash('sha1', Buffer.concat([nonce, Buffer.from(created + password, 'utf8')]), 'base64');
}
