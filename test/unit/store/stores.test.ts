import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Route, WriteRecord } from '../../../src/ports.ts';
import { MIGRATIONS, openDatabase } from '../../../src/store/database.ts';
import { createMemoryStores, openSqliteStores } from '../../../src/store/stores.ts';
import type { Stores } from '../../../src/store/stores.ts';

const folder = mkdtempSync(join(tmpdir(), 'ficus-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = () => join(folder, `${++files}`, 'ficus.sqlite');

const route: Route = {
  endpoint: 'Observation.search',
  stage: 'legacy',
  legacy: 'hospital-soap',
  modern: 'labs',
  body: 'validated',
  owners: { technical: 'labs team', clinical: 'chief of pathology' },
  cohort: { percent: 12.5, within: { facilities: ['EAST'] }, clients: ['kiosk'], patients: ['p-1'] },
  hold: { by: 'ana', at: '2026-03-01T07:00:00.000Z', reason: 'holidays' },
  retirement: { by: 'ben', at: '2026-03-01T07:30:00.000Z', reason: 'nobody calls it' },
  since: '2026-02-01T08:00:00.000Z',
  run: 1,
  version: 1,
  updatedAt: '2026-03-01T08:00:00.000Z',
  updatedBy: 'config',
  reason: 'first start',
};
const running: WriteRecord = { fingerprint: 'f1', state: 'running', runningUntil: 5_000, expiresAt: 100_000 };

/** Every implementation keeps what it is told in the same way. */
const IMPLEMENTATIONS: readonly (readonly [name: string, open: () => Stores])[] = [
  ['memory', createMemoryStores],
  ['sqlite', () => openSqliteStores(newFile())],
];

describe.each(IMPLEMENTATIONS)('%s stores', (_name, open) => {
  let stores: Stores;
  beforeEach(() => {
    stores = open();
  });
  afterEach(() => stores.close());

  it('give back every field of a route', async () => {
    const bare: Route = {
      endpoint: 'Patient.read',
      stage: 'legacy',
      legacy: 'core',
      body: 'streamed',
      since: '2026-03-01T08:00:00.000Z',
      run: 1,
      version: 1,
      updatedAt: '2026-03-01T08:00:00.000Z',
      updatedBy: 'config',
      reason: '',
    };
    expect(await stores.routes.append(route)).toBe(true);
    expect(await stores.routes.append(bare)).toBe(true);
    expect(await stores.routes.load()).toEqual([route, bare]);
  });

  it('load the newest version of a route and keep the older ones in order', async () => {
    const second: Route = { ...route, stage: 'modern', version: 2, updatedBy: 'ana' };
    const third: Route = { ...route, version: 3, reason: 'back again' };
    for (const version of [route, second, third]) expect(await stores.routes.append(version)).toBe(true);
    expect(await stores.routes.load()).toEqual([third]);
    expect(await stores.routes.history('Observation.search')).toEqual([route, second, third]);
    expect(await stores.routes.history('Patient.read')).toEqual([]);
  });

  it.each([0, 1, 3])('refuse version %i of a route that is at version 1', async (version) => {
    await stores.routes.append(route);
    expect(await stores.routes.append({ ...route, version, stage: 'modern' })).toBe(false);
    expect(await stores.routes.load()).toEqual([route]);
  });

  it('let one claim of a key win, eight at once included', async () => {
    const claims = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        stores.idempotency.claim('k', { ...running, fingerprint: `f${n}` }, 1_000),
      ),
    );
    expect(claims.filter((existing) => existing === undefined)).toHaveLength(1);
    expect(new Set(claims.flatMap((existing) => existing?.fingerprint ?? []))).toEqual(new Set(['f0']));
  });

  it('answer a claim with the settled record', async () => {
    const done: WriteRecord = { ...running, state: 'done', outcome: '{"status":201,"text":"Ünïcode — 值"}' };
    expect(await stores.idempotency.claim('k', running, 1_000)).toBeUndefined();
    await stores.idempotency.settle('k', done);
    expect(await stores.idempotency.claim('k', running, 2_000)).toEqual(done);
  });

  it('let one take over a record that is as it was read, eight at once included', async () => {
    const { idempotency } = stores;
    const unknown: WriteRecord = { ...running, state: 'unknown', writeId: 'w-1', backend: 'core' };
    await idempotency.claim('k', unknown, 1_000);
    const attempts = Array.from({ length: 8 }, (_, nth) => ({ ...running, runningUntil: 6_000 + nth }));
    const took = await Promise.all(
      attempts.map((record) => idempotency.takeOver('k', unknown, { ...unknown, ...record })),
    );
    expect(took.filter(Boolean)).toHaveLength(1);
    expect(await idempotency.claim('k', running, 1_000)).toEqual({
      ...unknown,
      ...attempts[took.indexOf(true)],
    });
    expect(await idempotency.takeOver('nothing', unknown, running)).toBe(false);
  });

  it('free a key by release and by expiry, and no other', async () => {
    const { idempotency } = stores;
    for (const key of ['released', 'expired', 'kept']) {
      await idempotency.claim(key, { ...running, expiresAt: key === 'kept' ? 9_000 : 4_000 }, 1_000);
    }
    await idempotency.release('released');
    expect(await idempotency.claim('released', running, 2_000)).toBeUndefined();
    expect(await idempotency.claim('expired', running, 4_000)).toBeUndefined();
    expect(await idempotency.claim('kept', running, 4_000)).toMatchObject({ expiresAt: 9_000 });
  });

  it('remember the key of a hashed id once and for all', async () => {
    const { crosswalk } = stores;
    await crosswalk.remember([]);
    await crosswalk.remember([
      { id: 'a-one', type: 'Patient', key: 'HOSP|1' },
      { id: 'a-two', type: 'Encounter', key: 'HOSP|2' },
    ]);
    await crosswalk.remember([{ id: 'a-one', type: 'Patient', key: 'HOSP|changed' }]);
    expect(await crosswalk.find('a-one')).toEqual({ type: 'Patient', key: 'HOSP|1' });
    expect(await crosswalk.find('a-two')).toEqual({ type: 'Encounter', key: 'HOSP|2' });
    expect(await crosswalk.find('a-three')).toBeUndefined();
  });
});

describe('the sqlite file', () => {
  it('gives everything back after it was closed and opened again', async () => {
    const file = newFile();
    const before = openSqliteStores(file);
    await before.routes.append(route);
    await before.idempotency.claim('k', running, 1_000);
    await before.crosswalk.remember([{ id: 'a-one', type: 'Patient', key: 'HOSP|1' }]);
    before.close();
    const after = openSqliteStores(file);
    expect(await after.routes.load()).toEqual([route]);
    expect(await after.idempotency.claim('k', running, 1_000)).toEqual(running);
    expect(await after.crosswalk.find('a-one')).toEqual({ type: 'Patient', key: 'HOSP|1' });
    after.close();
  });

  it('lets one of two connections add the next version of a route', async () => {
    const file = newFile();
    const [one, two] = [openSqliteStores(file), openSqliteStores(file)];
    await one.routes.append(route);
    const next = (by: string): Route => ({ ...route, version: 2, updatedBy: by });
    expect([await two.routes.append(next('two')), await one.routes.append(next('one'))]).toEqual([
      true,
      false,
    ]);
    expect(await one.routes.load()).toEqual([next('two')]);
    one.close();
    two.close();
  });

  it('never lets a version of a route be changed or removed', async () => {
    const file = newFile();
    const stores = openSqliteStores(file);
    await stores.routes.append(route);
    stores.close();
    const raw = new DatabaseSync(file);
    expect(() => raw.exec("UPDATE route_version SET updated_by = 'nobody'")).toThrow(/append-only/);
    expect(() => raw.exec('DELETE FROM route_version')).toThrow(/append-only/);
    raw.close();
  });

  it('is write-ahead logged, synced on every commit and private', () => {
    const file = newFile();
    const database = openDatabase(file);
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
    expect(statSync(file).mode & 0o077).toBe(0);
    database.close();
  });

  it('is not opened when a newer Ficus wrote it', () => {
    const file = newFile();
    openDatabase(file).close();
    const raw = new DatabaseSync(file);
    raw.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`);
    raw.close();
    expect(() => openDatabase(file)).toThrow(/newer/);
  });

  it('reads a route of before stages had evidence as one that begins with each version', async () => {
    const file = newFile();
    mkdirSync(dirname(file), { recursive: true });
    const raw = new DatabaseSync(file);
    raw.exec(`${MIGRATIONS.slice(0, 2).join('')} PRAGMA user_version = 2;
      INSERT INTO route_version VALUES
        ('Patient.read', 1, 'legacy', 'core', NULL, 'validated', NULL, '2025-01-01T00:00:00.000Z', 'config', 'first start')`);
    raw.close();
    const stores = openSqliteStores(file);
    const old = {
      endpoint: 'Patient.read',
      stage: 'legacy',
      legacy: 'core',
      body: 'validated',
      since: '2025-01-01T00:00:00.000Z',
      run: 1,
      version: 1,
      updatedAt: '2025-01-01T00:00:00.000Z',
      updatedBy: 'config',
      reason: 'first start',
    } as const;
    expect(await stores.routes.load()).toEqual([old]);
    expect(await stores.routes.append({ ...old, version: 2 })).toBe(true);
    stores.close();
  });

  it('is brought forward from an empty schema', () => {
    const database = openDatabase(newFile());
    expect(database.prepare('PRAGMA user_version').get()).toEqual({ user_version: MIGRATIONS.length });
    database.close();
  });
});
