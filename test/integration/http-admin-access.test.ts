import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AdminRoute } from '../../src/http/admin.ts';
import { secured } from '../../src/http/admin-contract.ts';
import type { ApiOperation } from '../../src/http/admin-contract.ts';
import { documentRoute, healthRoutes, metricsRoute } from '../../src/http/admin-routes.ts';
import { PERMISSIONS, ROLES } from '../../src/security/roles-table.ts';
import { bearer, document, JSON_TYPE, operations, rawly, SIGNED, startAdminScene } from './admin-scene.ts';
import type { AdminScene } from './admin-scene.ts';

/*
 * Who may use the admin API, over real connections: every operation of the document with every role, and with what is no role. What the operations
 * do is not asked here; each answers 200.
 */

let scene: AdminScene;
beforeAll(async () => {
  scene = await startAdminScene();
});
beforeEach(() => scene.reset());
afterAll(() => scene.close());

const pathOf = ({ path }: ApiOperation): string => path.replaceAll(/\{\w+\}/g, 'x');

function ask(
  { method, ...operation }: ApiOperation,
  headers: Readonly<Record<string, string>> = {},
  { base = scene.origin, body = SIGNED } = {},
): Promise<Response> {
  return fetch(`${base}${pathOf({ method, ...operation })}`, {
    method: method.toUpperCase(),
    headers: { ...(method === 'get' ? {} : JSON_TYPE), ...headers },
    ...(method === 'get' ? {} : { body }),
  });
}

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
    expect(scene.handled).toEqual([]);
  });

  it.each(ROLES.map((role) => [role, having.includes(role) ? 200 : 403] as const))(
    'asked by a %s is %i',
    async (role, status) => {
      const response = await ask(operation, bearer(`ada:console:${role}`));
      expect(response.status).toBe(status);
      expect(scene.handled).toHaveLength(status === 200 ? 1 : 0);
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
    expect(scene.handled).toEqual([]);
  });
});

describe('health', () => {
  it.each(['health', 'ready'])('%s is answered without a token, whatever it is called by', async (id) => {
    expect((await ask(named(id))).status).toBe(200);
    expect((await rawly(`${scene.origin}/healthz`, { host: 'probe.example' })).status).toBe(200);
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
    expect(scene.handled).toEqual([]);
    expect(scene.refusals).toMatchObject([{ action: 'migration.promote', failure: { code: 'forbidden' } }]);
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
    expect(await (await ask(promote, {}, { base: scene.openOrigin, body })).json()).toEqual({ by: 'ops' });
    expect(scene.entries).toMatchObject([{ kind: 'route-change', agent: { subject: 'ops' } }]);
  });
});

describe('the audit', () => {
  it('has every change, and what was opened, before it is answered', async () => {
    const lead = bearer('mira:console:migration-lead,integrator');
    for (const id of ['promote', 'verifyBackend', 'openSample', 'explainMessage', 'listRoutes']) {
      const before = scene.entries.length;
      expect((await ask(named(id), { ...lead, 'x-request-id': `r-${id}` })).status).toBe(200);
      expect(scene.entries.length - before, id).toBe(id === 'listRoutes' ? 0 : 1);
    }
    const agent = {
      subject: 'mira',
      client: 'console',
      roles: ['migration-lead', 'integrator'],
      tokenId: 'jti-mira',
      address: '127.0.0.1',
    };
    expect(scene.entries).toMatchObject([
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
    for (const entry of scene.entries) expect(entry).toMatchObject({ outcome: 'success', agent });
  });

  it('has who was refused, and who had no token', async () => {
    await ask(named('promote'), bearer('vera:console:viewer'));
    await ask(named('listRoutes'));
    expect(scene.refusals).toMatchObject([
      {
        action: 'migration.promote',
        failure: { code: 'forbidden' },
        principal: { access: { subject: 'vera' } },
      },
      { action: 'routes.listRoutes', failure: { code: 'unauthenticated' }, principal: { key: 'anonymous' } },
    ]);
    expect(scene.entries).toEqual([]);
  });

  it('keeps an answer back that it cannot tell of', async () => {
    scene.auditFails = true;
    const response = await ask(named('openSample'), bearer('ingo:console:integrator'));
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ error: 'unavailable' });
    expect((await ask(named('listRoutes'), bearer('ingo:console:integrator'))).status).toBe(200);
    expect((await ask(named('promote'), bearer('ingo:console:integrator'))).status).toBe(503);
  });

  it('does not take what somebody wrote into an address', async () => {
    const address = `${scene.origin}/migration/${encodeURIComponent('Jane Roe')}/promote`;
    const headers = { ...JSON_TYPE, ...bearer('mira:console:migration-lead') };
    await fetch(address, { method: 'POST', headers, body: SIGNED });
    expect(scene.entries).toHaveLength(1);
    expect(JSON.stringify(scene.entries)).not.toContain('Jane');
  });
});
