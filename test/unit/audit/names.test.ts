import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { link } from '../../../src/audit/chain.ts';
import { factsOf } from '../../../src/audit/facts.ts';
import { nameFaults } from '../../../src/audit/names.ts';
import type { AuditFilter, AuditStore } from '../../../src/audit-ports.ts';
import type { AuditEntry } from '../../../src/security-ports.ts';
import { AUDIT_MIGRATIONS } from '../../../src/store/audit-schema.ts';
import { createMemoryAuditStore } from '../../../src/store/memory-audit.ts';
import { createAuditIndexer, mendAuditNames } from '../../../src/store/sqlite-audit-names.ts';
import { openAuditStore, readAuditStore } from '../../../src/store/sqlite-audit.ts';
import { entry } from './entries.ts';
import { indexTrail } from './indexed.ts';

let folder: string;
let file: string;
let store: AuditStore;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ficus-names-'));
  file = join(folder, 'audit.sqlite');
  store = openAuditStore(file, { durability: 'normal' });
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

function add(changes: Partial<AuditEntry>, at = 1_000, to = store): void {
  to.append((head) => link(head, factsOf(entry(changes)), at));
}

function faults() {
  const trail = readAuditStore(file);
  try {
    return [...nameFaults(trail, trail.names)];
  } finally {
    trail.close();
  }
}

function change(statements: string): void {
  const database = new DatabaseSync(file);
  database.exec(statements);
  database.close();
}

/** Numbers that a filter finds. */
const found = (filter: AuditFilter) => store.list(filter, 99).map(({ sequence }) => sequence);

describe('what records of a trail are found by', () => {
  beforeEach(() => {
    add({ patients: ['p1'], references: ['Patient/p1/_history/2'] });
    add({ patients: ['p1'], references: ['Observation/o1'] });
  });

  it('finds the patient of a record by name, although the name is not kept a second time', () => {
    indexTrail(file);
    const trail = readAuditStore(file);
    expect(trail.list({ name: 'Patient/p1' }, 9).map(({ sequence }) => sequence)).toEqual([2, 1]);
    expect(trail.list({ name: 'Observation/o1' }, 9).map(({ sequence }) => sequence)).toEqual([2]);
    const names = [...trail.names.rows()].filter(({ name }) => name.includes('/'));
    expect(names.map(({ name, sequence }) => [name, sequence])).toEqual([
      ['Observation/o1', 2],
      ['Practitioner/17', 1],
      ['Practitioner/17', 2],
    ]);
    trail.close();
    expect(faults()).toEqual([]);
  });

  it('is not as the records say where a row is too many, stands in another run, or lacks; and is mended', () => {
    indexTrail(file, { least: 1, most: 1 });
    add({ patients: ['p2'], references: ['Observation/o2'] });
    expect(faults()).toEqual([]);
    change(`
      INSERT INTO audit_name VALUES (2, 'Patient/p1', 2), (1, 'Observation/o1', 2);
      DELETE FROM audit_name WHERE run = 1 AND name = 'p1';
    `);
    expect(found({ patient: 'p1' })).toEqual([2]);
    const wrong = faults();
    expect(wrong).toEqual([
      { fault: 'lacks', name: 'p1', sequence: 1 },
      { fault: 'too-many', name: 'Observation/o1', sequence: 2 },
      { fault: 'too-many', name: 'Patient/p1', sequence: 2 },
    ]);
    mendAuditNames(file, wrong);
    expect(faults()).toEqual([]);
    expect(found({ patient: 'p1' })).toEqual([2, 1]);
    expect(found({ name: 'Observation/o1' })).toEqual([2]);
  });

  it('finds nothing that is not so, whatever the index says', () => {
    indexTrail(file);
    change("INSERT INTO audit_name VALUES (2, 'Observation/o9', 2), (2, 'p9', 1)");
    expect([found({ name: 'Observation/o9' }), found({ patient: 'p9' })]).toEqual([[], []]);
  });

  it('lacks rows where a run was taken out of its list, which hides what is in it', () => {
    indexTrail(file, { least: 1, most: 1 });
    change('DELETE FROM audit_run WHERE last = 1');
    expect(found({ patient: 'p1' })).toEqual([2]);
    expect(faults().map(({ fault, sequence }) => [fault, sequence])).toContainEqual(['lacks', 1]);
    mendAuditNames(file, faults());
    expect(faults()).toEqual([]);
    expect(found({ patient: 'p1' })).toEqual([2, 1]);
  });
});

describe('an index that is behind the records', () => {
  it('keeps nothing from being found, wherever it ends, and whatever was let go of', () => {
    const memory = createMemoryAuditStore();
    for (let n = 1; n <= 60; n += 1) {
      const changes: Partial<AuditEntry> = {
        requestId: `r${n % 9}`,
        patients: [`p${n % 7}`],
        agent: { subject: 's', tokenId: `t${n % 5}`, fhirUser: `Patient/p${n % 11}` },
        references: [`Observation/o${n % 4}/_history/${n}`],
        exchanges: [{ backend: 'core', messageId: `M${n % 6}` }],
      };
      for (const to of [memory, store]) add(changes, n * 10, to);
      if (n % 13 === 0) indexTrail(file, { least: 5, most: 8 });
      if (n === 40) for (const to of [memory, store]) to.purge(19, 9_000);
      for (const filter of [
        { requestId: 'r3' },
        { patient: 'p3' },
        { tokenId: 't2', patient: 'p1' },
        { fhirUser: 'Patient/p5' },
        { name: 'Observation/o1' },
        { name: 'Patient/p2', to: 305 },
        { identifier: 'M4', from: 150 },
        { identifier: 'r4', from: 150, to: 420 },
      ] satisfies AuditFilter[])
        for (const before of [undefined, n, n - 6])
          for (const limit of [1, 3, 99]) {
            const numbers = (of: AuditStore) =>
              of.list(filter, limit, before).map(({ sequence }) => sequence);
            expect([filter, before, limit, numbers(store)]).toEqual([filter, before, limit, numbers(memory)]);
          }
    }
    expect(faults()).toEqual([]);
  });

  it('is made in steps that let others in between, and anew where it was given up', () => {
    for (let n = 1; n <= 600; n += 1) add({ requestId: `r${n}` });
    const database = new DatabaseSync(file);
    const steps = createAuditIndexer(database, { least: 1, most: 1_000 }).index();
    steps.next();
    steps.next();
    expect(found({ requestId: 'r7' })).toEqual([7]);
    add({ requestId: 'meanwhile' });
    database.close();
    expect(indexTrail(file)).toBeGreaterThan(3);
    expect([found({ requestId: 'r7' }), found({ requestId: 'meanwhile' })]).toEqual([[7], [601]]);
    expect(faults()).toEqual([]);
  });

  it('keeps no name of what was let go of while it was made', () => {
    for (let n = 1; n <= 9; n += 1) add({ requestId: `r${n}` });
    const database = new DatabaseSync(file);
    const steps = createAuditIndexer(database, { least: 1, most: 6 }).index();
    steps.next();
    store.purge(4, 9_000);
    for (const _step of steps);
    database.close();
    const trail = readAuditStore(file);
    expect(Math.min(...[...trail.names.rows()].map(({ sequence }) => sequence))).toBe(5);
    trail.close();
    store.purge(6, 9_000);
    store.purge(9, 9_000);
    const after = new DatabaseSync(file);
    expect(after.prepare('SELECT * FROM audit_name').all()).toEqual([]);
    after.close();
  });
});

describe('a trail of an earlier version', () => {
  const earlier = () => {
    store.close();
    for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
    const database = new DatabaseSync(file);
    database.exec(`${AUDIT_MIGRATIONS[0]!} PRAGMA user_version = 1;`);
    const put = database.prepare(
      "INSERT INTO audit_record VALUES (:sequence, :at, :body, unhex(:hash), 'read', 'R', '0', 'nurse-7', 'request-1', 'p1', 'Practitioner/17', 'ward-board', 'jti-1')",
    );
    const head = { sequence: 0, hash: '0'.repeat(64), at: 0 };
    const facts = [...factsOf(entry({})), ...factsOf(entry({}))];
    for (const { sequence, at, body, hash } of link(head, facts, 1_000))
      put.run({ sequence, at, body, hash });
    database.close();
  };

  it('is looked at as it is', () => {
    earlier();
    const trail = readAuditStore(file);
    expect(trail.list({ name: 'Observation/o1' }, 9).map(({ sequence }) => sequence)).toEqual([2, 1]);
    expect([...nameFaults(trail, trail.names)]).toEqual([]);
    trail.close();
    store = openAuditStore(file, { durability: 'normal' });
  });

  it('is brought forward, and indexed', () => {
    earlier();
    store = openAuditStore(file, { durability: 'normal' });
    expect(found({ tokenId: 'jti-1' })).toEqual([2, 1]);
    indexTrail(file);
    expect(found({ tokenId: 'jti-1' })).toEqual([2, 1]);
    expect(faults()).toEqual([]);
  });
});
