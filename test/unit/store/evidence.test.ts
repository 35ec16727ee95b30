import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EvidenceStore, RunHashes, StepTaken } from '../../../src/strangler/gates/evidence-store.ts';
import type { Waiver } from '../../../src/strangler/gates/waiver.ts';
import { openDatabase } from '../../../src/store/database.ts';
import { createMemoryEvidenceStore } from '../../../src/store/memory-evidence.ts';
import { createSqliteEvidenceStore } from '../../../src/store/sqlite-evidence.ts';

const folder = mkdtempSync(join(tmpdir(), 'ficus-evidence-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = () => join(folder, `${++files}`, 'ficus.sqlite');

const none: RunHashes = { patients: [], requests: [], replayed: [] };
const search = 'Observation.search';
const waiver: Waiver = {
  endpoint: search,
  gate: 'latency',
  by: 'ana',
  reason: 'Ünïcode — 值',
  at: '2026-03-01T08:00:00.000Z',
  until: '2026-03-08T08:00:00.000Z',
};
const step = (version: number): StepTaken => ({
  endpoint: search,
  version,
  report: {
    endpoint: search,
    from: { stage: 'shadow' },
    to: { stage: 'canary', percent: 5 },
    run: 2,
    at: '2026-03-01T08:00:00.000Z',
    open: true,
    gates: [],
    blocking: [],
  },
});

let database: DatabaseSync | undefined;
/** Every implementation keeps what it is told in the same way. */
const IMPLEMENTATIONS: readonly (readonly [name: string, open: () => EvidenceStore])[] = [
  ['memory', createMemoryEvidenceStore],
  [
    'sqlite',
    () => {
      database = openDatabase(newFile());
      return createSqliteEvidenceStore(database);
    },
  ],
];

describe.each(IMPLEMENTATIONS)('the %s evidence store', (_name, open) => {
  let store: EvidenceStore;
  beforeEach(() => {
    store = open();
  });
  afterEach(() => {
    database?.close();
    database = undefined;
  });

  it('knows nothing at first', async () => {
    expect(await store.run(search, 1)).toBeUndefined();
    expect(await store.runs(search)).toEqual([]);
    expect(await store.traffic(search)).toBeUndefined();
    expect(await store.waivers(search)).toEqual([]);
    expect(await store.steps(search)).toEqual([]);
    expect(await store.contractCheck('labs')).toBeUndefined();
  });

  it.each([true, false])(
    'replaces the body of a run and adds to its hashes (durable: %s)',
    async (durable) => {
      const saved = {
        endpoint: search,
        run: 2,
        body: 'one',
        added: { ...none, patients: ['b', 'a'] },
      } as const;
      await store.save([saved], [], durable);
      await store.save(
        [{ ...saved, body: 'two', added: { patients: ['a', 'c'], requests: ['r'], replayed: ['r'] } }],
        [],
        durable,
      );
      expect(await store.run(search, 2)).toEqual({
        body: 'two',
        hashes: { patients: ['a', 'b', 'c'], requests: ['r'], replayed: ['r'] },
      });
    },
  );

  it('keeps runs and endpoints apart, oldest run first', async () => {
    const saved = { endpoint: search, body: '', added: none } as const;
    for (const run of [12, 3, 7]) await store.save([{ ...saved, run, body: `run ${run}` }], [], true);
    await store.save([{ ...saved, endpoint: 'Patient.read', run: 3 }], [], true);
    expect(await store.runs(search)).toEqual([3, 7, 12].map((run) => ({ run, body: `run ${run}` })));
  });

  it('replaces the traffic of an endpoint', async () => {
    await store.save([], [{ endpoint: search, body: 'one' }], false);
    await store.save(
      [],
      [
        { endpoint: search, body: 'two' },
        { endpoint: 'Patient.read', body: 'x' },
      ],
      false,
    );
    expect([await store.traffic(search), await store.traffic('Patient.read')]).toEqual(['two', 'x']);
  });

  it('keeps every waiver in the order in which they were given', async () => {
    await store.addWaiver(waiver);
    await store.addWaiver({ ...waiver, until: waiver.at });
    await store.addWaiver({ ...waiver, endpoint: 'Patient.read' });
    expect(await store.waivers(search)).toEqual([waiver, { ...waiver, until: waiver.at }]);
  });

  it('keeps every step once', async () => {
    await store.addStep(step(7));
    await store.addStep(step(3));
    await expect(store.addStep(step(3))).rejects.toThrow();
    expect(await store.steps(search)).toEqual([step(3), step(7)]);
  });

  it('keeps the newest check of a backend', async () => {
    const check = {
      backend: 'labs',
      at: 1,
      endpoints: [search],
      passed: 3,
      failed: [{ name: 'a', words: 'b' }],
    } as const;
    await store.saveContractCheck(check);
    await store.saveContractCheck({ ...check, at: 2, failed: [] });
    expect(await store.contractCheck('labs')).toEqual({ ...check, at: 2, failed: [] });
  });
});

describe('evidence in the sqlite file', () => {
  it('is there after it was closed and opened again', async () => {
    const file = newFile();
    const before = openDatabase(file);
    const store = createSqliteEvidenceStore(before);
    await store.save(
      [{ endpoint: search, run: 1, body: 'b', added: { ...none, patients: ['p'] } }],
      [],
      false,
    );
    before.close();
    const after = openDatabase(file);
    expect(await createSqliteEvidenceStore(after).run(search, 1)).toEqual({
      body: 'b',
      hashes: { ...none, patients: ['p'] },
    });
    after.close();
  });

  it('keeps all of a save or nothing, and waits for the disk again afterwards', async () => {
    const opened = openDatabase(newFile());
    const store = createSqliteEvidenceStore(opened);
    const good = { endpoint: search, run: 1, body: 'b', added: none } as const;
    const bad = { ...good, run: Number.NaN };
    await expect(store.save([good, bad], [], false)).rejects.toThrow();
    expect(await store.runs(search)).toEqual([]);
    expect(opened.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
    await store.save([good], [], false);
    expect(opened.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
    opened.close();
  });

  it('never lets a waiver or a step be changed or removed', async () => {
    const opened = openDatabase(newFile());
    const store = createSqliteEvidenceStore(opened);
    await store.addWaiver(waiver);
    await store.addStep(step(1));
    for (const table of ['gate_waiver', 'step_taken']) {
      expect(() => opened.exec(`UPDATE ${table} SET endpoint = 'x'`)).toThrow(/append-only/);
      expect(() => opened.exec(`DELETE FROM ${table}`)).toThrow(/append-only/);
    }
    opened.close();
  });
});
