import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { link } from '../../../src/audit/chain.ts';
import { factsOf } from '../../../src/audit/facts.ts';
import { verifyTrail } from '../../../src/audit/verify.ts';
import type { AuditStore } from '../../../src/audit-ports.ts';
import type { AuditEntry } from '../../../src/security-ports.ts';
import { createMemoryAuditStore } from '../../../src/store/memory-audit.ts';
import { openAuditStore } from '../../../src/store/sqlite-audit.ts';
import { entry } from './entries.ts';
import { indexTrail } from './indexed.ts';

const folder = mkdtempSync(join(tmpdir(), 'ficus-audit-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const fileName = () => join(folder, `audit-${(files += 1)}.sqlite`);
const onDisk = (file: string) => openAuditStore(file, { durability: 'full' });

/** Every record is in a run of the index, two in most of them. */
function onDiskIndexed(): AuditStore {
  const file = fileName();
  const store = onDisk(file);
  return {
    ...store,
    append(make) {
      store.append(make);
      indexTrail(file, { least: 1, most: 2 });
    },
  };
}

function add(store: AuditStore, changes: Partial<AuditEntry> = {}, now = 1_000): void {
  store.append((head) => link(head, factsOf(entry(changes)), now));
}

describe.each([
  ['in memory', createMemoryAuditStore],
  ['in a file', () => onDisk(fileName())],
  ['in a file that is indexed', onDiskIndexed],
])('an audit store %s', (_name, open) => {
  let store: AuditStore;
  beforeEach(() => {
    store = open();
  });
  afterEach(() => store.close());

  it('begins empty, and gives back what was added, in order', () => {
    expect(store.head()).toEqual({ sequence: 0, hash: '0'.repeat(64), at: 0 });
    expect(verifyTrail(store)).toMatchObject({ holds: true, records: 0 });
    add(store, { patients: ['p1', 'p2'] });
    add(store, { patients: [], references: [], agent: { subject: 'anonymous' } }, 2_000);
    const records = store.after(0, 10);
    expect(records.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(records[2]!.keys).toEqual({
      kind: 'read',
      action: 'R',
      outcome: '0',
      subject: 'anonymous',
      requestId: 'request-1',
    });
    expect(store.find(2)).toEqual(records[1]);
    expect(records[1]!.body).toContain('"patient":"p2"');
    expect(store.find(4)).toBeUndefined();
    expect(store.count()).toBe(3);
    expect(store.head()).toEqual({ sequence: 3, hash: records[2]!.hash, at: 2_000 });
    expect(verifyTrail(store)).toMatchObject({ holds: true, records: 3, first: 1 });
  });

  it('finds by each key, newest first, a page at a time', () => {
    add(store, { patients: ['p1'] }, 1_000);
    add(store, { patients: ['p2'], requestId: 'r2', kind: 'query', outcome: 'failed' }, 2_000);
    add(store, { patients: ['p1'], agent: { subject: 's', tokenId: 't2' }, references: [] }, 3_000);
    const found = (...args: Parameters<AuditStore['list']>) =>
      store.list(...args).map(({ sequence }) => sequence);
    expect(found({}, 10)).toEqual([3, 2, 1]);
    expect(found({}, 2)).toEqual([3, 2]);
    expect(found({}, 2, 2)).toEqual([1]);
    expect(found({ patient: 'p1' }, 10)).toEqual([3, 1]);
    expect(found({ tokenId: 't2' }, 10)).toEqual([3]);
    expect(found({ requestId: 'r2' }, 10)).toEqual([2]);
    expect(found({ fhirUser: 'Practitioner/17' }, 10)).toEqual([2, 1]);
    expect(found({ name: 'Observation/o1', patient: 'p1' }, 10)).toEqual([1]);
    expect(found({ name: 'Patient/p1' }, 10)).toEqual([3, 1]);
    expect(found({ identifier: 'r2' }, 10)).toEqual([2]);
    expect(found({ identifier: 'M1' }, 10)).toEqual([]);
    const exchanges = [{ backend: 'core', messageId: 'M1', acknowledgement: 'AA' }];
    add(store, { exchanges, references: ['Observation/o2/_history/3'], agent: { subject: 's', fhirUser: 'Patient/p9' } }, 4_000); // prettier-ignore
    expect(found({ identifier: 'M1' }, 10)).toEqual([4]);
    expect(found({ name: 'Observation/o2' }, 10)).toEqual([4]);
    expect(found({ patient: 'p9' }, 10)).toEqual([4]);
    expect(found({ kinds: ['query', 'token'] }, 10)).toEqual([2]);
    expect(found({ action: 'E' }, 10)).toEqual([2]);
    expect(found({ outcome: '8' }, 10)).toEqual([2]);
    expect(found({ from: 2_000, to: 2_999 }, 10)).toEqual([2]);
  });

  it('keeps all of what is added together, or nothing', () => {
    add(store);
    const twice = (): void =>
      store.append((head) => {
        const [one, other] = link(head, factsOf(entry({ patients: ['p1', 'p2'] })), 1_000);
        return [one!, { ...other!, sequence: 7 }];
      });
    expect(twice).toThrow('follows the last one');
    expect(store.head().sequence).toBe(1);
    expect(store.count()).toBe(1);
  });

  it('never goes back in time', () => {
    add(store, {}, 5_000);
    add(store, {}, 4_000);
    expect(store.after(0, 10).map(({ at }) => at)).toEqual([5_000, 5_000]);
  });

  it('lets go of what is old, and keeps an anchor that the chain goes on from', () => {
    for (const at of [1_000, 2_000, 3_000, 4_000]) add(store, {}, at);
    const last = store.lastBefore(3_000)!;
    expect(last.sequence).toBe(2);
    const anchor = store.purge(last.sequence, 9_000);
    expect(anchor).toEqual({ sequence: 2, hash: last.hash, count: 2, from: 1_000, to: 2_000, at: 9_000 });
    expect(store.anchors()).toEqual([anchor]);
    expect(store.after(0, 10).map(({ sequence }) => sequence)).toEqual([3, 4]);
    expect(verifyTrail(store)).toMatchObject({ holds: true, records: 2, first: 3 });
    add(store, {}, 9_500);
    expect(verifyTrail(store)).toMatchObject({ holds: true, records: 3 });
    expect(store.purge(2, 9_600)).toBeUndefined();
  });

  it('lets go of everything, and goes on counting', () => {
    add(store);
    store.purge(1, 9_000);
    expect(verifyTrail(store)).toMatchObject({ holds: true, records: 0, first: 2 });
    add(store, {}, 9_500);
    expect(store.head().sequence).toBe(2);
    expect(verifyTrail(store)).toMatchObject({ holds: true, records: 1 });
  });

  it('remembers where followers stand, and moves them on only', () => {
    expect(store.cursor('a')).toBe(0);
    store.advance('a', 5);
    store.advance('a', 3);
    store.advance('b', 1);
    expect([store.cursor('a'), store.cursor('b')]).toEqual([5, 1]);
  });
});

describe('a file of the trail', () => {
  it('refuses changes and removals', () => {
    const file = fileName();
    const store = onDisk(file);
    add(store, { patients: ['p1', 'p2'] });
    const other = new DatabaseSync(file);
    for (const statement of [
      "UPDATE audit_record SET body = '{}' WHERE sequence = 1",
      'DELETE FROM audit_record WHERE sequence = 2',
      'UPDATE audit_head SET sequence = 1',
      'DELETE FROM audit_head',
    ])
      expect(() => other.exec(statement)).toThrow('append-only');
    other.close();
    store.close();
  });

  it('takes records of two processes one after another', () => {
    const file = fileName();
    const [one, other] = [onDisk(file), onDisk(file)];
    add(one);
    add(other);
    add(one);
    expect(verifyTrail(one)).toMatchObject({ holds: true, records: 3 });
    one.close();
    other.close();
  });
});

/** What somebody does who can write the file and knows of the triggers. */
const TAMPERING: readonly (readonly [what: string, statements: string, sequence: number])[] = [
  ['a changed byte', "UPDATE audit_record SET body = replace(body, 'p3', 'p9') WHERE sequence = 3", 3],
  ['a changed key', "UPDATE audit_record SET patient = 'p9' WHERE sequence = 3", 3],
  ['a removed record', 'DELETE FROM audit_record WHERE sequence = 3', 3],
  ['a removed beginning', 'DELETE FROM audit_record WHERE sequence = 1', 1],
  [
    'a swapped order',
    `UPDATE audit_record SET sequence = 99 WHERE sequence = 2;
     UPDATE audit_record SET sequence = 2 WHERE sequence = 3;
     UPDATE audit_record SET sequence = 3 WHERE sequence = 99`,
    2,
  ],
  ['a truncated tail', 'DELETE FROM audit_record WHERE sequence >= 5', 5],
  ['a hash that was made to fit', 'UPDATE audit_record SET hash = zeroblob(32) WHERE sequence = 4', 4],
  [
    'a record put behind the end',
    `INSERT INTO audit_record SELECT 7, at, body, hash, kind, action, outcome, subject, request, patient,
     fhir_user, client, token FROM audit_record WHERE sequence = 6`,
    7,
  ],
];

describe('a trail that somebody laid hands on', () => {
  function tampered(statements: string): { store: AuditStore; noted: { sequence: number; hash: string } } {
    const file = fileName();
    const store = onDisk(file);
    for (let n = 1; n <= 6; n++) add(store, { patients: [`p${n}`] }, n * 1_000);
    const noted = store.head();
    store.close();
    const database = new DatabaseSync(file);
    const triggers = database.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").all();
    for (const { name } of triggers) database.exec(`DROP TRIGGER ${String(name)}`);
    database.exec(statements);
    database.close();
    return { store: onDisk(file), noted };
  }

  it.each(TAMPERING)('shows %s', (_what, statements, sequence) => {
    const { store } = tampered(statements);
    expect(verifyTrail(store)).toMatchObject({ holds: false, sequence });
    store.close();
  });

  it('shows that the tail and the kept head were cut off together, to whoever noted a head', () => {
    const { store, noted } = tampered(
      `DELETE FROM audit_record WHERE sequence = 6;
       UPDATE audit_head SET (sequence, hash, at) = (SELECT sequence, hash, at FROM audit_record WHERE sequence = 5)`,
    );
    expect(verifyTrail(store)).toMatchObject({ holds: true, records: 5 });
    expect(verifyTrail(store, noted)).toMatchObject({ holds: false, sequence: 6 });
    store.close();
  });
});
