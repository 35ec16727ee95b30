import type { Principal } from '../ports.ts';
import { FicusError } from '../errors.ts';
import { isPermission, refuseWithout, staffOf } from '../security/roles.ts';
import type { Staff } from '../security/roles.ts';
import type { AdminPermission } from '../security/roles-table.ts';
import type { Authenticator } from '../security-ports.ts';

/** Who may use the admin API. */
export interface AdminAccess {
  /** For tokens whose audience is the admin API. */
  readonly authenticator: Authenticator;
}

/** Whoever asks, by a token that was found to be good. */
export interface AdminCaller extends Staff {
  /** @throws FicusError `forbidden`; for what depends on more than the operation */
  refuseWithout(permission: AdminPermission): void;
}

/**
 * Lets in whoever has a role for it. What needs no named permission nobody has.
 *
 * @throws FicusError `forbidden` (with WWW-Authenticate: RFC 6750 section 3.1 `insufficient_scope`)
 */
export function admitted({ access }: Pick<Principal, 'access'>, permission: string | undefined): AdminCaller {
  if (!access || !isPermission(permission)) throw new FicusError('forbidden', 'Nobody may do this.');
  const staff = staffOf(access);
  refuseWithout(permission, staff);
  return { ...staff, refuseWithout: (other) => refuseWithout(other, staff) };
}

/**
 * A body with the name of whoever sends it.
 *
 * @throws FicusError `forbidden` for the name of somebody else
 */
export function signedBy(
  { subject }: Pick<Staff, 'subject'>,
  body: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const { by = subject } = body;
  if (by === subject) return { ...body, by };
  throw new FicusError('forbidden', `"by" is whoever the token is of (${subject}), or is left out.`, {
    expression: ['by'],
  });
}
