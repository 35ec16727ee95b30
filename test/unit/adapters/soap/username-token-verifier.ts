import { createHash } from 'node:crypto';
import { attributeOf, childOf } from '../../../../adapters/soap/xml-element.ts';
import type { XmlElement } from '../../../../adapters/soap/xml-element.ts';

const WSS = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss';
const WSSE = `${WSS}-wssecurity-secext-1.0.xsd`;
const WSU = `${WSS}-wssecurity-utility-1.0.xsd`;

/** What a service does with a Security header: who it is, or why not. Remembers nonces, as WS-Security asks of a receiver. */
export function createVerifier(passwords: ReadonlyMap<string, string>, now: () => number) {
  const seen = new Set<string>();
  return (security: XmlElement): string => {
    const timestamp = must(childOf(security, WSU, 'Timestamp'), 'no Timestamp');
    const created = textOf(timestamp, WSU, 'Created');
    if (Date.parse(textOf(timestamp, WSU, 'Expires')) <= now()) return 'refused: expired';
    if (Date.parse(created) > now() + 60_000) return 'refused: from the future';

    const token = must(childOf(security, WSSE, 'UsernameToken'), 'no UsernameToken');
    const password = must(childOf(token, WSSE, 'Password'), 'no Password');
    if (attributeOf(password, '', 'Type') !== `${WSS}-username-token-profile-1.0#PasswordDigest`)
      return 'refused: not a digest';
    const nonce = textOf(token, WSSE, 'Nonce');
    if (seen.has(nonce)) return 'refused: seen before';
    seen.add(nonce);

    const user = textOf(token, WSSE, 'Username');
    const secret = passwords.get(user);
    if (secret === undefined) return 'refused: nobody';
    const sha = createHash('sha1');
    sha
      .update(Buffer.from(nonce, 'base64'))
      .update(textOf(token, WSU, 'Created'))
      .update(secret);
    return sha.digest('base64') === password.text ? user : 'refused: wrong password';
  };
}

function must<T>(value: T | undefined, otherwise: string): T {
  if (value === undefined) throw new Error(otherwise);
  return value;
}

function textOf(parent: XmlElement, ns: string, local: string): string {
  return must(childOf(parent, ns, local), `no ${local}`).text;
}
