import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BackfillJob, DriftReport, OutboxRecord } from '../../../src/replica-ports.ts';
import { parseJson } from '../../../src/fhir/json.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import { openWriteStores } from '../../support/write-stores.ts';
import type { WriteStores } from '../../support/write-stores.ts';

const folder = mkdtempSync(join(tmpdir(), 'ficus-outbox-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = () => join(folder, `${++files}`, 'ficus.sqlite');

const entry: Omit<OutboxRecord, 'sequence'> = {
  id: 'w-1',
  endpoint: 'Appointment.create',
  type: 'Appointment',
  resourceId: 'r-1',
  patient: 'p-1',
  from: 'modern',
  toward: 'legacy',
  backend: 'bookings',
  state: 'intended',
  resource: parseJson('{"resourceType":"Appointment","id":"r-1","minutesDuration":1.50}') as Resource,
  lossy: true,
  accepted: true,
  sent: false,
  attempts: 0,
  acceptedAt: 1_000,
  nextAttemptAt: 2_000,
  lastError: 'none yet',
  owner: 'bookings team',
};
const { resourceId: _id, patient: _patient, lastError: _error, owner: _owner, ...required } = entry;
const bare: Omit<OutboxRecord, 'sequence'> = {
  ...required,
  id: 'w-2',
  lossy: false,
  accepted: false,
  sent: true,
};

const report: DriftReport = {
  endpoint: 'Appointment.create',
  type: 'Appointment',
  at: '2026-03-01T08:00:00.000Z',
  state: 'done',
  checked: 3,
  same: 2,
  inFlight: 0,
  unreadable: 0,
  missing: { legacy: 0, modern: 1 },
  drift: [{ id: 'r-1', owner: 'bookings team', missingOn: 'modern', signatures: ['missing Appointment'] }],
  different: 1,
  elements: { 'missing Appointment': 1 },
  writes: { accepted: 3, legacy: 3, modern: 2 },
  repair: 'no',
  repaired: 0,
  by: 'ana',
  reason: 'weekly',
};

const job: BackfillJob = {
  id: 'j-1',
  endpoint: 'Appointment.search',
  type: 'Appointment',
  state: 'running',
  total: 3,
  done: 0,
  resources: 0,
  skipped: 0,
  failures: [],
  perSecond: 5,
  createdAt: '2026-03-01T08:00:00.000Z',
  by: 'ana',
  reason: 'a new service',
};

const IMPLEMENTATIONS = [
  ['memory', () => openWriteStores()],
  ['sqlite', () => openWriteStores(newFile())],
] as const;

describe.each(IMPLEMENTATIONS)('%s stores', (_name, open) => {
  let stores: WriteStores;
  beforeEach(() => {
    stores = open();
  });
  afterEach(() => stores.close());

  it('give back every field of an entry, digits included, in the order of acceptance', async () => {
    const { outbox } = stores;
    expect([await outbox.add(entry), await outbox.add(bare)]).toEqual([1, 2]);
    expect(await outbox.find('w-1')).toEqual({ ...entry, sequence: 1 });
    expect(JSON.stringify((await outbox.find('w-1'))?.resource)).toContain('1.50');
    const { resource: _one, ...first } = entry;
    const { resource: _two, ...second } = bare;
    expect(await outbox.load()).toEqual([
      { ...first, sequence: 1 },
      { ...second, sequence: 2 },
    ]);
    await expect(outbox.add(entry)).rejects.toThrow();
    expect(await outbox.find('w-3')).toBeUndefined();
  });

  it('change what is said of an entry and nothing else, and move it to the end when it is accepted', async () => {
    const { outbox } = stores;
    await outbox.add(bare);
    await outbox.add(entry);
    const changes = {
      state: 'pending',
      resourceId: 'r-9',
      patient: 'p-9',
      attempts: 3,
      sent: false,
    } as const;
    expect(await outbox.change('w-2', changes, { newest: true, counted: 'accepted' })).toBe(3);
    expect(await outbox.find('w-2')).toEqual({ ...bare, ...changes, sequence: 3 });
    expect(await outbox.change('w-1', { lastError: 'core is down' })).toBe(2);
    expect(await outbox.find('w-1')).toEqual({ ...entry, lastError: 'core is down', sequence: 2 });
    expect(await outbox.change('w-3', { attempts: 1 })).toBeUndefined();
    expect(await outbox.counts()).toEqual([
      { endpoint: 'Appointment.create', toward: 'legacy', name: 'accepted', count: 1 },
    ]);
  });

  it('end an entry once, with its replica, its assignment and its count', async () => {
    const { outbox, replicas, crosswalk } = stores;
    await outbox.add(entry, 'repaired');
    await outbox.add(bare);
    const replica = { type: 'Appointment', id: 'r-1', patient: 'p-1', from: 'modern', at: 5, leftOut: ['Appointment.slot'] } as const; // prettier-ignore
    const ending = {
      how: 'delivered',
      at: 5,
      replica,
      assignment: { type: 'Appointment', id: 'r-1', key: 'APPT|1' },
      leftOut: ['Appointment.slot'],
      supersedes: ['w-2', 'w-unknown'],
    } as const;
    expect(await outbox.end('w-1', ending)).toBe(true);
    expect(await outbox.end('w-1', ending)).toBe(false);
    expect(await outbox.load()).toEqual([]);
    expect(await replicas.find('Appointment', 'r-1')).toEqual(replica);
    expect(crosswalk.assignedId('Appointment', 'APPT|1')).toBe('r-1');
    expect(crosswalk.assignedKey('Appointment', 'r-1')).toBe('APPT|1');
    expect((await outbox.counts()).map(({ name, count }) => [name, count])).toEqual([
      ['delivered', 1],
      ['left out Appointment.slot', 1],
      ['repaired', 1],
      ['superseded', 1],
    ]);
  });

  it('remember what was accepted and has ended, and nothing of what was refused', async () => {
    const { outbox } = stores;
    await outbox.add(entry);
    await outbox.add(bare);
    await outbox.add({ ...entry, id: 'w-3' });
    await outbox.end('w-1', { how: 'delivered', at: 5 });
    await outbox.end('w-2', { how: 'discarded', at: 9 });
    await outbox.end('w-3', { how: 'refused', at: 9 });
    expect(await outbox.ended('w-1')).toEqual({ from: 'modern', resourceId: 'r-1' });
    expect(await outbox.ended('w-2')).toEqual({ from: 'modern' });
    expect(await outbox.ended('w-3')).toBeUndefined();
    await outbox.forget(9);
    expect(await outbox.ended('w-1')).toBeUndefined();
    expect(await outbox.ended('w-2')).toBeDefined();
  });

  it('assign an id and a key to each other once', async () => {
    const { crosswalk } = stores;
    await crosswalk.assign({ type: 'Appointment', id: 'one', key: 'APPT|1' });
    await crosswalk.assign({ type: 'Appointment', id: 'one', key: 'APPT|2' });
    await crosswalk.assign({ type: 'Appointment', id: 'two', key: 'APPT|1' });
    await crosswalk.assign({ type: 'Patient', id: 'one', key: 'HOSP|1' });
    expect(['APPT|1', 'APPT|2'].map((key) => crosswalk.assignedId('Appointment', key))).toEqual([
      'one',
      undefined,
    ]);
    expect(['one', 'two'].map((id) => crosswalk.assignedKey('Appointment', id))).toEqual([
      'APPT|1',
      undefined,
    ]);
    expect(crosswalk.assignedKey('Patient', 'one')).toBe('HOSP|1');
  });

  it('list the replicas of a type in pages', async () => {
    const { replicas } = stores;
    for (const id of ['c', 'a', 'b']) await replicas.put({ type: 'Appointment', id, from: 'legacy', at: 1 });
    await replicas.put({ type: 'Patient', id: 'a', from: 'legacy', at: 1 });
    await replicas.put({ type: 'Appointment', id: 'b', from: 'modern', at: 2, patient: 'p' });
    const first = await replicas.list('Appointment', undefined, 2);
    expect(first).toEqual([
      { type: 'Appointment', id: 'a', from: 'legacy', at: 1 },
      { type: 'Appointment', id: 'b', from: 'modern', at: 2, patient: 'p' },
    ]);
    expect((await replicas.list('Appointment', 'b', 2)).map(({ id }) => id)).toEqual(['c']);
  });

  it('keep the newest drift report of a type, whichever endpoint it was made for', async () => {
    const { reports } = stores;
    await reports.save(report);
    await reports.save({ ...report, checked: 4 });
    expect(await reports.latest('Appointment.create')).toEqual({ ...report, checked: 4 });
    expect(await reports.latest('Appointment.search')).toEqual({ ...report, checked: 4 });
    expect(await reports.latest('Patient.create')).toBeUndefined();
  });

  it('keep a fill with its list of patients and how far it is', async () => {
    const { backfills } = stores;
    await backfills.create(job, ['p-1', 'p-2', 'urn:oid:2.999|3']);
    await backfills.create({ ...job, id: 'j-2', createdAt: '2026-03-02T08:00:00.000Z' }, []);
    await backfills.save({
      ...job,
      done: 1,
      failures: [{ position: 0, words: 'no such patient', owner: 'ana' }],
    });
    expect(await backfills.find('j-1')).toMatchObject({ done: 1, failures: [{ words: 'no such patient' }] });
    expect((await backfills.list()).map(({ id }) => id)).toEqual(['j-2', 'j-1']);
    expect(await backfills.patients('j-1', 1, 5)).toEqual(['p-2', 'urn:oid:2.999|3']);
    expect(await backfills.patients('j-2', 0, 5)).toEqual([]);
  });
});

describe('the sqlite file', () => {
  it('gives everything back after it was closed and opened again', async () => {
    const file = newFile();
    const before = openWriteStores(file);
    await before.outbox.add(entry, 'accepted');
    await before.outbox.add(bare);
    await before.outbox.end('w-2', {
      how: 'delivered',
      at: 5,
      assignment: { type: 'Appointment', id: 'r-1', key: 'APPT|1' },
      replica: { type: 'Appointment', id: 'r-1', from: 'modern', at: 5 },
    });
    await before.reports.save(report);
    await before.backfills.create(job, ['p-1']);
    before.close();
    const after = openWriteStores(file);
    expect((await after.outbox.load()).map(({ id }) => id)).toEqual(['w-1']);
    expect(await after.outbox.ended('w-2')).toBeDefined();
    expect(await after.outbox.counts()).toHaveLength(2);
    expect(after.crosswalk.assignedId('Appointment', 'APPT|1')).toBe('r-1');
    expect(await after.replicas.find('Appointment', 'r-1')).toBeDefined();
    expect(await after.reports.latest('Appointment.create')).toEqual(report);
    expect(await after.backfills.patients('j-1', 0, 9)).toEqual(['p-1']);
    after.close();
  });
});
