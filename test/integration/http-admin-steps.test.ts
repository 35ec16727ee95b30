import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Owed } from '../../src/migration-ports.ts';
import { createAdminApp } from '../../src/http/admin.ts';
import { routeTableRoutes } from '../../src/http/admin-routes.ts';
import { startHttpServer } from '../../src/http/server.ts';
import type { HttpServer } from '../../src/http/server.ts';
import { createMemoryRouteStore } from '../../src/store/memory.ts';
import { createSteps } from '../../src/strangler/steps.ts';
import { createRouteTable } from '../../src/strangler/table.ts';
import { keepLines } from '../unit/http/fhir-server.ts';

/** The route table over the admin API, with the rules of a migration behind it. */
let server: HttpServer | undefined;
let owed: Owed;

async function start(mayForce: boolean): Promise<void> {
  await server?.close(0);
  const endpoints = ['Appointment.search'] as const;
  const backends = [
    { name: 'core', kind: 'legacy', endpoints },
    { name: 'labs', kind: 'modern', endpoints },
  ] as const;
  const log = keepLines([]);
  const table = await createRouteTable({
    seeds: [
      { endpoint: 'Appointment.search', stage: 'legacy', legacy: 'core', modern: 'labs', body: 'validated' },
    ],
    store: createMemoryRouteStore(),
    backends,
    clock: systemClock,
    log,
  });
  const steps = createSteps({
    table,
    backends,
    judge: async () => {
      throw new TypeError('nothing here asks the gates');
    },
    owed: (side, endpoint) =>
      side === 'legacy' && endpoint === 'Appointment.create' ? owed : { count: 0, dead: 0, oldestMs: 0 },
    percentages: [5],
    mayForce,
    clock: systemClock,
  });
  const app = createAdminApp({ routes: routeTableRoutes(table, steps), log });
  server = await startHttpServer({ app, clock: systemClock }, { host: '127.0.0.1', port: 0 });
}

async function put(body: object): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`http://127.0.0.1:${server?.port}/routes/Appointment.search`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ by: 'ana', ...body }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

beforeEach(() => {
  owed = { count: 0, dead: 0, oldestMs: 0 };
});
afterAll(() => server?.close(0));

describe('PUT /routes/:endpoint where gates may be skipped', () => {
  beforeAll(() => start(true));

  it('moves an endpoint to any stage, and says that it was forced', async () => {
    expect(await put({ stage: 'modern', reason: 'demo', version: 1 })).toMatchObject({
      status: 200,
      body: { stage: 'modern', version: 2, updatedBy: 'ana', reason: 'forced: demo' },
    });
  });

  it('goes back with a warning when legacy has not seen every write', async () => {
    owed = { count: 37, dead: 0, oldestMs: 1_000 };
    expect(await put({ stage: 'legacy', reason: 'demo' })).toMatchObject({
      status: 200,
      body: {
        stage: 'legacy',
        reason: 'demo',
        warnings: [
          '37 writes accepted by modern are not in legacy yet; their patients stay with modern until they are.',
        ],
      },
    });
  });

  it('does not retire so', async () => {
    await put({ stage: 'modern' });
    expect(await put({ stage: 'retired' })).toMatchObject({
      status: 422,
      body: { error: 'unprocessable', message: expect.stringContaining('ficus migrate retire') },
    });
  });

  it('changes nothing for the same stage, and nothing over another version', async () => {
    const now = await put({ stage: 'modern' });
    expect(now).toMatchObject({ status: 200, body: { stage: 'modern' } });
    expect(now.body).not.toHaveProperty('warnings');
    expect(await put({ stage: 'legacy', version: 1 })).toMatchObject({ status: 412 });
  });
});

describe('PUT /routes/:endpoint where they may not', () => {
  beforeAll(() => start(false));

  it.each(['shadow', 'canary', 'modern'])('refuses to go forward to %s, and says how', async (stage) => {
    expect(await put({ stage })).toMatchObject({
      status: 422,
      body: {
        error: 'unprocessable',
        message: expect.stringContaining('`ficus migrate promote Appointment.search`'),
      },
    });
  });
});
