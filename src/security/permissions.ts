import { FicusError } from '../errors.ts';
import type { SearchFilter } from '../fhir/search-query.ts';
import type { Interaction } from '../fhir/types.ts';
import type { Access, Grant, Permission } from '../security-ports.ts';
import { kindOf } from './compartment.ts';

/** What one grant is worth for resources of one type. */
export interface Allowance {
  /** Logical id of the one Patient whose compartment it ends at; absent: it reaches every resource of the type. */
  readonly patient?: string;
  /** What a resource must meet besides: all of them. */
  readonly constraints: readonly SearchFilter[];
}

/** What an interaction needs (SMART App Launch 2.0, scopes for requesting FHIR resources). */
const NEEDS: Readonly<Record<Interaction, Permission>> = {
  read: 'r',
  vread: 'r',
  history: 'r',
  search: 's',
  create: 'c',
  update: 'u',
  // Of the patient; each type that comes with it needs its own.
  everything: 'r',
};

/** Users who are no patient's: their `user/` grants are worth what they say. */
const STAFF: ReadonlySet<string> = new Set(['Practitioner', 'PractitionerRole']);
const READING: ReadonlySet<string> = new Set(['r', 's']);
const known = new WeakMap<Access, Map<string, readonly Allowance[]>>();

/**
 * What a caller may do with resources of a type; none: nothing. A `patient/` grant ends at the patient in context, and
 * is worth nothing without one. A `user/` grant is worth no more than its user is: a Patient has the own compartment,
 * staff (by `fhirUser`, or by a role at Ficus) all, and anybody else (a RelatedPerson, a user that the token does not
 * name) what the patient in context has.
 *
 * @param permissions any of them
 */
export function allowancesFor(
  access: Access,
  type: string,
  permissions: readonly Permission[],
): readonly Allowance[] {
  let found = known.get(access);
  if (!found) known.set(access, (found = new Map()));
  const key = `${type} ${permissions.join('')}`;
  let allowances = found.get(key);
  if (!allowances) {
    allowances = access.grants.flatMap((grant) => allowanceOf(grant, access, type, permissions) ?? []);
    found.set(key, allowances);
  }
  return allowances;
}

/** Whether a caller's grants reach every resource of a type. */
export function reachesAll(access: Access, type: string, permissions: readonly Permission[]): boolean {
  return allowancesFor(access, type, permissions).some(isWhole);
}

function isWhole({ patient, constraints }: Allowance): boolean {
  return patient === undefined && constraints.length === 0;
}

/**
 * Refuses what no scope allows, before anything is read of a body.
 * @param access absent: security is open
 * @param included what is asked for belongs to the answer of a search: to find it is as good as to read it
 * @throws FicusError `forbidden` (403, with WWW-Authenticate: RFC 6750 section 3.1 `insufficient_scope`)
 */
export function refuseUnpermitted(
  access: Access | undefined,
  interaction: Interaction,
  type: string,
  included = false,
): void {
  if (!access || allowancesFor(access, type, needsOf(interaction, included)).length > 0) return;
  throw new FicusError('forbidden', `No scope of this token allows ${interaction} of ${type}.`, {
    headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' },
  });
}

const NEEDS_OF_INCLUDED: readonly Permission[] = ['r', 's'];
const EACH: Readonly<Record<Permission, readonly Permission[]>> = {
  c: ['c'],
  r: ['r'],
  u: ['u'],
  d: ['d'],
  s: ['s'],
};

/** Permissions of which an interaction needs one. */
export function needsOf(interaction: Interaction, included = false): readonly Permission[] {
  return included ? NEEDS_OF_INCLUDED : EACH[NEEDS[interaction]];
}

function allowanceOf(
  grant: Grant,
  access: Access,
  type: string,
  permissions: readonly Permission[],
): Allowance | undefined {
  const allowed = permissions.filter((permission) => grant.permissions.has(permission));
  if (allowed.length === 0 || (grant.type !== type && grant.type !== '*')) return undefined;
  const patient = endOf(grant, access);
  if (patient === NOWHERE) return undefined;
  const { constraints } = grant;
  if (patient === undefined) return { constraints };
  const kind = kindOf(type);
  if (kind === 'compartment') return { patient, constraints };
  // What is everybody's is not written by one patient's caller.
  return kind === 'shared' && allowed.every((it) => READING.has(it)) ? { constraints } : undefined;
}

const NOWHERE = Symbol('nowhere');

/** The patient at whose compartment a grant ends; undefined: at none. */
function endOf(
  { context }: Grant,
  { patient, fhirUser, roles }: Access,
): string | undefined | typeof NOWHERE {
  const [userType = '', userId = ''] = fhirUser?.split('/').slice(-2) ?? [];
  if (userType === 'Patient') {
    return context === 'patient' && patient !== userId ? NOWHERE : userId;
  }
  if (context === 'system' && fhirUser === undefined) return undefined;
  const isStaff = fhirUser === undefined ? roles.length > 0 : STAFF.has(userType);
  if (context !== 'patient' && isStaff) return undefined;
  return patient ?? NOWHERE;
}
