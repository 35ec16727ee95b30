import { randomBytes, randomUUID } from 'node:crypto';
import type { JWK } from 'jose';
import { Provider, errors } from 'oidc-provider';
import type { ClientMetadata, Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { DEVELOPER, isResourceServer } from './clients.ts';
import type { Desk } from './desk.ts';
import { findUser } from './desk.ts';
import { registerDeveloperGrant } from './developer-grant.ts';
import { refusalPage } from './refusals.ts';
import { SIGNING } from './keys.ts';
import { isAbout, knownScopes, registrationProblem, SESSION_SCOPES } from './scopes.ts';
import { audienceOf, claimsOf } from './tokens.ts';

/** Seconds that things last. */
const LIFE = {
  accessToken: 3_600,
  code: 60,
  interaction: 3_600,
  session: 8 * 3_600,
  refreshToken: 90 * 86_400,
} as const;

/** Metadata of a client beside the standard's: where it is launched, and which data it may ask for. */
const LAUNCH_URI = 'launch_uri';
export const DATA_SCOPE_METADATA = 'data_scope';

/** Signs the cookies of this process; whoever signed in before a restart signs in again. */
const cookieKeys = [randomBytes(32).toString('base64url')];

/**
 * oidc-provider as SMART App Launch 2.2.0 wants it: codes with PKCE S256 only, `aud` and `launch`, tokens that are JWTs
 * for the FHIR API (RFC 9068), clients that sign (RS384, ES384), registration.
 *
 * @param keys that sign, newest first: another rotation is another Provider on the same memory
 */
export function createProvider(
  desk: Desk,
  keys: readonly JWK[],
  clients: readonly ClientMetadata[],
): Provider {
  const provider = new Provider(desk.issuer, configurationOf(desk, keys, clients));
  registerDeveloperGrant(provider, desk);
  return provider;
}

function configurationOf(
  desk: Desk,
  keys: readonly JWK[],
  clients: readonly ClientMetadata[],
): Configuration {
  return {
    adapter: (model: string) => desk.memory.adapter(model),
    clients: [...clients],
    jwks: { keys: [...keys] },
    cookies: { keys: cookieKeys },
    scopes: [...SESSION_SCOPES],
    claims: { openid: ['sub'], profile: ['name'], fhirUser: ['fhirUser'] },
    responseTypes: ['code'],
    pkce: { required: () => true },
    clientAuthMethods: ['none', 'client_secret_basic', 'private_key_jwt'],
    enabledJWA: {
      clientAuthSigningAlgValues: ['RS384', 'ES384'],
      idTokenSigningAlgValues: [SIGNING],
    },
    clientDefaults: { id_token_signed_response_alg: SIGNING },
    extraClientMetadata: { properties: [LAUNCH_URI, DATA_SCOPE_METADATA], validator: checkMetadata },
    extraParams: {
      aud: (ctx, value) => checkAudience(ctx, value, desk.fhirBase()),
      launch: (ctx, value) => checkLaunch(ctx, value, desk),
    },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) =>
          isResourceServer(client.clientId) || token.clientId === client.clientId,
      },
      revocation: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) =>
          client.clientId === DEVELOPER || token.clientId === client.clientId,
      },
      registration: { enabled: true, idFactory: () => randomUUID() },
      registrationManagement: { enabled: true, rotateRegistrationAccessToken: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => desk.fhirBase(),
        useGrantedResource: () => true,
        getResourceServerInfo: (ctx, indicator, client) => {
          if (indicator !== desk.fhirBase()) throw new errors.InvalidTarget();
          return {
            scope: scopesFor(ctx, client.metadata()).join(' '),
            accessTokenFormat: 'jwt',
            accessTokenTTL: LIFE.accessToken,
            jwt: { sign: { alg: SIGNING } },
          };
        },
      },
    },
    ttl: {
      AccessToken: LIFE.accessToken,
      AuthorizationCode: LIFE.code,
      ClientCredentials: 300,
      Grant: LIFE.refreshToken,
      IdToken: LIFE.accessToken,
      Interaction: LIFE.interaction,
      RefreshToken: LIFE.refreshToken,
      Session: LIFE.session,
    },
    extraTokenClaims: (_ctx, token) => claimsOf(desk, 'grantId' in token ? token.grantId : undefined),
    formats: {
      customizers: {
        jwt: (_ctx, token, { payload }) => {
          payload['aud'] = audienceOf(desk, 'grantId' in token ? token.grantId : undefined);
        },
      },
    },
    findAccount: (_ctx, id) => {
      const user = findUser(desk, id);
      if (!user) return undefined;
      const fhirUser = user.fhirUser && `${desk.fhirBase()}/${user.fhirUser}`;
      return { accountId: id, claims: () => ({ sub: id, name: user.name, fhirUser }) };
    },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    // A launch is about one patient: what was agreed to for another one does not count.
    loadExistingGrant: (ctx) => {
      const grantId = ctx.oidc.result?.consent?.grantId;
      return grantId === undefined ? undefined : ctx.oidc.provider.Grant.find(grantId);
    },
    issueRefreshToken: (_ctx, client, { scopes }) =>
      client.grantTypeAllowed('refresh_token') &&
      (scopes.has('offline_access') || scopes.has('online_access')),
    expiresWithSession: () => false,
    rotateRefreshToken: true,
    renderError: (ctx, out) => refusalPage(desk, ctx, out),
  };
}

/** Scopes that this request is about, of those that the client may have. */
function scopesFor(ctx: KoaContextWithOIDC, client: ClientMetadata): readonly string[] {
  const { params, entities } = ctx.oidc;
  const asked = [params?.['scope'], entities.AuthorizationCode?.scope, entities.RefreshToken?.scope];
  const scopes = knownScopes(asked.filter((one) => typeof one === 'string').join(' '));
  const machine = params?.['grant_type'] === 'client_credentials';
  const registered = client[DATA_SCOPE_METADATA];
  const named = typeof registered === 'string' ? new Set(registered.split(' ')) : undefined;
  const found = scopes.filter((scope) => {
    if (!isAbout(scope, ['patient', 'user', 'system'])) return !machine;
    // What people agree to on a page need not be registered; what nobody is asked about must be.
    return isAbout(scope, ['system']) === machine && (named?.has(scope) ?? !machine);
  });
  if (machine && found.length === 0)
    throw new errors.InvalidScope('the application is registered for none of these scopes', scopes.join(' '));
  return found;
}

/**
 * `aud` says which FHIR API an application means, so that a token never goes to another (SMART App Launch 2.2.0,
 * app-launch).
 */
function checkAudience(_ctx: KoaContextWithOIDC, value: string | undefined, base: string): void {
  if (value === undefined)
    throw new errors.InvalidRequest(`aud is missing: it is the FHIR base address, ${base}`);
  if (value.replace(/\/$/, '') === base) return;
  throw new errors.InvalidRequest(`aud is ${value}, but this server gives tokens for ${base}`);
}

function checkLaunch(ctx: KoaContextWithOIDC, value: string | undefined, desk: Desk): void {
  const asked = ctx.oidc.requestParamScopes.has('launch');
  if (asked && value === undefined)
    throw new errors.InvalidRequest(
      'launch is missing: the scope "launch" is for launches out of the record system',
    );
  if (value !== undefined && !desk.launches.find(value))
    throw new errors.InvalidRequest('launch is unknown, has been used or is older than five minutes');
}

function checkMetadata(
  _ctx: KoaContextWithOIDC | undefined,
  key: string,
  value: unknown,
  metadata: ClientMetadata,
): void {
  if (value === undefined) return;
  if (typeof value !== 'string') throw new errors.InvalidClientMetadata(`${key} is a text`);
  if (key === DATA_SCOPE_METADATA) {
    const isPublic = metadata.token_endpoint_auth_method === 'none';
    for (const scope of value.split(' ')) {
      const problem = registrationProblem(scope, isPublic);
      if (problem !== undefined) throw new errors.InvalidClientMetadata(`scope: ${problem}`);
    }
  }
  if (key !== LAUNCH_URI) return;
  const origins = (metadata.redirect_uris ?? []).map((uri) => URL.parse(uri)?.origin);
  if (!origins.includes(URL.parse(value)?.origin ?? ''))
    throw new errors.InvalidClientMetadata('launch_uri has the origin of one of the redirect_uris');
}
