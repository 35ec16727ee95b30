import { createHash } from 'node:crypto';
import type { Principal } from '../../ports.ts';
import type { Access, Grant } from '../../security-ports.ts';
import { rolesCalled } from '../roles.ts';
import type { RoleNames } from '../roles.ts';
import { refuseToken } from './refusal.ts';
import type { ClaimNames, Claims } from './rules.ts';

export interface ClaimOptions {
  readonly names: ClaimNames;
  readonly roles: RoleNames;
  readonly issuer: string;
  /** FHIR base address. */
  readonly realm: string;
  /** What a scope text grants. */
  readonly grantsOf: (scope: string) => readonly Grant[];
  /** Stands for the token where it has no `jti`. */
  readonly tokenHash: string;
}

/** RFC 9110 has no bounds for them; whoever names things longer than this is up to something. */
const LONGEST = 256;
const FHIR_ID = /^[A-Za-z0-9\-.]{1,64}$/;
const RELATIVE = /^[A-Z][A-Za-z]{1,63}\/[A-Za-z0-9\-.]{1,64}$/;
/** Who of FHIR R4 may be behind `fhirUser` (SMART App Launch 2.0). */
const USERS = ['Practitioner', 'PractitionerRole', 'Patient', 'RelatedPerson', 'Person', 'Device'];
const ACT_REASON =
  /(v3-(ActReason|PurposeOfUse)|2\.16\.840\.1\.113883\.5\.8|2\.16\.840\.1\.113883\.1\.11\.20448)$/;

/**
 * Who calls, by the members of a token or of an answer about it.
 * @throws TokenRefusal for a member that cannot be what it should be: to leave it out could widen what its bearer may
 *   see
 */
export function principalOfClaims(claims: Claims, options: ClaimOptions): Principal {
  const { names, issuer, realm, grantsOf, tokenHash } = options;
  const text = (value: unknown): string | undefined => {
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string' && value !== '' && value.length <= LONGEST) return value;
    throw refuseToken(realm, 'claims');
  };
  const client = text(claimOf(claims, names.client) ?? claims['azp']);
  const subject = text(claims['sub']) ?? client;
  if (subject === undefined) throw refuseToken(realm, 'claims');
  const patient = text(claimOf(claims, names.patient))?.replace(/^Patient\//, '');
  if (patient !== undefined && !FHIR_ID.test(patient)) throw refuseToken(realm, 'claims');
  const fhirUser = text(claimOf(claims, names.fhirUser));
  const facility = text(claimOf(claims, names.facility));
  const scope = scopeText(claimOf(claims, names.scope));
  const roles = texts(claimOf(claims, names.roles));
  const purposes = purposesOf(
    claimOf(claims, names.purposes) ?? claimOf(claims, 'extensions.ihe_iua.purpose_of_use'),
  );
  if (scope === undefined || !roles || !purposes) throw refuseToken(realm, 'claims');
  const access: Access = {
    grants: grantsOf(scope),
    ...(patient === undefined ? {} : { patient }),
    ...(fhirUser === undefined ? {} : { fhirUser: userOf(fhirUser, realm) }),
    purposes,
    mayBreakGlass: false,
    roles: rolesCalled(roles, options.roles),
    issuer,
    subject,
    ...(client === undefined ? {} : { client }),
    tokenId: text(claims['jti']) ?? tokenHash,
  };
  return {
    key: keyOf(access, scope),
    ...(client === undefined ? {} : { client }),
    ...(facility === undefined ? {} : { facility }),
    access,
  };
}

/**
 * The same for every token of one caller that may do and see the same: a refreshed token goes on with its pages, one of
 * another scope does not.
 */
function keyOf(
  { issuer, subject, client, patient, fhirUser, purposes, roles }: Access,
  scope: string,
): string {
  const scopes = [...new Set(scope.split(/\s+/))].toSorted();
  const said = [issuer, subject, client, patient, fhirUser, scopes, purposes.toSorted(), roles.toSorted()];
  return createHash('sha256').update(JSON.stringify(said)).digest('base64url');
}

/** A member of this name, else what its dots lead to. */
function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Claims)[part];
  }
  return value;
}

/** RFC 8693 §4.2: separated by spaces; some issuers give a list. Absent: nothing is granted. */
function scopeText(value: unknown): string | undefined {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : texts(value)?.join(' ');
}

/** A list of texts, or one alone; undefined when it is something else. */
function texts(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.every((one): one is string => typeof one === 'string' && one.length <= LONGEST)
    ? list
    : undefined;
}

/**
 * Codes of v3-PurposeOfUse: a text with spaces, a list, or Codings (IHE IUA 3.71.4.2.2.1.1). Those of another system
 * are left out.
 */
function purposesOf(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return [];
  const codes: string[] = [];
  for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) {
    if (typeof one === 'string') codes.push(...one.split(/\s+/).filter((code) => code !== ''));
    else if (typeof one === 'object' && one !== null) {
      const { system, code } = one as { readonly system?: unknown; readonly code?: unknown };
      if (typeof code !== 'string') return undefined;
      if (system === undefined || (typeof system === 'string' && ACT_REASON.test(system))) codes.push(code);
    } else return undefined;
  }
  return [...new Set(codes)];
}

/**
 * The person who calls: `Practitioner/17` where it is one of this server. Somebody of another one stays an address: no
 * rule of ours is about them, but a patient of another server has no compartment here.
 */
function userOf(claim: string, realm: string): string {
  const user = claim.startsWith(`${realm}/`) ? claim.slice(realm.length + 1) : claim;
  if (RELATIVE.test(user) && USERS.includes(user.split('/')[0]!)) return user;
  const type = /^https?:\/\/\S+\/([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}$/.exec(user)?.[1];
  if (type !== undefined && ['Practitioner', 'PractitionerRole', 'Person', 'Device'].includes(type))
    return user;
  throw refuseToken(realm, 'claims');
}
