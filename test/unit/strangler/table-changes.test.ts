import { beforeEach, describe, expect, it } from 'vitest';
import type { Route, RouteAnnouncer, RouteStore, Stage } from '../../../src/ports.ts';
import { createInProcessAnnouncer } from '../../../src/strangler/announce.ts';
import type { RouteSeed } from '../../../src/strangler/problems.ts';
import type { BackendCapability } from '../../../src/strangler/stage.ts';
import { createRouteTable } from '../../../src/strangler/table.ts';
import type { RoutePatch } from '../../../src/strangler/table.ts';
import { createMemoryRouteStore } from '../../../src/store/memory.ts';
import { createFakeClock, createTestLogger, outcome, settled } from '../resilience/support.ts';

const SEARCH = 'Observation.search';
const backends: BackendCapability[] = [
  { name: 'core', kind: 'legacy', endpoints: [SEARCH, 'Observation.create'] },
  { name: 'labs', kind: 'modern', endpoints: [SEARCH, 'Observation.create'] },
  { name: 'labs2', kind: 'modern', endpoints: [SEARCH] },
];
const seed: RouteSeed = {
  endpoint: SEARCH,
  stage: 'legacy',
  legacy: 'core',
  modern: 'labs',
  body: 'validated',
};

let store: RouteStore;
let log: ReturnType<typeof createTestLogger>;
let clock: ReturnType<typeof createFakeClock>;
beforeEach(() => {
  store = createMemoryRouteStore();
  log = createTestLogger();
  clock = createFakeClock(Date.parse('2026-03-01T08:00:00Z'));
});
const start = (rows: readonly RouteSeed[] = [seed], announce?: RouteAnnouncer) =>
  createRouteTable({ seeds: rows, store, backends, clock, log, ...(announce ? { announce } : {}) });

const ana = { by: 'ana', reason: 'pilot' };
const signed = { by: 'ben', at: '2026-03-01T08:00:00.000Z', reason: 'holidays' };

describe('entering a stage', () => {
  it('begins a new run of evidence, and says since when', async () => {
    const table = await start();
    expect(table.get(SEARCH)).toMatchObject({ run: 1, since: '2026-03-01T08:00:00.000Z' });
    await clock.advance(60_000);
    await table.change(SEARCH, {}, ana);
    expect(table.get(SEARCH)).toMatchObject({ version: 2, run: 1, since: '2026-03-01T08:00:00.000Z' });
    await table.setStage(SEARCH, 'shadow', ana);
    expect(table.get(SEARCH)).toMatchObject({ version: 3, run: 3, since: '2026-03-01T08:01:00.000Z' });
  });

  it('keeps the cohort, sets one when it is given, and forgets an approval to retire', async () => {
    const table = await start();
    await table.setStage(SEARCH, 'canary', { ...ana, cohort: { percent: 5 } });
    expect(table.get(SEARCH)).toMatchObject({ stage: 'canary', cohort: { percent: 5 } });
    await table.setStage(SEARCH, 'modern', ana);
    await table.change(SEARCH, { retirement: signed }, ana);
    expect(await table.setStage(SEARCH, 'shadow', ana)).toMatchObject({ cohort: { percent: 5 } });
    expect(table.get(SEARCH)).not.toHaveProperty('retirement');
    const refused = table.setStage(SEARCH, 'canary', { ...ana, cohort: { percent: 500 } });
    expect(await outcome(refused)).toBe('value-invalid');
  });

  it('is refused forward while the route is held, and never back', async () => {
    const table = await start();
    await table.setStage(SEARCH, 'canary', ana);
    await table.change(SEARCH, { hold: signed }, ana);
    await expect(table.setStage(SEARCH, 'modern', ana)).rejects.toMatchObject({
      code: 'unprocessable',
      message: 'Observation.search cannot go to modern: ben holds it: holidays.',
    });
    expect(await table.setStage(SEARCH, 'shadow', ana)).toMatchObject({ stage: 'shadow', hold: signed });
    await table.change(SEARCH, { hold: null }, ana);
    expect(table.get(SEARCH)).not.toHaveProperty('hold');
    expect(await outcome(table.setStage(SEARCH, 'canary', ana))).toBe('answered');
  });

  it('is refused for `retired` without two approvers, before `modern`, and ever after', async () => {
    const table = await start();
    const retire = async (by: string) =>
      table.setStage(SEARCH, 'retired', { by }).catch((error: Error) => error.message);
    expect(await retire('ana')).toMatch(/after legacy comes shadow/);
    await table.setStage(SEARCH, 'modern', ana);
    const two = 'Observation.search cannot go to retired: that takes two approvals, by different people.';
    expect(await retire('ana')).toBe(two);
    await table.change(SEARCH, { retirement: signed }, { by: 'ben' });
    expect(await retire('ben')).toBe(two);
    expect(await retire('  Ben ')).toBe(two);
    expect(await retire('ana')).toMatchObject({ stage: 'retired', updatedBy: 'ana', retirement: signed });
    for (const stage of ['legacy', 'shadow', 'canary', 'modern'] satisfies Stage[]) {
      await expect(table.setStage(SEARCH, stage, ana)).rejects.toThrow(/what is retired stays retired/);
    }
    const { legacy: _gone, ...modernOnly } = seed;
    const again = await start([{ ...modernOnly, stage: 'modern' }]);
    expect(again.get(SEARCH)).toMatchObject({ stage: 'retired', retirement: signed, modern: 'labs' });
  });

  it('is refused for a write whose other side could not be told of it', async () => {
    const table = await start([{ ...seed, endpoint: 'Observation.create' }]);
    await expect(table.setStage('Observation.create', 'shadow', ana)).rejects.toMatchObject({
      code: 'unprocessable',
      message: expect.stringContaining('"labs" cannot do Observation.update'),
    });
  });
});

describe('a change', () => {
  it.each<[string, RoutePatch, Partial<Route>]>([
    [
      'a cohort',
      { cohort: { percent: 12.5, facilities: ['EAST'] } },
      { cohort: { percent: 12.5, facilities: ['EAST'] } },
    ],
    ['a hold', { hold: signed }, { hold: signed }],
    ['owners', { owners: { technical: 'labs' } }, { owners: { technical: 'labs' } }],
    ['an approval', { retirement: signed }, { retirement: signed }],
    ['fresh evidence', { fresh: true }, { run: 2 }],
    ['a note', {}, {}],
  ])('of %s is a version like any other', async (_name, patch, expected) => {
    const table = await start();
    const heard: [number, number][] = [];
    table.onChange((route, before) => heard.push([before.version, route.version]));
    const before = table.get(SEARCH);
    await clock.advance(1_000);
    const stamp = {
      version: 2,
      updatedAt: '2026-03-01T08:00:01.000Z',
      updatedBy: 'ana',
      reason: 'pilot',
    };
    const after = await table.change(SEARCH, patch, { ...ana, ifVersion: 1 });
    expect(after).toEqual({ ...before, ...expected, ...stamp });
    expect(table.get(SEARCH)).toEqual(after);
    expect(await table.history(SEARCH)).toEqual([before, after]);
    expect(heard).toEqual([[1, 2]]);
    expect((await start()).get(SEARCH)).toEqual(after);
  });

  it('takes away what is set to null, and leaves the rest', async () => {
    const table = await start();
    await table.change(SEARCH, { hold: signed, cohort: { percent: 5 }, owners: { clinical: 'dr b' } }, ana);
    const { hold, cohort, owners, ...bare } = await table.change(SEARCH, { hold: null, cohort: null }, ana);
    expect([hold, cohort, owners]).toEqual([undefined, undefined, { clinical: 'dr b' }]);
    expect(await table.change(SEARCH, { owners: null }, ana)).not.toHaveProperty('owners');
    expect(bare).toMatchObject({ stage: 'legacy', legacy: 'core', modern: 'labs' });
  });

  it.each([
    ['Patient.read', {}, ana, 'not-found'],
    [SEARCH, {}, { by: 'ana' }, 'value-required'],
    [SEARCH, {}, { by: 'ana', reason: '  ' }, 'value-required'],
    [SEARCH, { hold: signed }, { by: '' }, 'value-required'],
    [SEARCH, { cohort: { percent: 101 } }, ana, 'value-invalid'],
    [SEARCH, { hold: signed }, { ...ana, ifVersion: 9 }, 'version-conflict'],
  ] as const)('of %s by %o %o is refused: %s', async (endpoint, patch, change, code) => {
    const table = await start();
    expect(await outcome(table.change(endpoint, patch, change))).toBe(code);
    expect(await table.history(SEARCH)).toHaveLength(1);
  });

  it('loses against another one at the same moment', async () => {
    const table = await start();
    const endings = await Promise.all([
      outcome(table.change(SEARCH, { hold: signed }, ana)),
      outcome(table.setStage(SEARCH, 'shadow', ana)),
    ]);
    expect(endings).toEqual(['answered', 'version-conflict']);
  });
});

describe('a restart with another configuration', () => {
  it('keeps owners that the file does not name, and takes those it does', async () => {
    const owners = { technical: 'labs team', clinical: 'dr b' };
    await (await start()).change(SEARCH, { owners }, ana);
    expect((await start()).get(SEARCH)).toMatchObject({ owners, version: 2 });
    const named = await start([{ ...seed, owners: { technical: 'platform' } }]);
    expect(named.get(SEARCH)).toMatchObject({
      owners: { technical: 'platform', clinical: 'dr b' },
      version: 3,
    });
  });

  it('keeps stage, cohort and hold, and counts evidence anew for another backend only', async () => {
    const table = await start();
    await table.setStage(SEARCH, 'canary', { ...ana, cohort: { percent: 5 } });
    const held = await table.change(SEARCH, { hold: signed, retirement: signed }, ana);
    const owners = { technical: 'labs team' };
    const owned = await start([{ ...seed, owners }]);
    const kept = { stage: 'canary', cohort: { percent: 5 }, hold: signed, since: held.since };
    expect(owned.get(SEARCH)).toMatchObject({ ...kept, owners, retirement: signed, run: 2, version: 4 });
    const moved = (await start([{ ...seed, modern: 'labs2' }])).get(SEARCH);
    expect(moved).toMatchObject({ ...kept, modern: 'labs2', run: 5, version: 5 });
    expect(moved).not.toHaveProperty('retirement');
  });

  it('is refused when a stored canary has lost its legacy side', async () => {
    await (await start()).setStage(SEARCH, 'canary', ana);
    const { legacy: _gone, ...modernOnly } = seed;
    await expect(start([{ ...modernOnly, stage: 'modern' }])).rejects.toThrow(
      /routes.0.legacy: Observation.search has no legacy backend, but its stored stage is canary/,
    );
  });
});

describe('two tables on one store', () => {
  it('are of one mind within the same tick', async () => {
    const announce = createInProcessAnnouncer();
    const [one, two] = [await start([seed], announce), await start([seed], announce)];
    const heard: string[] = [];
    two.onChange((route, before) => heard.push(`${before.stage} -> ${route.stage}`));
    const moved = await one.setStage(SEARCH, 'shadow', ana);
    await settled();
    expect(two.get(SEARCH)).toEqual(moved);
    const back = await two.setStage(SEARCH, 'legacy', { by: 'eve', ifVersion: 2 });
    await settled();
    expect(one.get(SEARCH)).toEqual(back);
    expect(heard).toEqual(['legacy -> shadow', 'shadow -> legacy']);
  });

  it('catch up when the store could not be read at first', async () => {
    const announce = createInProcessAnnouncer();
    const one = await start([seed], announce);
    const quick = store;
    let failures = 3;
    store = {
      ...quick,
      history: async (endpoint) => {
        if (failures-- > 0) throw new Error('busy');
        return quick.history(endpoint);
      },
    };
    const two = await start([seed], announce);
    await one.setStage(SEARCH, 'shadow', ana);
    await settled();
    expect(two.get(SEARCH)).toMatchObject({ stage: 'legacy' });
    await clock.advance(900);
    expect(two.get(SEARCH)).toMatchObject({ stage: 'shadow' });
    expect(clock.pending).toBe(0);
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(3);
  });

  it('hear nothing of each other once one is closed, and nothing of what they do not route', async () => {
    const announce = createInProcessAnnouncer();
    const [one, two] = [await start([seed], announce), await start([seed], announce)];
    announce.publish('Patient.read', 7);
    two.close();
    await one.setStage(SEARCH, 'shadow', ana);
    await settled();
    expect(two.get(SEARCH)).toMatchObject({ stage: 'legacy' });
    expect(clock.pending).toBe(0);
  });
});
