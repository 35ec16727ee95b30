import { FicusError } from '../errors.ts';
import type { Access } from '../security-ports.ts';
import { PERMISSIONS, ROLES } from './roles-table.ts';
import type { AdminPermission, Role } from './roles-table.ts';

/** What an issuer calls a role, where it is not called as here: `{ 'migration-lead': ['grp-4711'] }`. */
export type RoleNames = Readonly<Partial<Record<Role, readonly string[] | undefined>>>;

/** Whoever works at Ficus itself, by their token. */
export interface Staff {
  /** Subject of the token: what every change is signed with. The same person by another program has the same one. */
  readonly subject: string;
  readonly roles: readonly Role[];
  /** The token was given to a program on its own account: its subject is the client itself (RFC 9068 section 2.2). */
  readonly program: boolean;
}

/**
 * Roles by their names here. A role that the issuer calls otherwise has that name only: its own is nobody's any more.
 * Names of no role stay.
 */
export function rolesCalled(claimed: readonly string[], names: RoleNames): readonly string[] {
  const has = new Set(claimed);
  const called = ROLES.filter((role) => (names[role] ?? [role]).some((name) => has.has(name)));
  return [...called, ...claimed.filter((name) => !isRole(name))];
}

export function staffOf({ roles, subject, client }: Pick<Access, 'roles' | 'subject' | 'client'>): Staff {
  return { subject, roles: ROLES.filter((role) => roles.includes(role)), program: subject === client };
}

function isRole(name: string): boolean {
  return ROLES.some((role) => role === name);
}

export function isPermission(name: unknown): name is AdminPermission {
  return typeof name === 'string' && Object.hasOwn(PERMISSIONS, name);
}

/**
 * @throws FicusError `forbidden` (with WWW-Authenticate: RFC 6750 section 3.1 `insufficient_scope`) that says which
 * roles would do
 */
export function refuseWithout(permission: AdminPermission, { roles, program }: Staff): void {
  const row = PERMISSIONS[permission];
  if (!row.roles.some((role) => roles.includes(role))) {
    const needed =
      row.roles.length === 1 ? `the role ${row.roles[0]}` : `one of the roles ${row.roles.join(', ')}`;
    const has = roles.length === 0 ? 'none' : roles.join(', ');
    throw refusal(`This needs ${needed} (${row.words}); the token has ${has}.`);
  }
  if (row.person && program)
    throw refusal(`A person answers for this (${row.words}); the token is of a program.`);
}

function refusal(words: string): FicusError {
  return new FicusError('forbidden', words, {
    headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' },
  });
}
