import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createAdminApp } from '../../src/http/admin.ts';
import { healthRoutes, metricsRoute, routeTableRoutes } from '../../src/http/admin-routes.ts';
import type { Check } from '../../src/http/admin-routes.ts';
import { startHttpServer } from '../../src/http/server.ts';
import type { HttpServer } from '../../src/http/server.ts';
import { createMetrics } from '../../src/metrics.ts';
import { createMemoryRouteStore } from '../../src/store/memory.ts';
import { createRouteTable } from '../../src/strangler/table.ts';
import type { RouteTable } from '../../src/strangler/table.ts';
import { keepLines } from '../unit/http/fhir-server.ts';
import type { LogLine } from '../unit/http/fhir-server.ts';

const lines: LogLine[] = [];
const JSON_TYPE = { 'content-type': 'application/json' };
let server: HttpServer;
let table: RouteTable;
let origin: string;
let checks: Check[] = [];

beforeAll(async () => {
  const log = keepLines(lines);
  table = await createRouteTable({
    seeds: [
      { endpoint: 'Observation.search', stage: 'legacy', legacy: 'core', modern: 'labs', body: 'validated' },
    ],
    store: createMemoryRouteStore(),
    backends: [
      { name: 'core', kind: 'legacy', endpoints: ['Observation.search'] },
      { name: 'labs', kind: 'modern', endpoints: ['Observation.search'] },
    ],
    clock: systemClock,
    log,
  });
  const app = createAdminApp({
    routes: [
      ...healthRoutes(() => checks),
      metricsRoute(createMetrics({ process: false })),
      ...routeTableRoutes(table),
      {
        method: 'get',
        path: '/fault',
        handle: () => {
          throw new TypeError('Jane Roe');
        },
      },
    ],
    hosts: ['ficus.monitoring.svc'],
    log,
  });
  server = await startHttpServer({ app, clock: systemClock }, { host: '127.0.0.1', port: 0 });
  origin = `http://127.0.0.1:${server.port}`;
});
afterAll(() => server.close(0));

async function put(
  body: unknown,
  headers: Record<string, string> = JSON_TYPE,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(`${origin}/routes/Observation.search`, { method: 'PUT', headers, body: text });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('the admin API', () => {
  it('says that it lives, and whether it can serve', async () => {
    expect((await fetch(`${origin}/healthz`)).status).toBe(200);
    checks = [{ name: 'store', ok: true }];
    expect((await fetch(`${origin}/readyz`)).status).toBe(200);
    checks = [
      { name: 'store', ok: true },
      { name: 'core', ok: false, detail: 'breaker open' },
    ];
    const response = await fetch(`${origin}/readyz`);
    expect([response.status, await response.json()]).toEqual([503, { status: 'not ready', checks }]);
  });

  it('gives the metrics as text', async () => {
    const response = await fetch(`${origin}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=/);
    expect(await response.text()).toContain('ficus_request_seconds');
  });

  it.each([
    ['/metrics', 'localhost', 200],
    ['/metrics', 'ficus.monitoring.svc:8081', 200],
    ['/metrics', '10.1.2.3:8081', 200],
    ['/metrics', 'rebound.example', 421],
    ['/metrics', 'ficus.monitoring.svc.rebound.example', 421],
    ['/routes', 'rebound.example', 421],
    ['/healthz', 'probe.example', 200],
    ['/readyz', 'probe.example', 503],
  ])('answers %s by the name %s with %i', async (path, host, status) => {
    const sent = httpRequest(`${origin}${path}`, { headers: { host } });
    const [response] = (await once(sent.end(), 'response')) as [IncomingMessage];
    let body = '';
    for await (const chunk of response) body += String(chunk);
    expect(response.statusCode).toBe(status);
    if (status === 421) expect(JSON.parse(body)).toMatchObject({ error: 'misdirected' });
  });

  it('lists routes, shows one with its version, and moves it', async () => {
    expect(await (await fetch(`${origin}/routes`)).json()).toMatchObject({
      routes: [{ endpoint: 'Observation.search' }],
    });
    const before = await fetch(`${origin}/routes/Observation.search`);
    expect(before.headers.get('etag')).toBe('"1"');
    const moved = await put({ stage: 'modern', by: 'ops', reason: 'ready', version: 1 });
    expect(moved).toMatchObject({
      status: 200,
      body: { stage: 'modern', version: 2, updatedBy: 'ops', reason: 'ready' },
    });
    expect(table.get('Observation.search')?.stage).toBe('modern');
    const history = (await (await fetch(`${origin}/routes/Observation.search/history`)).json()) as {
      history: object[];
    };
    expect(history.history).toMatchObject([{ version: 1 }, { version: 2 }]);
  });

  it.each([
    { name: 'a version that is not the current one', body: { stage: 'legacy', by: 'ops', version: 99 }, status: 412, error: 'version-conflict' },
    { name: 'an If-Match that is not the current one', body: { stage: 'legacy', by: 'ops' }, headers: { ...JSON_TYPE, 'if-match': '"99"' }, status: 412, error: 'version-conflict' },
    { name: 'an unknown stage', body: { stage: 'sideways', by: 'ops' }, status: 422, error: 'value-invalid' },
    { name: 'nobody who asks', body: { stage: 'legacy' }, status: 422, error: 'value-required' },
    { name: 'no stage', body: { by: 'ops' }, status: 422, error: 'value-required' },
    { name: 'a stage that is no string', body: { stage: 7, by: 'ops' }, status: 422, error: 'value-invalid' },
    { name: 'a version that is no number', body: { stage: 'legacy', by: 'ops', version: 'x' }, status: 422, error: 'value-invalid' },
    { name: 'broken JSON', body: '{', status: 400, error: 'malformed' },
    { name: 'a list', body: '[]', status: 400, error: 'invalid' },
    { name: 'a body that is too large', body: { by: 'x'.repeat(70_000) }, status: 413, error: 'too-large' },
    { name: 'a form, as a web page can send it', body: 'stage=legacy', headers: { 'content-type': 'application/x-www-form-urlencoded' }, status: 415, error: 'unsupported-media' },
    { name: 'a web page', body: { stage: 'legacy', by: 'ops' }, headers: { ...JSON_TYPE, origin: 'https://evil.example' }, status: 403, error: 'forbidden' },
  ])('refuses $name with $status', async ({ body, headers, status, error }) => {
    const before = table.get('Observation.search');
    expect(await put(body, headers)).toMatchObject({ status, body: { error } });
    expect(table.get('Observation.search')).toEqual(before);
  }); // prettier-ignore

  it.each([
    ['GET', '/nothing', 404],
    ['GET', '/routes/Patient.read', 404],
    ['GET', '/routes/Patient.read/history', 404],
    ['DELETE', '/routes', 405],
    ['GET', '/routes/%ff', 400],
  ])('answers %s %s with %i', async (method, path, status) => {
    const response = await fetch(origin + path, { method });
    expect([response.status, response.headers.get('content-type')]).toEqual([
      status,
      'application/json; charset=utf-8',
    ]);
  });

  it('keeps the text of a fault to itself', async () => {
    const response = await fetch(`${origin}/fault`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('Jane');
    expect(lines.some((line) => line.message === 'admin fault')).toBe(true);
  });
});
