import { refuseToken } from './refusal.ts';
import type { Claims, ClaimNames, IssuerRules } from './rules.ts';

interface Judged {
  /** FHIR base address. */
  readonly realm: string;
  /** Epoch milliseconds. */
  readonly now: number;
}

/**
 * Judges an answer about an opaque token as the token itself would be: `iss` where it is given, `aud`, `exp`, `nbf`,
 * `iat`, and that it is no refresh token and bound to nobody (RFC 7662 §2.2, §4).
 * @throws TokenRefusal
 */
export function judgeAnswer(answer: Claims, rules: IssuerRules, { realm, now }: Judged): Claims {
  const { issuer, audience, clockSkewSeconds } = rules;
  const seconds = now / 1000;
  const type = answer['token_type'];
  if (type !== undefined && (typeof type !== 'string' || !/^bearer$/i.test(type)))
    throw refuseToken(realm, 'type');
  if (answer['cnf'] !== undefined) throw refuseToken(realm, 'bound');
  if (answer['iss'] !== undefined && answer['iss'] !== issuer) throw refuseToken(realm, 'issuer');
  const named: readonly unknown[] = Array.isArray(answer['aud']) ? answer['aud'] : [answer['aud']];
  if (!named.some((one) => typeof one === 'string' && audience.includes(one)))
    throw refuseToken(realm, 'audience');
  const [exp, nbf, iat] = ['exp', 'nbf', 'iat'].map((name) => {
    const value = answer[name];
    if (value !== undefined && typeof value !== 'number') throw refuseToken(realm, 'claims');
    return value;
  });
  if (exp !== undefined && exp <= seconds - clockSkewSeconds) throw refuseToken(realm, 'expired');
  if (Math.max(nbf ?? 0, iat ?? 0) > seconds + clockSkewSeconds) throw refuseToken(realm, 'not-yet');
  return answer;
}

/**
 * What a token says, with what its issuer says of it now: the issuer has the last word about what it grants, and none
 * about whose it is.
 * @throws TokenRefusal when the two are about different callers
 */
export function joined(token: Claims, answer: Claims, names: ClaimNames, realm: string): Claims {
  for (const name of ['iss', 'sub', names.client])
    if (answer[name] !== undefined && token[name] !== undefined && answer[name] !== token[name])
      throw refuseToken(realm, 'claims');
  const { scope, patient, fhirUser, roles, purposes, facility } = names;
  const said = [scope, patient, fhirUser, roles, purposes, facility].filter((name) =>
    Object.hasOwn(answer, name),
  );
  const exp = Math.min(...[token['exp'], answer['exp']].filter((one) => typeof one === 'number'));
  return { ...token, ...Object.fromEntries(said.map((name) => [name, answer[name]])), exp };
}
