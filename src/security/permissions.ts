import { FicusError } from '../errors.ts';
import type { Interaction } from '../fhir/types.ts';
import type { Access, Grant, Permission } from '../security-ports.ts';

/** What an interaction needs (SMART App Launch 2.0, scopes for requesting FHIR resources). */
const NEEDS: Readonly<Record<Interaction, Permission>> = {
  read: 'r',
  vread: 'r',
  history: 'r',
  search: 's',
  create: 'c',
  update: 'u',
};

/** The grants that allow something on a type; none: nothing does. A `patient/` grant is worth nothing without a patient in context. */
export function grantsFor(
  { grants, patient }: Pick<Access, 'grants' | 'patient'>,
  type: string,
  permission: Permission,
): readonly Grant[] {
  return grants.filter(
    (grant) =>
      (grant.type === type || grant.type === '*') &&
      grant.permissions.has(permission) &&
      (grant.context !== 'patient' || patient !== undefined),
  );
}

/**
 * Refuses what no scope allows, before anything is read of a body.
 * @param access absent: security is open
 * @throws FicusError `forbidden` (403, with WWW-Authenticate: RFC 6750 section 3.1 `insufficient_scope`)
 */
export function refuseUnpermitted(access: Access | undefined, interaction: Interaction, type: string): void {
  if (!access || grantsFor(access, type, NEEDS[interaction]).length > 0) return;
  throw new FicusError('forbidden', `No scope of this token allows ${interaction} of ${type}.`, {
    headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' },
  });
}
