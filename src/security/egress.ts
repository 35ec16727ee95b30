import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import { Agent, request } from 'undici';
import { FicusError } from '../errors.ts';
import { parseJson } from '../fhir/json.ts';
import { guardedLookup, whyRefused } from './internal-address.ts';
import type { AddressRules } from './internal-address.ts';

/** The one way out for keys, metadata and questions about tokens. */
export interface Egress {
  /**
   * Asks an address for JSON.
   * @throws FicusError `unavailable`: the address is not one of those that may be asked, or did not answer in time, or
   * too much; its words are for operators, and hold nothing of the answer
   */
  json(url: string, post?: Post): Promise<JsonAnswer>;
  /** Whether an address may be asked at all. */
  allows(url: string): boolean;
  close(): Promise<void>;
}

/** A form that is sent. */
export interface Post {
  readonly form: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface JsonAnswer {
  readonly status: number;
  /** undefined: there is none, or it is not JSON. */
  readonly body: unknown;
}

export interface EgressOptions {
  /**
   * Addresses of the configuration: their origins may be asked. http, and this machine, only where one of them says so.
   */
  readonly urls: readonly string[];
  /** Further hosts, with a port where it is not 443: over https. */
  readonly hosts: readonly string[];
  /** Private networks that they may be in: `10.20.0.0/16`. */
  readonly networks: readonly string[];
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca?: string;
  /** Longest wait for an answer as a whole (default 3 s). */
  readonly ms?: number;
  /** Largest answer in bytes (default 256 KiB). */
  readonly maxBytes?: number;
  /** How names are looked up (default: the system's way). */
  readonly lookup?: typeof lookup;
}

const MS = 3_000;
const MAX_BYTES = 256 * 1024;
/** At once, to one host. */
const CONNECTIONS = 8;

/**
 * Goes to listed origins only, never to internal addresses that are not listed (looked at where the connection is
 * made), follows no redirect, and takes neither long nor large answers: whoever can write an issuer's metadata cannot
 * send Ficus about the hospital's network.
 */
export function createEgress(options: EgressOptions): Egress {
  const { ms = MS, maxBytes = MAX_BYTES, networks } = options;
  const origins = new Set([
    ...options.urls.map((url) => new URL(url).origin),
    ...options.hosts.map((host) => new URL(`https://${host}`).origin),
  ]);
  const rulesOf = (hostname: string): AddressRules => ({ allowLoopback: isThisMachine(hostname), networks });
  const agent = new Agent({
    connections: CONNECTIONS,
    connect: {
      timeout: ms,
      lookup: guardedLookup(rulesOf, options.lookup ?? lookup, 'that host'),
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    },
  });
  return {
    allows: (url) => whyNot(url, origins, rulesOf) === undefined,
    async json(url, post) {
      const why = whyNot(url, origins, rulesOf);
      if (why !== undefined) throw new FicusError('unavailable', `${hostOf(url)} ${why}`);
      try {
        const { statusCode, body } = await request(url, {
          dispatcher: agent,
          signal: AbortSignal.timeout(ms),
          method: post ? 'POST' : 'GET',
          headers: {
            accept: 'application/json, application/jwk-set+json',
            ...(post ? { 'content-type': 'application/x-www-form-urlencoded', ...post.headers } : {}),
          },
          ...(post ? { body: new URLSearchParams(post.form).toString() } : {}),
        });
        return { status: statusCode, body: jsonOf(await readUpTo(body, maxBytes)) };
      } catch (error) {
        throw new FicusError('unavailable', `${hostOf(url)} ${wordsOf(error)}`, { cause: error });
      }
    },
    // Nobody waits for an answer any more.
    close: () => agent.destroy(),
  };
}

function whyNot(
  text: string,
  origins: ReadonlySet<string>,
  rulesOf: (hostname: string) => AddressRules,
): string | undefined {
  const url = URL.parse(text);
  if (!url || url.username !== '' || url.password !== '') return 'is no address that can be asked';
  if (!origins.has(url.origin)) return 'is not a host that may be asked (security.egress.hosts)';
  const host = bare(url.hostname);
  return isIP(host) === 0 ? undefined : whyRefused(host, rulesOf(host));
}

function isThisMachine(hostname: string): boolean {
  return ['localhost', '127.0.0.1', '::1'].includes(bare(hostname));
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** Of an address, for words: its path and parameters are nobody's business. */
function hostOf(url: string): string {
  return URL.parse(url)?.host ?? 'That';
}

/** @throws FicusError `unavailable` when there is more */
export async function readUpTo(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    // Leaving the loop destroys the stream, and its connection.
    if (bytes > maxBytes) throw new FicusError('unavailable', `answers with more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return parseJson(bytes);
  } catch {
    return undefined;
  }
}

function wordsOf(error: unknown): string {
  if (error instanceof FicusError) return error.message;
  const { name, code } = (error ?? {}) as { readonly name?: string; readonly code?: string };
  if (name === 'TimeoutError' || code === 'UND_ERR_CONNECT_TIMEOUT') return 'did not answer in time';
  return `cannot be reached${typeof code === 'string' ? ` (${code})` : ''}`;
}
