import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { SignJWT, importJWK } from 'jose';
import type { JWK } from 'jose';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import { send, urlHost } from '../http.ts';
import { DEVELOPER, standingClients } from './clients.ts';
import type { Desk, Refusal } from './desk.ts';
import { door } from './door.ts';
import { createHospital } from './hospital.ts';
import { createInteractions } from './interactions.ts';
import { createKey, loadKeys, rotateKeys, SIGNING, writeSecret } from './keys.ts';
import { Launches } from './launches.ts';
import { Memory } from './memory.ts';
import { ownPages } from './own-pages.ts';
import type { SandboxPatient } from './people.ts';
import { createProvider } from './provider.ts';
import { rewritten, withScope } from './rewrite.ts';
import { keepToken, tokenHash } from './tokens.ts';

export interface AuthorizationServerOptions {
  /** Address to listen on: loopback only, for nobody here has a password. Default 127.0.0.1. */
  readonly host?: string;
  /** Default 8093; 0: any free port. */
  readonly port?: number;
  /**
   * FHIR base address that tokens are for: their `aud`. Asked for at every use, for it may be known later than this
   * server.
   */
  readonly fhirBase: () => string;
  /** Address of Ficus' admin API, which takes tokens of the staff as well; absent: they are for the FHIR API only. */
  readonly adminBase?: () => string;
  /** Who can be picked. */
  readonly patients: () => readonly SandboxPatient[];
  /** Folder for keys, readable by the owner only; absent: they are gone with the process. */
  readonly stateDir?: string;
  /**
   * Secret of the client `ficus`, which may ask after any token (client_secret_basic); absent: there is no such client.
   */
  readonly resourceServerSecret?: string;
  /** Told of what was refused. */
  readonly report?: (refusal: Refusal) => void;
}

export interface AuthorizationServer {
  readonly issuer: string;
  /** Signs with a new key from now on; what the one before signed stays good. */
  rotate(): Promise<void>;
  close(): Promise<void>;
}

const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];
/** Seconds that this server's own token lasts. */
const OWN_TOKEN_SECONDS = 300;

/**
 * Starts the authorization server of the sandbox: SMART App Launch 2.2.0 with pages, Backend Services, registration,
 * introspection, revocation. Everything but keys lives in memory.
 *
 * @throws Error for a port that is taken, or an address that is not loopback
 */
export async function createAuthorizationServer(
  options: AuthorizationServerOptions,
): Promise<AuthorizationServer> {
  const { host = '127.0.0.1', stateDir, report = () => {} } = options;
  if (!LOOPBACK.includes(host))
    throw new Error(
      `The sandbox's authorization server has no passwords: it listens on loopback only, not on ${host}.`,
    );
  const file = stateDir === undefined ? undefined : join(stateDir, 'keys.json');
  let keys = await loadKeys(file);
  const developerKey = await createKey('ES384');
  let handle: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) =>
    send(response, { status: 503, headers: { 'retry-after': '1' }, body: '' });
  const server = createServer((request, response) => handle(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 8093, host, resolve);
  });
  const issuer = `http://${urlHost(host)}:${(server.address() as AddressInfo).port}`;
  const memory = new Memory();
  const desk: Desk = {
    issuer,
    fhirBase: options.fhirBase,
    adminBase: options.adminBase,
    patients: options.patients,
    hospital: createHospital(options.fhirBase, () => ownToken(desk, keys)),
    launches: new Launches(),
    memory,
    contexts: new Map(),
    patientUsers: new Map(),
    report,
  };
  const clients = standingClients(developerKey, options.resourceServerSecret);
  const interactions = createInteractions(desk);
  const open = () => {
    const provider = createProvider(desk, keys, clients);
    provider.use((ctx, next) => door(desk, ctx as KoaContextWithOIDC, next));
    provider.use(async (ctx, next) => {
      const at = ctx as KoaContextWithOIDC;
      if (await interactions(provider, at)) return;
      if (await ownPages(desk, at, rotate)) return;
      askForConsent(at);
      await next();
      amend(desk, at);
    });
    const callback = provider.callback();
    handle = (request, response) => void forward(callback, request, response);
  };
  const rotate = async (): Promise<void> => {
    keys = await rotateKeys(keys, file);
    open();
  };
  open();
  const developerFile = stateDir === undefined ? undefined : join(stateDir, 'developer.json');
  if (developerFile !== undefined) {
    const developer = { issuer, client_id: DEVELOPER, key: developerKey };
    writeSecret(developerFile, JSON.stringify(developer));
  }
  return {
    issuer,
    rotate,
    close: () =>
      new Promise((resolve) => {
        if (developerFile !== undefined) rmSync(developerFile, { force: true });
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function forward(
  callback: ReturnType<Provider['callback']>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    await callback(await rewritten(request), response);
  } catch {
    if (!response.headersSent) response.writeHead(400);
    response.end();
  }
}

/**
 * Every authorization is agreed to anew, and a refresh token may come of it: OpenID Connect ties both to `prompt`,
 * SMART has no such word.
 */
function askForConsent(ctx: KoaContextWithOIDC): void {
  if (ctx.method !== 'GET' || ctx.path !== '/auth' || ctx.query['prompt'] === 'none') return;
  ctx.query = { ...ctx.query, prompt: 'login consent' };
}

/** What oidc-provider's answers lack. */
function amend(desk: Desk, ctx: KoaContextWithOIDC): void {
  const route = ctx.oidc?.route;
  const body = ctx.body as Record<string, unknown> | undefined;
  if (route === 'token') keepToken(desk, ctx);
  if (['registration', 'client', 'client_update'].includes(route) && body) ctx.body = withScope(body);
  if (ctx.status >= 400 && route !== undefined && typeof body?.['error'] === 'string') {
    const requestId = String(ctx.state['requestId']);
    const { error, error_description: description = '' } = body as {
      error: string;
      error_description?: string;
    };
    desk.report({ requestId, error, description });
    ctx.body = { ...body, request_id: requestId };
  }
}

/** The token with which this server looks patients up. */
async function ownToken(desk: Desk, [key]: readonly JWK[]): Promise<string> {
  if (!key) throw new Error('There is no key to sign with.');
  const now = Math.floor(Date.now() / 1_000);
  const claims = {
    iss: desk.issuer,
    sub: 'patient-picker',
    aud: desk.fhirBase(),
    iat: now,
    exp: now + OWN_TOKEN_SECONDS,
    jti: randomUUID(),
    client_id: 'patient-picker',
    scope: 'system/Patient.rs system/Encounter.rs',
  };
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: SIGNING, typ: 'at+jwt', kid: key.kid ?? '' })
    .sign(await importJWK(key, SIGNING));
  const { exp, iat, jti, aud, scope, sub } = claims;
  desk.memory.keep(
    'ClientCredentials',
    tokenHash(token),
    { kind: 'ClientCredentials', clientId: sub, exp, iat, jti, aud, scope },
    OWN_TOKEN_SECONDS,
  );
  return token;
}
