import type { Config } from '../config/schema.ts';
import type { AdminAccess } from '../http/admin-door.ts';
import type { Security } from './security.ts';

/**
 * Who may use the admin API: what `admin.access` says, and where it says nothing, whoever has a role in a token of an
 * issuer that there is.
 *
 * @param security absent: security is open
 * @param adminBase address of the admin API: who its tokens are for, where nothing else is said
 * @returns undefined: whoever reaches it
 */
export function adminAccessOf(
  { admin }: Pick<Config, 'admin'>,
  security: Pick<Security, 'authenticator'> | undefined,
  adminBase: string,
): AdminAccess | undefined {
  const { access } = admin;
  if (!security || access === 'open') return undefined;
  const { audience = [adminBase], issuers } = access ?? {};
  const terms = { realm: adminBase, audience, ...(issuers ? { issuers } : {}) };
  return { authenticator: security.authenticator(terms) };
}
