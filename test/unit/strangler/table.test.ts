import { beforeEach, describe, expect, it } from 'vitest';
import type { Route, RouteStore } from '../../../src/ports.ts';
import type { RouteSeed } from '../../../src/strangler/problems.ts';
import type { BackendCapability } from '../../../src/strangler/stage.ts';
import { createRouteTable } from '../../../src/strangler/table.ts';
import { createMemoryRouteStore } from '../../../src/store/memory.ts';
import { createFakeClock, createTestLogger, outcome } from '../resilience/support.ts';

const backends: BackendCapability[] = [
  { name: 'core', kind: 'legacy', endpoints: ['Patient.read', 'Observation.search', 'Observation.create'] },
  { name: 'labs', kind: 'modern', endpoints: ['Observation.search', 'Observation.create'] },
];
const observations: RouteSeed = {
  endpoint: 'Observation.search',
  stage: 'legacy',
  legacy: 'core',
  modern: 'labs',
  body: 'validated',
};
const patients: RouteSeed = { endpoint: 'Patient.read', stage: 'legacy', legacy: 'core', body: 'validated' };
const orders: RouteSeed = {
  endpoint: 'Observation.create',
  stage: 'modern',
  modern: 'labs',
  body: 'streamed',
};
const seeds = [patients, observations, orders];

let store: RouteStore;
let log: ReturnType<typeof createTestLogger>;
let clock: ReturnType<typeof createFakeClock>;
beforeEach(() => {
  store = createMemoryRouteStore();
  log = createTestLogger();
  clock = createFakeClock(Date.parse('2026-03-01T08:00:00Z'));
});
const start = (rows: readonly RouteSeed[] = seeds) =>
  createRouteTable({ seeds: rows, store, backends, clock, log });

describe('the route table', () => {
  it('is seeded by the configuration on the first start', async () => {
    const table = await start();
    expect(table.list().map((route) => route.endpoint)).toEqual([
      'Observation.create',
      'Observation.search',
      'Patient.read',
    ]);
    expect(table.get('Observation.search')).toEqual({
      ...observations,
      since: '2026-03-01T08:00:00.000Z',
      run: 1,
      version: 1,
      updatedAt: '2026-03-01T08:00:00.000Z',
      updatedBy: 'config',
      reason: 'first start',
    });
    expect(table.get('Patient.search')).toBeUndefined();
  });

  it('moves an endpoint to the other side and back, at once, and keeps who, when and why', async () => {
    const table = await start();
    await clock.advance(60_000);
    await table.setStage('Observation.search', 'modern', { by: 'ana', reason: 'pilot', ifVersion: 1 });
    expect(table.get('Observation.search')).toMatchObject({ stage: 'modern', version: 2 });
    await table.setStage('Observation.search', 'legacy', { by: 'ben' });
    const history = await table.history('Observation.search');
    expect(
      history.map(({ stage, version, updatedBy, updatedAt, reason }) => [
        version,
        stage,
        updatedBy,
        updatedAt,
        reason,
      ]),
    ).toEqual([
      [1, 'legacy', 'config', '2026-03-01T08:00:00.000Z', 'first start'],
      [2, 'modern', 'ana', '2026-03-01T08:01:00.000Z', 'pilot'],
      [3, 'legacy', 'ben', '2026-03-01T08:01:00.000Z', ''],
    ]);
    expect(log.lines.filter((line) => line.message === 'route changed').map((line) => line.fields)).toEqual([
      {
        endpoint: 'Observation.search',
        from: 'legacy',
        to: 'modern',
        by: 'ana',
        reason: 'pilot',
        version: 2,
      },
      { endpoint: 'Observation.search', from: 'modern', to: 'legacy', by: 'ben', reason: '', version: 3 },
    ]);
  });

  it('changes nothing when the stage is the same', async () => {
    const table = await start();
    expect(await table.setStage('Patient.read', 'legacy', { by: 'ana' })).toMatchObject({ version: 1 });
    expect(await table.history('Patient.read')).toHaveLength(1);
  });

  it.each([
    ['Patient.search', 'modern', { by: 'ana' }, 'not-found', /no route for Patient.search/],
    [
      'Observation.search',
      'sideways',
      { by: 'ana' },
      'value-invalid',
      /"sideways" is not a stage; there are: legacy, shadow, canary, modern, retired/,
    ],
    ['Observation.search', 'constructor', { by: 'ana' }, 'value-invalid', /is not a stage/],
    ['Observation.search', 'modern', { by: '' }, 'value-required', /who asks/],
    [
      'Observation.search',
      'modern',
      { by: 'ana', ifVersion: 7 },
      'version-conflict',
      /at version 1, legacy, by config/,
    ],
    [
      'Patient.read',
      'modern',
      { by: 'ana' },
      'unprocessable',
      /Patient.read cannot go to modern: Patient.read has no modern backend/,
    ],
    ['Observation.create', 'legacy', { by: 'ana' }, 'unprocessable', /has no legacy backend/],
  ] as const)('refuses %s to %s (%#), saying why', async (endpoint, stage, change, code, words) => {
    const table = await start();
    const before = table.list();
    const error: unknown = await table.setStage(endpoint, stage, change).catch((error: unknown) => error);
    expect(error).toMatchObject({ code, message: expect.stringMatching(words) });
    expect(table.list()).toEqual(before);
  });

  it('lets one of two changes win, and one that comes from another process', async () => {
    const [one, two] = [await start(), await start()];
    const endings = await Promise.all([
      outcome(one.setStage('Observation.search', 'modern', { by: 'ana' })),
      outcome(one.setStage('Observation.search', 'modern', { by: 'ben' })),
    ]);
    expect(endings).toEqual(['answered', 'version-conflict']);
    expect(await outcome(two.setStage('Observation.search', 'modern', { by: 'eve' }))).toBe(
      'version-conflict',
    );
    expect(two.get('Observation.search')).toMatchObject({ version: 2, updatedBy: 'ana', stage: 'modern' });
    expect(await outcome(two.setStage('Observation.search', 'legacy', { by: 'eve', ifVersion: 2 }))).toBe(
      'answered',
    );
  });

  it('never goes back to an older version when its store answers late', async () => {
    const slow = Promise.withResolvers<void>();
    const quick = store;
    const other = await start();
    store = {
      ...quick,
      append: async (route) => {
        const appended = await quick.append(route);
        if (route.updatedBy === 'ana') await slow.promise;
        return appended;
      },
    };
    const table = await start();
    const late = table.setStage('Observation.search', 'modern', { by: 'ana' });
    await outcome(other.setStage('Observation.search', 'modern', { by: 'eve' }));
    await other.setStage('Observation.search', 'legacy', { by: 'eve' });
    expect(await outcome(table.setStage('Observation.search', 'modern', { by: 'ben' }))).toBe(
      'version-conflict',
    );
    slow.resolve();
    await late;
    expect(table.get('Observation.search')).toMatchObject({ version: 3, stage: 'legacy', updatedBy: 'eve' });
  });

  it('tells its listeners until they leave, and survives their faults', async () => {
    const table = await start();
    const heard: [Route, Route][] = [];
    table.onChange(() => {
      throw new Error('a fault of the listener');
    });
    const stop = table.onChange((route, before) => heard.push([route, before]));
    const route = await table.setStage('Observation.search', 'modern', { by: 'ana' });
    stop();
    await table.setStage('Observation.search', 'legacy', { by: 'ana' });
    expect(heard).toEqual([[route, expect.objectContaining({ stage: 'legacy', version: 1 })]]);
    expect(log.lines.filter((line) => line.level === 'error')).toHaveLength(2);
  });
});

describe('a restart', () => {
  it('keeps the stored stage, whatever the configuration says, and the version', async () => {
    await (await start()).setStage('Observation.search', 'modern', { by: 'ana' });
    const table = await start();
    expect(table.get('Observation.search')).toMatchObject({ stage: 'modern', version: 2, updatedBy: 'ana' });
    expect(log.lines).toContainEqual(
      expect.objectContaining({
        message: expect.stringContaining('stored stage wins'),
        fields: { endpoint: 'Observation.search', from: 'legacy', to: 'modern' },
      }),
    );
  });

  it('takes new wiring from the configuration as a new version', async () => {
    await start();
    const owners = { technical: 'labs team' };
    const table = await start([patients, { ...observations, owners }, orders]);
    expect(table.get('Observation.search')).toMatchObject({
      owners,
      version: 2,
      updatedBy: 'config',
      stage: 'legacy',
    });
    expect(table.get('Patient.read')).toMatchObject({ version: 1 });
  });

  it('does not route what the configuration no longer lists, and takes its stage up again when it is back', async () => {
    await (await start()).setStage('Observation.search', 'modern', { by: 'ana' });
    const without = await start([patients]);
    expect(without.get('Observation.search')).toBeUndefined();
    expect(log.lines.filter((line) => line.level === 'warn').map((line) => line.fields)).toEqual([
      { endpoint: 'Observation.create' },
      { endpoint: 'Observation.search' },
    ]);
    expect((await start()).get('Observation.search')).toMatchObject({ stage: 'modern', version: 2 });
  });

  it('is refused when the stored stage has lost its backend', async () => {
    await (await start()).setStage('Observation.search', 'modern', { by: 'ana' });
    const { modern: _gone, ...legacyOnly } = observations;
    await expect(start([legacyOnly])).rejects.toThrow(
      /Observation.search has no modern backend, but its stored stage is modern/,
    );
  });
});

describe('a bad configuration', () => {
  it('is refused with everything that is wrong with it', async () => {
    const rows = [
      { ...patients, legacy: 'nowhere' },
      { ...patients, legacy: 'labs' },
      { ...observations, endpoint: 'Observation.delete' as never },
      { ...observations, stage: 'sideways' as never },
      { ...observations, endpoint: 'Patient.read', modern: 'labs' },
      { endpoint: 'Observation.create', stage: 'legacy', legacy: 'core', body: 'streamed' },
      { endpoint: 'Patient.search', stage: 'modern', legacy: 'core', body: 'validated' },
    ] satisfies RouteSeed[];
    const error: unknown = await start(rows).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: 'invalid' });
    const issues = (error as { issues: { expression: string[]; diagnostics: string }[] }).issues;
    expect(issues.map((issue) => `${issue.expression[0]}: ${issue.diagnostics}`)).toEqual([
      'routes.0.legacy: there is no backend "nowhere"',
      'routes.1.endpoint: Patient.read is routed twice',
      'routes.1.legacy: backend "labs" is of kind modern, not legacy',
      'routes.2.endpoint: "Observation.delete" is not Type.interaction, e.g. Patient.read',
      'routes.2.legacy: backend "core" cannot do Observation.delete',
      'routes.2.modern: backend "labs" cannot do Observation.delete',
      'routes.3.stage: "sideways" is not a stage',
      'routes.4.endpoint: Patient.read is routed twice',
      'routes.4.modern: backend "labs" cannot do Patient.read',
      'routes.5.body: only a modern backend can be given a streamed body',
      'routes.6.legacy: backend "core" cannot do Patient.search',
      'routes.6.modern: Patient.search has no modern backend',
    ]);
    expect(await store.load()).toEqual([]);
  });
});
