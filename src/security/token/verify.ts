import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { JWTPayload, JWTVerifyGetKey, ProtectedHeaderParameters } from 'jose';
import { FicusError } from '../../errors.ts';
import { refuseToken } from './refusal.ts';
import type { RefusalReason } from './refusal.ts';
import type { Claims, IssuerRules } from './rules.ts';

/** A token's parts as they stand: nobody has vouched for them. */
export interface Unverified {
  readonly header: ProtectedHeaderParameters;
  readonly issuer: string;
}

/** Longest `kid`: it is a name, not a program. */
const LONGEST_KID = 256;
/** Longest header, in characters of base64: certificates have no business in it. */
const LONGEST_HEADER = 2_048;

/** What a token says of itself; undefined: it is no JWT, and stands for nothing by itself. */
export function peek(token: string): Unverified | undefined {
  const [head = '', , , ...more] = token.split('.');
  if (more.length > 0 || head.length > LONGEST_HEADER) return undefined;
  try {
    const header = decodeProtectedHeader(token);
    const { iss } = decodeJwt(token);
    return typeof iss === 'string' ? { header, issuer: iss } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Verifies a JWT access token of an issuer: signature, `typ`, `iss`, `aud`, `exp`, `nbf`, `iat`, and the members that
 * RFC 9068 §2.2 wants of an `at+jwt`. Keys come from the issuer alone: `jwk`, `jku`, `x5u` and `x5c` of a token are not
 * looked at.
 *
 * @param realm FHIR base address
 * @param now epoch milliseconds
 * @throws TokenRefusal; FicusError `unavailable` when the issuer's keys cannot be had
 */
export async function verifyToken(
  token: string,
  { header }: Unverified,
  rules: IssuerRules,
  { find, realm, now }: { readonly find: JWTVerifyGetKey; readonly realm: string; readonly now: number },
): Promise<Claims> {
  const { algorithms, issuer, audience, clockSkewSeconds } = rules;
  if (typeof header.alg !== 'string' || !algorithms.includes(header.alg))
    throw refuseToken(realm, 'signature');
  if (header.kid !== undefined && (typeof header.kid !== 'string' || header.kid.length > LONGEST_KID))
    throw refuseToken(realm, 'signature');
  let payload: JWTPayload;
  try {
    ({ payload } = await jwtVerify(token, find, {
      algorithms: [...algorithms],
      issuer,
      audience: [...audience],
      clockTolerance: clockSkewSeconds,
      currentDate: new Date(now),
      requiredClaims: ['exp'],
    }));
  } catch (error) {
    if (error instanceof FicusError) throw error;
    throw refuseToken(realm, reasonOf(error), error);
  }
  const type = typeOf(header.typ);
  if (!rules.types.some((one) => typeOf(one) === type)) throw refuseToken(realm, 'type');
  // RFC 7800, RFC 9449 §7.1: whoever holds it would have to prove that it is theirs.
  if (payload['cnf'] !== undefined) throw refuseToken(realm, 'bound');
  if (payload.iat !== undefined && payload.iat > now / 1000 + clockSkewSeconds)
    throw refuseToken(realm, 'not-yet');
  const needed = type === typeOf('at+jwt') ? ['sub', 'iat', 'jti'] : [];
  if (needed.some((name) => payload[name] === undefined)) throw refuseToken(realm, 'claims');
  return payload;
}

/** RFC 7515 §4.1.9: `application/` may be left out, and case does not matter. */
function typeOf(typ: unknown): string {
  return typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : '';
}

/** jose judges the members after the signature only. */
function reasonOf(error: unknown): Exclude<RefusalReason, 'missing' | 'request'> {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') return 'audience';
    if (error.claim === 'iss') return 'issuer';
    return error.claim === 'nbf' && error.reason === 'check_failed' ? 'not-yet' : 'claims';
  }
  return 'signature';
}
