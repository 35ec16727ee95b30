import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { link } from '../../../src/audit/chain.ts';
import { factsOf } from '../../../src/audit/facts.ts';
import { nameFaults } from '../../../src/audit/names.ts';
import { openAuditStore, readAuditStore } from '../../../src/store/sqlite-audit.ts';
import { entry } from './entries.ts';

describe('what records of a trail are found by', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ficus-names-'));
  const file = join(folder, 'audit.sqlite');
  const faults = () => {
    const trail = readAuditStore(file);
    const found = [...nameFaults(trail, trail.names)];
    trail.close();
    return found;
  };
  const plant = (name: string, sequence: number) => {
    const database = new DatabaseSync(file);
    database.prepare('INSERT INTO audit_name VALUES (?, ?)').run(name, sequence);
    database.close();
  };

  beforeAll(() => {
    const store = openAuditStore(file, { durability: 'normal' });
    const patient = entry({ patients: ['p1'], references: ['Patient/p1/_history/2'] });
    const result = entry({ patients: ['p1'], references: ['Observation/o1'] });
    store.append((head) => link(head, [patient, result].flatMap(factsOf), 1_000));
    store.close();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('finds the patient of a record by name, although the name is not kept a second time', () => {
    const trail = readAuditStore(file);
    expect(trail.list({ name: 'Patient/p1' }, 9).map(({ sequence }) => sequence)).toEqual([2, 1]);
    expect(trail.list({ name: 'Observation/o1' }, 9).map(({ sequence }) => sequence)).toEqual([2]);
    expect(trail.names.count()).toBe(1);
    trail.close();
    expect(faults()).toEqual([]);
  });

  it('takes the name of its patient for right where an earlier version kept it, and nowhere else', () => {
    plant('Patient/p1', 1);
    expect(faults()).toEqual([]);
    plant('Patient/p1', 2);
    expect(faults()).toEqual([{ fault: 'too-many', name: 'Patient/p1', sequence: 2 }]);
  });
});
