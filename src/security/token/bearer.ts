import type { Caller } from '../../security-ports.ts';
import { askForToken, refuseRequest, refuseToken } from './refusal.ts';

/** Longest token that is looked at. */
const LONGEST = 8_192;
/**
 * The token of a request: `Authorization: Bearer …` (RFC 6750 §2.1), the scheme in any case, and nowhere else.
 *
 * @param realm FHIR base address
 * @throws TokenRefusal
 */
export function bearerToken({ headers }: Pick<Caller, 'headers'>, realm: string): string {
  const header = headers['authorization'];
  // Two of them have been refused by http/ already.
  if (typeof header !== 'string' || header === '') throw askForToken(realm);
  if (header.startsWith('Bearer ')) return ofSize(header.slice(7).trim(), realm);
  const [scheme = '', ...rest] = header.split(' ');
  if (scheme.toLowerCase() === 'bearer') return ofSize(rest.join(' ').trim(), realm);
  if (scheme.toLowerCase() === 'dpop')
    throw refuseRequest(realm, 'DPoP is not spoken here: get a Bearer token');
  throw askForToken(realm);
}

function ofSize(token: string, realm: string): string {
  if (token === '') throw askForToken(realm);
  if (token.length > LONGEST) throw refuseToken(realm, 'size');
  return token;
}
