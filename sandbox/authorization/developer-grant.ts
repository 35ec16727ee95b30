import { errors } from 'oidc-provider';
import type { Provider, TokenEndpointGrantContext } from 'oidc-provider';
import { DEVELOPER, DEVELOPER_GRANT } from './clients.ts';
import { findUser, findUserNamed } from './desk.ts';
import type { Desk, GrantContext } from './desk.ts';
import { SIGNING } from './keys.ts';
import { patientUser, USERS } from './people.ts';
import type { SandboxUser } from './people.ts';
import { knownScopes, wantsPatient } from './scopes.ts';

interface Wish {
  readonly scope?: string;
  /** Logical id, or a part of the name. */
  readonly patient?: string;
  /** Id, or a part of the name. */
  readonly user?: string;
  readonly role?: string;
  /** Another client that the token is said to be for. */
  readonly for_client?: string;
  /** Seconds. */
  readonly expires_in?: string;
}

const PARAMETERS: readonly (keyof Wish)[] = ['scope', 'patient', 'user', 'role', 'for_client', 'expires_in'];
const LONGEST_SECONDS = 86_400;

/**
 * The sandbox's own grant, for whoever holds the key that the server wrote beside its own: a token in the name of any
 * user, without pages. No authorization server of a hospital has such a thing.
 */
export function registerDeveloperGrant(provider: Provider, desk: Desk): void {
  provider.registerGrantType<Wish>(DEVELOPER_GRANT, (ctx) => give(ctx, desk), PARAMETERS);
}

async function give(ctx: TokenEndpointGrantContext<Wish>, desk: Desk): Promise<void> {
  const { client, params, provider } = ctx.oidc;
  if (client.clientId !== DEVELOPER) throw new errors.InvalidRequest('this grant is not for this client');
  const context = await contextOf(params, desk);
  const scopes = knownScopes(params.scope ?? defaultScope(context));
  if (scopes.length === 0) throw new errors.InvalidScope('no scope is known here', params.scope ?? '');
  if (wantsPatient(scopes) && context.patient === undefined)
    throw new errors.InvalidRequest('scopes that begin with patient/ need a patient');
  const target = params.for_client === undefined ? client : await provider.Client.find(params.for_client);
  if (!target) throw new errors.InvalidRequest(`no client has the id ${params.for_client}`);
  const subject = context.user ? { accountId: context.user.id } : {};
  const grant = new provider.Grant({ ...subject, clientId: target.clientId });
  grant.addResourceScope(desk.fhirBase(), [...scopes]);
  const grantId = await grant.save();
  desk.contexts.set(grantId, context);
  const token = new provider.AccessToken({
    ...(subject as { accountId: string }),
    client: target,
    grantId,
    gty: DEVELOPER_GRANT,
    expiresIn: seconds(params.expires_in),
    scope: scopes.join(' '),
    resourceServer: new provider.ResourceServer(desk.fhirBase(), {
      scope: scopes.join(' '),
      accessTokenFormat: 'jwt',
      jwt: { sign: { alg: SIGNING } },
    }),
  });
  ctx.oidc.entity('AccessToken', token);
  const value = await token.save();
  ctx.body = { access_token: value, token_type: 'Bearer', expires_in: token.expiration, scope: token.scope };
}

async function contextOf(wish: Wish, desk: Desk): Promise<GrantContext> {
  const patient = wish.patient === undefined ? undefined : await patientNamed(wish.patient, desk);
  const about = patient ? { patient: patient.id } : {};
  const user = userOf(wish, patient, desk);
  return { ...about, ...(user ? { user } : {}), needPatientBanner: true };
}

/** A user by name or role; else the patient; else a clinician; nobody where the scopes are a system's. */
function userOf(
  { user: named, role, scope }: Wish,
  patient: { readonly id: string; readonly name: string } | undefined,
  desk: Desk,
): SandboxUser | undefined {
  if (named !== undefined) {
    const user = findUserNamed(desk, named);
    if (!user)
      throw new errors.InvalidRequest(`no user is called ${named}: ${USERS.map(({ id }) => id).join(', ')}`);
    return role === undefined ? user : { ...user, roles: [role] };
  }
  if (role !== undefined) {
    const user = USERS.find(({ roles }) => roles.includes(role));
    if (!user)
      throw new errors.InvalidRequest(
        `no user has the role ${role}: ${USERS.flatMap(({ roles }) => roles).join(', ')}`,
      );
    return user;
  }
  if (patient) {
    const user = patientUser(patient.id, patient.name);
    desk.patientUsers.set(user.id, user);
    return user;
  }
  return scope?.includes('system/') ? undefined : findUser(desk, USERS[0]?.id);
}

async function patientNamed(text: string, desk: Desk): Promise<{ id: string; name: string }> {
  const wanted = text.toLowerCase();
  const found = desk
    .patients()
    .filter(({ name, mrn }) => name.toLowerCase().includes(wanted) || mrn === text);
  const [first] = found.toSorted((one, other) => Number(one.ordinary) - Number(other.ordinary));
  if (first) return { id: await desk.hospital.idOf(first), name: first.name };
  if (/^[A-Za-z0-9.-]{1,64}$/.test(text)) return { id: text, name: 'Patient' };
  throw new errors.InvalidRequest('no patient is called that, and it is no id either');
}

function defaultScope({ user, patient }: GrantContext): string {
  if (patient !== undefined) return 'launch/patient patient/*.cruds';
  return user?.roles.length ? 'openid fhirUser user/*.rs' : 'user/*.cruds';
}

function seconds(text: string | undefined): number {
  const value = Number(text ?? '3600');
  if (Number.isInteger(value) && value > 0 && value <= LONGEST_SECONDS) return value;
  throw new errors.InvalidRequest(`expires_in is from 1 to ${LONGEST_SECONDS} seconds`);
}
