import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DifferenceRule } from '../../../src/migration-ports.ts';
import { createMemoryCaptureStore, createSqliteCaptureStore } from '../../../src/store/captures.ts';
import { openDatabase } from '../../../src/store/database.ts';
import { createMemoryRuleStore, createSqliteRuleStore } from '../../../src/store/rules.ts';
import { createMemorySampleStore, createSqliteSampleStore } from '../../../src/store/samples.ts';
import type { CapturedRequest, CaptureStore } from '../../../src/strangler/experiment/capture-store.ts';
import type { RuleStore } from '../../../src/strangler/experiment/rule-store.ts';
import { LABEL_LIFE_MS } from '../../../src/strangler/experiment/sample-store.ts';
import type { SampleStore, SealedSample } from '../../../src/strangler/experiment/sample-store.ts';

interface ExperimentStores {
  readonly rules: RuleStore;
  readonly samples: SampleStore;
  readonly captures: CaptureStore;
  readonly close: () => void;
}

const folder = mkdtempSync(join(tmpdir(), 'ficus-experiment-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

function onDatabase(database: DatabaseSync): ExperimentStores {
  return {
    rules: createSqliteRuleStore(database),
    samples: createSqliteSampleStore(database),
    captures: createSqliteCaptureStore(database),
    close: () => database.close(),
  };
}

const IMPLEMENTATIONS: readonly (readonly [name: string, open: () => ExperimentStores])[] = [
  [
    'memory',
    () => ({
      rules: createMemoryRuleStore(),
      samples: createMemorySampleStore(),
      captures: createMemoryCaptureStore(),
      close: () => {},
    }),
  ],
  ['sqlite', () => onDatabase(openDatabase(join(folder, `${++files}`, 'ficus.sqlite')))],
];

const rule = (id: string, more: Partial<DifferenceRule> = {}): DifferenceRule => ({
  id,
  endpoint: 'Observation.search',
  signature: 'order Bundle.entry',
  verdict: 'acceptable',
  owner: 'labs team',
  by: 'ana',
  reason: 'FHIR does not order entries — “ohne _sort”',
  createdAt: '2026-03-01T08:00:00.000Z',
  expiresAt: '2026-06-01T00:00:00.000Z',
  ...more,
});

const sample = (id: string, more: Partial<SealedSample> = {}): SealedSample => ({
  id,
  endpoint: 'Observation.search',
  signature: 'changed Observation.status',
  takenAt: 1_000,
  expiresAt: 10_000,
  sealed: new Uint8Array([1, 2, 3, 255]),
  ...more,
});

const captured = (id: string, priority: number, more: Partial<CapturedRequest> = {}): CapturedRequest => ({
  id,
  endpoint: 'Observation.search',
  shape: 'code,patient',
  priority,
  expiresAt: 10_000,
  sealed: new Uint8Array([9, 8, 7]),
  ...more,
});

describe.each(IMPLEMENTATIONS)('%s stores of the experiment', (_name, open) => {
  let stores: ExperimentStores;
  beforeEach(() => {
    stores = open();
  });
  afterEach(() => stores.close());

  it('give back every field of a rule, oldest first', async () => {
    const rules = [rule('b'), rule('a', { verdict: 'bug-in-modern', endpoint: 'Patient.read' })];
    for (const one of rules) await stores.rules.add(one);
    expect(await stores.rules.load()).toEqual(rules);
  });

  it('refuse a second rule of an id', async () => {
    await stores.rules.add(rule('a'));
    await expect(stores.rules.add(rule('a', { reason: 'other' }))).rejects.toThrow();
    expect(await stores.rules.load()).toEqual([rule('a')]);
  });

  it('keep a rule that was taken away, with who and why; it is taken away once', async () => {
    const removed = { by: 'ben', at: '2026-03-02T08:00:00.000Z', reason: 'fixed' };
    await stores.rules.add(rule('a'));
    expect(await stores.rules.remove('a', removed)).toBe(true);
    expect(await stores.rules.remove('a', { ...removed, by: 'cleo' })).toBe(false);
    expect(await stores.rules.remove('nothing', removed)).toBe(false);
    expect(await stores.rules.load()).toEqual([{ ...rule('a'), removed }]);
  });

  it('give back every field and byte of a sample, and list labels only, newest first', async () => {
    expect(await stores.samples.add(sample('a'), 5, 1_000)).toBe(true);
    expect(await stores.samples.add(sample('b', { takenAt: 2_000 }), 5, 2_000)).toBe(true);
    expect(await stores.samples.find('a', 2_000)).toEqual(sample('a'));
    expect(await stores.samples.find('nothing', 2_000)).toBeUndefined();
    const { sealed: _a, ...a } = sample('a');
    const { sealed: _b, ...b } = sample('b', { takenAt: 2_000 });
    expect(await stores.samples.list('Observation.search', 2_000)).toEqual([b, a]);
    expect(await stores.samples.list('Patient.read', 2_000)).toEqual([]);
  });

  it('keep so many samples of one signature at most, eight at once included; one that expired makes room', async () => {
    const { samples } = stores;
    const added = await Promise.all(
      Array.from({ length: 8 }, (_, nth) => samples.add(sample(`s${nth}`), 3, 1_000)),
    );
    expect(added.filter(Boolean)).toHaveLength(3);
    expect(await samples.add(sample('other', { signature: 'changed Observation.code' }), 3, 1_000)).toBe(
      true,
    );
    expect(await samples.add(sample('elsewhere', { endpoint: 'Patient.read' }), 3, 1_000)).toBe(true);
    expect(await samples.add(sample('later', { takenAt: 10_000, expiresAt: 20_000 }), 3, 10_000)).toBe(true);
  });

  it('delete the bytes of a sample whose life is over, and can tell that it has expired', async () => {
    const { samples } = stores;
    await samples.add(sample('a'), 5, 1_000);
    await samples.add(sample('b', { expiresAt: 30_000 }), 5, 1_000);
    const { sealed: _bytes, ...label } = sample('a');
    expect(await samples.find('a', 9_999)).toEqual(sample('a'));
    expect(await samples.find('a', 10_000)).toEqual(label);
    // Its bytes do not come back when a clock goes back.
    expect(await samples.find('a', 5_000)).toEqual(label);
    expect((await samples.list('Observation.search', 10_000)).map(({ id }) => id)).toEqual(['b']);
    expect(await samples.expire(30_000)).toBe(1);
    expect(await samples.expire(30_000)).toBe(0);
    expect(await samples.find('a', 10_000 + LABEL_LIFE_MS)).toBeUndefined();
  });

  it('keep the access log in order', async () => {
    const { samples } = stores;
    const access = { at: 1, by: 'ana', role: 'clinical', reason: 'glucose', outcome: 'opened' } as const;
    await samples.record({ ...access, sample: 'a' });
    await samples.record({ ...access, sample: 'b', outcome: 'refused' });
    await samples.record({ ...access, sample: 'a', at: 2, outcome: 'expired' });
    expect((await samples.accesses()).map(({ sample: id, at }) => [id, at])).toEqual([
      ['a', 1],
      ['b', 1],
      ['a', 2],
    ]);
    expect(await samples.accesses('b')).toEqual([{ ...access, sample: 'b', outcome: 'refused' }]);
  });

  it('give back captured requests of an endpoint by priority, living ones only', async () => {
    const { captures } = stores;
    const all = [captured('x', 0.5), captured('y', 0.25, { expiresAt: 5_000 }), captured('z', 0.125)];
    await captures.replace([...all, captured('p', 0.1, { endpoint: 'Patient.read' })], []);
    expect(await captures.list('Observation.search', 4_999)).toEqual([all[2], all[1], all[0]]);
    expect((await captures.list('Observation.search', 5_000)).map(({ id }) => id)).toEqual(['z', 'x']);
    const { sealed: _sealed, ...label } = captured('x', 0.5);
    expect(await captures.labels(5_000)).toContainEqual(label);
    expect((await captures.labels(5_000)).map(({ id }) => id).toSorted()).toEqual(['p', 'x', 'z']);
  });

  it('add and delete captured requests in one step; one that is there is replaced', async () => {
    const { captures } = stores;
    await captures.replace([captured('x', 0.5), captured('y', 0.6)], []);
    await captures.replace([captured('x', 0.5, { expiresAt: 20_000 }), captured('z', 0.1)], ['y', 'nothing']);
    expect(
      (await captures.list('Observation.search', 1)).map(({ id, expiresAt }) => [id, expiresAt]),
    ).toEqual([
      ['z', 10_000],
      ['x', 20_000],
    ]);
  });
});

describe('the sqlite file of the experiment', () => {
  it.each([
    ['UPDATE sample_access SET by_whom = NULL', /append-only/],
    ['DELETE FROM sample_access', /append-only/],
    ['DELETE FROM difference_rule', /kept/],
  ])('refuses %s', async (statement, why) => {
    const database = openDatabase(':memory:');
    const stores = onDatabase(database);
    await stores.rules.add(rule('a'));
    const access = { at: 1, by: 'ana', role: 'clinical', reason: 'why', outcome: 'opened' } as const;
    await stores.samples.record({ ...access, sample: 'a' });
    expect(() => database.exec(statement)).toThrow(why);
    stores.close();
  });

  it('holds no byte of a sample that has expired', async () => {
    const place = join(folder, 'gone');
    const stores = onDatabase(openDatabase(join(place, 'ficus.sqlite')));
    const marker = 'THE-SEALED-BYTES'.repeat(600);
    await stores.samples.add(sample('a', { sealed: Buffer.from(marker) }), 5, 1_000);
    await stores.samples.expire(10_000);
    stores.close();
    const text = readdirSync(place).map((file) => readFileSync(join(place, file), 'latin1'));
    expect(text.length).toBeGreaterThan(0);
    expect(text.some((content) => content.includes('THE-SEALED-BYTES'))).toBe(false);
  });
});
