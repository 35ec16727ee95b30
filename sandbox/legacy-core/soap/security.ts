import { createHash, timingSafeEqual } from 'node:crypto';
import { SoapFault, WSSE } from './envelope.ts';
import { child, type XmlElement } from './xml.ts';

const WSU = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd';
const DIGEST =
  'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest';

/** Clocks may differ by this much, and a nonce is remembered for twice as long; milliseconds. */
const WINDOW_MS = 300_000;

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/**
 * Checks WS-Security UsernameToken with PasswordDigest = Base64(SHA-1(nonce + created + password)) and Timestamp
 * (OASIS UsernameToken Profile 1.0 §3.1). A nonce is taken once. Throws SoapFault.
 */
export function createSecurity(
  credentials: Credentials,
  now: () => number,
): (header: XmlElement | undefined) => void {
  const nonces = new Map<string, number>();
  return (header) => {
    const security = child(header, WSSE, 'Security');
    const token = child(security, WSSE, 'UsernameToken');
    if (!token) deny('InvalidSecurity', 'A UsernameToken is needed');
    const password = child(token, WSSE, 'Password');
    if (password?.attributes.get('Type') !== DIGEST)
      deny('UnsupportedSecurityToken', 'Only PasswordDigest is taken');
    const nonce = child(token, WSSE, 'Nonce')?.text.trim() ?? '';
    const created = child(token, WSU, 'Created')?.text.trim() ?? '';
    const time = Date.parse(created);
    if (nonce === '' || !(Math.abs(now() - time) <= WINDOW_MS))
      deny('InvalidSecurityToken', 'Nonce or Created is not right');
    checkTimestamp(child(security, WSU, 'Timestamp'), now());
    const expected = digest(nonce, created, credentials.password);
    const user = child(token, WSSE, 'Username')?.text.trim() ?? '';
    if (user !== credentials.user || !same(password.text.trim(), expected)) {
      deny('FailedAuthentication', 'The security token could not be authenticated');
    }
    for (const [known, at] of nonces) {
      if (now() - at <= 2 * WINDOW_MS) break;
      nonces.delete(known);
    }
    if (nonces.has(nonce)) deny('InvalidSecurityToken', 'The nonce was used before');
    nonces.set(nonce, now());
  };
}

function checkTimestamp(timestamp: XmlElement | undefined, now: number): void {
  const expires = child(timestamp, WSU, 'Expires')?.text.trim();
  if (expires !== undefined && !(Date.parse(expires) > now))
    deny('MessageExpired', 'The message has expired');
}

function digest(nonce: string, created: string, password: string): string {
  return createHash('sha1')
    .update(Buffer.from(nonce, 'base64'))
    .update(created)
    .update(password)
    .digest('base64');
}

function same(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

function deny(security: string, text: string): never {
  throw new SoapFault({ side: 'sender', code: 'SECURITY', text, security });
}
