import { createHash } from 'node:crypto';
import { decodeJwt } from 'jose';
import type { KoaContextWithOIDC, UnknownObject } from 'oidc-provider';
import type { Desk } from './desk.ts';

/** What an access token says of its grant (SMART App Launch 2.2.0, scopes-and-launch-context). */
export function claimsOf(desk: Desk, grantId: string | undefined): UnknownObject | undefined {
  const context = desk.contexts.get(grantId ?? '');
  if (!context) return undefined;
  const { user } = context;
  return {
    ...launchOf(desk, grantId),
    ...(user?.fhirUser === undefined ? {} : { fhirUser: `${desk.fhirBase()}/${user.fhirUser}` }),
    ...(user?.purposes.length ? { purpose_of_use: user.purposes } : {}),
    ...(user?.roles.length ? { roles: user.roles } : {}),
  };
}

/** Who a token is for: the FHIR API; of the staff, the admin API as well. */
export function audienceOf(desk: Desk, grantId: string | undefined): string | string[] {
  const { user } = desk.contexts.get(grantId ?? '') ?? {};
  return user?.roles.length && desk.adminBase ? [desk.fhirBase(), desk.adminBase()] : desk.fhirBase();
}

/** What an application is told of the launch, beside its token. */
function launchOf(desk: Desk, grantId: string | undefined): UnknownObject {
  const { patient, encounter, needPatientBanner } = desk.contexts.get(grantId ?? '') ?? {};
  if (patient === undefined) return {};
  return {
    patient,
    ...(encounter === undefined ? {} : { encounter }),
    need_patient_banner: needPatientBanner,
  };
}

/** What a signed token is kept under: never the token itself. */
export function tokenHash(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

/**
 * Keeps the token of an answer, by its hash, and adds the launch to the answer. oidc-provider forgets the JWTs it has
 * signed; kept beside the grant they can be asked after, and fall with it.
 */
export function keepToken(desk: Desk, ctx: KoaContextWithOIDC): void {
  const { AccessToken: token, ClientCredentials: own } = ctx.oidc.entities;
  const issued = token ?? own;
  const answer = ctx.body as UnknownObject | undefined;
  if (!issued || typeof answer?.['access_token'] !== 'string') return;
  const { exp = 0, iat, jti, aud } = decodeJwt(answer['access_token']);
  const { kind, clientId, scope, extra } = issued;
  const common = { kind, clientId, scope, aud, extra, exp, iat, jti };
  const payload = token ? { ...common, accountId: token.accountId, grantId: token.grantId, gty: token.gty } : common; // prettier-ignore
  desk.memory.keep(kind, tokenHash(answer['access_token']), payload, exp - Math.floor(Date.now() / 1_000));
  ctx.body = { ...answer, ...launchOf(desk, token?.grantId) };
}
