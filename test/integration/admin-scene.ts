import { request as httpRequest } from 'node:http';
import { systemClock } from '../../src/clock.ts';
import { loadAdminDocument } from '../../src/compose/migration/document.ts';
import { FicusError } from '../../src/errors.ts';
import { createAdminApp } from '../../src/http/admin.ts';
import type { AdminRequest, AdminRoute } from '../../src/http/admin.ts';
import { operationsOf, secured } from '../../src/http/admin-contract.ts';
import type { ApiOperation } from '../../src/http/admin-contract.ts';
import type { Refusal } from '../../src/http/admission.ts';
import { startHttpServer } from '../../src/http/server.ts';
import type { HttpServer } from '../../src/http/server.ts';
import type { Principal } from '../../src/ports.ts';
import type { Access, AuditEntry, Authenticator } from '../../src/security-ports.ts';
import { keepLines } from '../unit/http/fhir-server.ts';

export const document = loadAdminDocument();
export const operations = operationsOf(document);
export const JSON_TYPE = { 'content-type': 'application/json' };
export const SIGNED = JSON.stringify({ reason: 'a test' });

/** Tokens are `SUBJECT:CLIENT:ROLE,ROLE`. */
const stub: Authenticator = {
  authenticate({ headers }): Principal {
    const text = /^Bearer (.*)$/.exec(String(headers['authorization'] ?? ''))?.[1];
    const challenge = { headers: { 'www-authenticate': 'Bearer realm="ficus"' } };
    if (text === undefined) throw new FicusError('unauthenticated', 'A token is needed.', challenge);
    const [subject = '', client = '', roles = ''] = text.split(':');
    const access: Access = {
      grants: [],
      purposes: [],
      mayBreakGlass: false,
      roles: roles.split(',').filter((role) => role !== ''),
      issuer: 'https://login.example',
      subject,
      client,
      tokenId: `jti-${subject}`,
    };
    return { key: subject, client, access };
  },
};

/** As `healthRoutes` has it. */
const HEALTH = new Set(['/healthz', '/readyz']);

/** The admin API over real connections, with every operation of the document; each answers 200, with whose name it was signed by. */
export interface AdminScene {
  /** With tokens. */
  readonly origin: string;
  /** With open access. */
  readonly openOrigin: string;
  readonly entries: AuditEntry[];
  readonly refusals: Refusal[];
  /** What came through to an operation. */
  readonly handled: AdminRequest[];
  /** Whether the audit can be written. */
  auditFails: boolean;
  readonly reset: () => void;
  readonly close: () => Promise<unknown>;
}

export async function startAdminScene(): Promise<AdminScene> {
  const entries: AuditEntry[] = [];
  const refusals: Refusal[] = [];
  const handled: AdminRequest[] = [];
  const servers: HttpServer[] = [];
  const kept = async (keep: () => void): Promise<void> => {
    // A moment, so that an answer that does not wait is told before.
    await new Promise((resolve) => setImmediate(resolve));
    if (scene.auditFails) throw new FicusError('unavailable', 'The disk is full.');
    keep();
  };
  const audit = {
    sink: { write: (written: readonly AuditEntry[]) => kept(() => entries.push(...written)) },
    refused: (refusal: Refusal) => kept(() => refusals.push(refusal)),
  };
  const answering = ({ method, path }: ApiOperation): AdminRoute => ({
    method,
    path: path.replaceAll(/\{(\w+)\}/g, ':$1'),
    ...(HEALTH.has(path) ? { anyName: true } : {}),
    handle: (request) => {
      handled.push(request);
      return { body: { by: request.body['by'] } };
    },
  });
  const listen = async (access?: Parameters<typeof createAdminApp>[0]['access']): Promise<string> => {
    const routes = secured(document, operations.map(answering));
    const app = createAdminApp({
      routes,
      hosts: ['ficus.internal'],
      tls: true,
      audit,
      log: keepLines([]),
      ...(access ? { access } : {}),
    });
    const server = await startHttpServer({ app, clock: systemClock }, { host: '127.0.0.1', port: 0 });
    servers.push(server);
    return `http://127.0.0.1:${server.port}`;
  };
  const scene: AdminScene = {
    origin: await listen({ authenticator: stub }),
    openOrigin: await listen(),
    entries,
    refusals,
    handled,
    auditFails: false,
    reset: () => {
      for (const list of [entries, refusals, handled]) list.length = 0;
      scene.auditFails = false;
    },
    close: () => Promise.all(servers.map((server) => server.close(0))),
  };
  return scene;
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** A request with headers that fetch does not let through. */
export function rawly(
  url: string,
  headers: Readonly<Record<string, string>>,
  { method = 'GET', body = '' } = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
