import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { loadAdminDocument } from '../../src/compose/migration/document.ts';
import { FicusError } from '../../src/errors.ts';
import { createAdminApp } from '../../src/http/admin.ts';
import type { AdminRequest, AdminRoute } from '../../src/http/admin.ts';
import { operationsOf, secured } from '../../src/http/admin-contract.ts';
import type { ApiOperation } from '../../src/http/admin-contract.ts';
import { documentRoute, healthRoutes, metricsRoute } from '../../src/http/admin-routes.ts';
import type { Refusal } from '../../src/http/admission.ts';
import { startHttpServer } from '../../src/http/server.ts';
import type { HttpServer } from '../../src/http/server.ts';
import type { Principal } from '../../src/ports.ts';
import { PERMISSIONS, ROLES } from '../../src/security/roles-table.ts';
import type { Access, AuditEntry, Authenticator } from '../../src/security-ports.ts';
import { keepLines } from '../unit/http/fhir-server.ts';

/*
 * Who may use the admin API, over real connections: every operation of the document with every role, and with what is no role. What the operations
 * do is not asked here; each answers 200.
 */

const document = loadAdminDocument();
const operations = operationsOf(document);
const JSON_TYPE = { 'content-type': 'application/json' };
const SIGNED = JSON.stringify({ reason: 'a test' });

/** Tokens of this test are `SUBJECT:CLIENT:ROLE,ROLE`. */
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

const entries: AuditEntry[] = [];
const refusals: Refusal[] = [];
const handled: AdminRequest[] = [];
let auditFails = false;

const kept = async (keep: () => void): Promise<void> => {
  // A moment, so that an answer that does not wait is told before.
  await new Promise((resolve) => setImmediate(resolve));
  if (auditFails) throw new FicusError('unavailable', 'The disk is full.');
  keep();
};
const audit = {
  sink: { write: (written: readonly AuditEntry[]) => kept(() => entries.push(...written)) },
  refused: (refusal: Refusal) => kept(() => refusals.push(refusal)),
};

/** As `healthRoutes` has it. */
const HEALTH = new Set(['/healthz', '/readyz']);

const answering = ({ method, path }: ApiOperation): AdminRoute => ({
  method,
  path: path.replaceAll(/\{(\w+)\}/g, ':$1'),
  ...(HEALTH.has(path) ? { anyName: true } : {}),
  handle: (request) => {
    handled.push(request);
    return { body: { by: request.body['by'] } };
  },
});

const servers: HttpServer[] = [];
let origin: string;
let openOrigin: string;

async function listen(access?: Parameters<typeof createAdminApp>[0]['access']): Promise<string> {
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
}

beforeAll(async () => {
  origin = await listen({ authenticator: stub });
  openOrigin = await listen();
});
afterAll(() => Promise.all(servers.map((server) => server.close(0))));
beforeEach(() => {
  for (const list of [entries, refusals, handled]) list.length = 0;
  auditFails = false;
});

const pathOf = ({ path }: ApiOperation): string => path.replaceAll(/\{\w+\}/g, 'x');

function ask(
  { method, ...operation }: ApiOperation,
  headers: Readonly<Record<string, string>> = {},
  { base = origin, body = SIGNED } = {},
): Promise<Response> {
  return fetch(`${base}${pathOf({ method, ...operation })}`, {
    method: method.toUpperCase(),
    headers: { ...(method === 'get' ? {} : JSON_TYPE), ...headers },
    ...(method === 'get' ? {} : { body }),
  });
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const named = (id: string): ApiOperation => {
  const found = operations.find((one) => one.id === id);
  if (!found) throw new Error(`no operation ${id}`);
  return found;
};
const guarded = operations.filter(({ permission }) => permission !== 'none');

describe('document and table of permissions', () => {
  it('agree: each operation needs a permission of the table, or says that it needs none', () => {
    expect(operations.filter(({ permission }) => permission === undefined).map(({ id }) => id)).toEqual([]);
    expect(operations.filter(({ permission }) => permission === 'none').map(({ id }) => id)).toEqual([
      'health',
      'ready',
    ]);
  });

  it('agree: no permission is there for nothing', () => {
    const needed = new Set<string>(operations.flatMap(({ permission }) => permission ?? []));
    // Asked for by the content of a request, beside the permission of its operation.
    needed.add('clinical.decide');
    expect(Object.keys(PERMISSIONS).filter((name) => !needed.has(name))).toEqual([]);
  });

  it('give no role everything', () => {
    for (const role of ROLES)
      expect(
        Object.values(PERMISSIONS).some(({ roles }) => !roles.includes(role)),
        role,
      ).toBe(true);
  });

  it('keep patient data from whoever only runs or leads', () => {
    for (const name of ['samples.open', 'messages.open'] as const)
      for (const role of ['viewer', 'migration-lead', 'admin'] as const)
        expect(PERMISSIONS[name].roles, `${name} ${role}`).not.toContain(role);
  });

  it('are told in docs/admin-api.md as they are', () => {
    const rows = Object.entries(PERMISSIONS).map(([name, { words, roles, person }]) => {
      const marks = ROLES.map((role) => (roles.includes(role) ? 'x' : ''));
      return `| \`${name}\` | ${words}${person ? ' (a person)' : ''} | ${marks.join(' | ')} |`;
    });
    const told = readFileSync('docs/admin-api.md', 'utf8').split('\n');
    expect(told.filter((line) => line.startsWith('| `'))).toEqual(rows);
  });

  it('refuse a route of which the document says nothing', () => {
    const route: AdminRoute = { method: 'get', path: '/surprise', handle: () => ({}) };
    expect(() => secured(document, [route])).toThrow('/surprise');
  });

  it('know the routes that are not made from the document', () => {
    const written = [
      ...healthRoutes(() => []),
      metricsRoute({ text: async () => ({ contentType: 'text/plain', body: '' }) }),
      documentRoute({}),
    ];
    expect(secured(document, written).map(({ permission }) => permission)).toEqual([
      'none',
      'none',
      'metrics.read',
      'migration.read',
    ]);
  });
});

describe.each(guarded.map((one) => [one.id, one] as const))('%s', (_, operation) => {
  const { permission } = operation;
  const { roles: having } = PERMISSIONS[permission as keyof typeof PERMISSIONS];

  it('is not answered without a token', async () => {
    const response = await ask(operation);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(await response.json()).toEqual({ error: 'unauthenticated', message: 'A token is needed.' });
    expect(handled).toEqual([]);
  });

  it.each(ROLES.map((role) => [role, having.includes(role) ? 200 : 403] as const))(
    'asked by a %s is %i',
    async (role, status) => {
      const response = await ask(operation, bearer(`ada:console:${role}`));
      expect(response.status).toBe(status);
      expect(handled).toHaveLength(status === 200 ? 1 : 0);
      if (status === 403) {
        const { error, message } = (await response.json()) as { error: string; message: string };
        expect(error).toBe('forbidden');
        for (const one of having) expect(message).toContain(one);
        expect(response.headers.get('www-authenticate')).toBe('Bearer error="insufficient_scope"');
      }
    },
  );

  it('is 403 for a token without a role, as an application has it, and with one that is none', async () => {
    for (const roles of ['', 'root', 'Admin', '__proto__'])
      expect((await ask(operation, bearer(`ada:chart-app:${roles}`))).status, roles).toBe(403);
    expect(handled).toEqual([]);
  });
});

describe('health', () => {
  it.each(['health', 'ready'])('%s is answered without a token, whatever it is called by', async (id) => {
    expect((await ask(named(id))).status).toBe(200);
    expect((await rawly('/healthz', { host: 'probe.example' })).status).toBe(200);
  });
});

describe('whoever changes something', () => {
  const promote = named('promote');
  const lead = bearer('mira:console:migration-lead');

  it('is the subject of the token', async () => {
    expect(await (await ask(promote, lead)).json()).toEqual({ by: 'mira' });
    const body = JSON.stringify({ by: 'mira', reason: 'x' });
    expect(await (await ask(promote, lead, { body })).json()).toEqual({ by: 'mira' });
  });

  it.each(['somebody', 'Mira', ' mira', '', 7, null, ['mira']])('is not by the name of %j', async (by) => {
    const response = await ask(promote, lead, { body: JSON.stringify({ by, reason: 'x' }) });
    expect(response.status).toBe(403);
    expect(handled).toEqual([]);
    expect(refusals).toMatchObject([{ action: 'migration.promote', failure: { code: 'forbidden' } }]);
  });

  it('is a person where somebody has to answer for it', async () => {
    const program = bearer('batch:batch:migration-lead');
    expect((await ask(promote, program)).status).toBe(200);
    const response = await ask(named('retire'), program);
    expect(response.status).toBe(403);
    expect(await response.text()).toContain('program');
  });

  it('says who they are where access is open, and is believed', async () => {
    const body = JSON.stringify({ by: 'ops', reason: 'x' });
    expect(await (await ask(promote, {}, { base: openOrigin, body })).json()).toEqual({ by: 'ops' });
    expect(entries).toMatchObject([{ kind: 'route-change', agent: { subject: 'ops' } }]);
  });
});

describe('the audit', () => {
  it('has every change, and what was opened, before it is answered', async () => {
    const lead = bearer('mira:console:migration-lead,integrator');
    for (const id of ['promote', 'verifyBackend', 'openSample', 'explainMessage', 'listRoutes']) {
      const before = entries.length;
      expect((await ask(named(id), { ...lead, 'x-request-id': `r-${id}` })).status).toBe(200);
      expect(entries.length - before, id).toBe(id === 'listRoutes' ? 0 : 1);
    }
    const agent = {
      subject: 'mira',
      client: 'console',
      roles: ['migration-lead', 'integrator'],
      tokenId: 'jti-mira',
      address: '127.0.0.1',
    };
    expect(entries).toMatchObject([
      {
        kind: 'route-change',
        action: 'migration.promote',
        requestId: 'r-promote',
        details: { endpoint: 'x' },
      },
      { kind: 'admin', action: 'migration.verifyBackend', details: { name: 'x' } },
      { kind: 'sample-opened', action: 'differences.openSample', details: { id: 'x' } },
      { kind: 'message-opened', action: 'feed.explainMessage', details: { seq: 'x' } },
    ]);
    for (const entry of entries) expect(entry).toMatchObject({ outcome: 'success', agent });
  });

  it('has who was refused, and who had no token', async () => {
    await ask(named('promote'), bearer('vera:console:viewer'));
    await ask(named('listRoutes'));
    expect(refusals).toMatchObject([
      {
        action: 'migration.promote',
        failure: { code: 'forbidden' },
        principal: { access: { subject: 'vera' } },
      },
      { action: 'routes.listRoutes', failure: { code: 'unauthenticated' }, principal: { key: 'anonymous' } },
    ]);
    expect(entries).toEqual([]);
  });

  it('keeps an answer back that it cannot tell of', async () => {
    auditFails = true;
    const response = await ask(named('openSample'), bearer('ingo:console:integrator'));
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ error: 'unavailable' });
    expect((await ask(named('listRoutes'), bearer('ingo:console:integrator'))).status).toBe(200);
    expect((await ask(named('promote'), bearer('ingo:console:integrator'))).status).toBe(503);
  });

  it('does not take what somebody wrote into an address', async () => {
    const address = `${origin}/migration/${encodeURIComponent('Jane Roe')}/promote`;
    const headers = { ...JSON_TYPE, ...bearer('mira:console:migration-lead') };
    await fetch(address, { method: 'POST', headers, body: SIGNED });
    expect(entries).toHaveLength(1);
    expect(JSON.stringify(entries)).not.toContain('Jane');
  });
});

/** A request with headers that fetch does not let through. */
function rawly(
  path: string,
  headers: Readonly<Record<string, string>>,
  { method = 'GET', body = '', base = origin } = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(`${base}${path}`, { method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

describe('a page in a browser', () => {
  const target = { method: 'POST', body: JSON.stringify({ by: 'evil', reason: 'x' }) };
  const path = '/migration/Patient.read/promote';
  const token = bearer('mira:console:migration-lead');
  const form = { 'content-type': 'application/x-www-form-urlencoded', ...token };

  it.each([
    ['a form', { ...form, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, 403],
    ['a form of a browser that says nothing', form, 415],
    ['JSON as plain text', { ...token, 'content-type': 'text/plain' }, 415],
    ['a fetch', { ...token, ...JSON_TYPE, origin: 'https://evil.example' }, 403],
    ['a fetch of a page without an origin', { ...token, ...JSON_TYPE, origin: 'null' }, 403],
    ['a fetch of a neighbour', { ...token, ...JSON_TYPE, 'sec-fetch-site': 'same-site' }, 403],
    ['a fetch that hides where it is from', { ...token, ...JSON_TYPE, 'sec-fetch-site': 'cross-site' }, 403],
  ])('changes nothing by %s', async (_, headers, status) => {
    for (const base of [origin, openOrigin]) {
      const answer = await rawly(path, headers, { ...target, base });
      expect(answer.status).toBe(status);
    }
    expect(handled).toEqual([]);
  }); // prettier-ignore

  it('gets no leave to ask (preflight)', async () => {
    const preflight = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
    const response = await fetch(`${origin}${path}`, { method: 'OPTIONS', headers: preflight });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('reads nothing; a link that is followed does, and shows it to nobody else', async () => {
    const cross = { ...token, 'sec-fetch-site': 'cross-site' };
    expect((await rawly('/routes', { ...cross, 'sec-fetch-mode': 'no-cors' })).status).toBe(403);
    expect((await rawly('/routes', { ...cross, 'sec-fetch-mode': 'navigate' })).status).toBe(200);
  });

  it.each(['evil.example', 'evil.example:8081', 'localhost.evil.example', '127.0.0.1.evil.example'])(
    'cannot make its own name %j ours (DNS rebinding)',
    async (host) => {
      for (const base of [origin, openOrigin])
        expect((await rawly('/routes', { ...token, host }, { base })).status).toBe(421);
      expect(handled).toEqual([]);
    },
  );

  it.each([
    'localhost',
    'LOCALHOST:8081',
    '127.0.0.1:1',
    '[::1]:8081',
    '10.1.2.3',
    'ficus.internal',
    'Ficus.Internal.:8081',
  ])('is no matter for whoever calls it %s', async (host) => {
    expect((await rawly('/routes', { ...token, host })).status).toBe(200);
  });
});

describe('headers', () => {
  it.each([
    ['an answer', '/routes', bearer('v:c:viewer'), 200],
    ['a refusal', '/routes', {}, 401],
    ['what is not there', '/nothing', {}, 404],
  ])('of %s let nothing be run, framed, shared or kept', async (_, path, headers, status) => {
    const response = await fetch(`${origin}${path}`, { headers });
    expect(response.status).toBe(status);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-security-policy':
        "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
      'cross-origin-embedder-policy': 'require-corp',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'strict-transport-security': 'max-age=15768000',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
    expect(response.headers.get('x-powered-by')).toBeNull();
    expect(response.headers.get('set-cookie')).toBeNull();
  });
});
