import { DatabaseSync } from 'node:sqlite';
import type { SQLOutputValue } from 'node:sqlite';
import { transaction } from './database.ts';

interface NameRow {
  readonly name: string;
  readonly sequence: number;
}

/** The table `audit_name` of a trail, for who compares it with the records. @param database as it was opened for the records */
export function readAuditNames(database: DatabaseSync) {
  const one = database.prepare('SELECT 1 FROM audit_name WHERE name = ? AND sequence = ?');
  const counted = database.prepare('SELECT count(*) AS count FROM audit_name');
  const all = database.prepare('SELECT name, sequence FROM audit_name');
  return {
    has: ({ name, sequence }: NameRow): boolean => one.get(name, sequence) !== undefined,
    count: (): number => Number(counted.get()!['count']),
    *rows(): Generator<NameRow> {
      for (const row of all.iterate()) yield rowOf(row);
    },
  };
}

function rowOf(row: Record<string, SQLOutputValue>): NameRow {
  return { name: String(row['name']), sequence: Number(row['sequence']) };
}

/** Rows that are written in one transaction: whoever writes the trail waits for it. */
const TOGETHER = 500;

/**
 * Adds the rows that lack and removes those that are too many.
 *
 * @param faults as `readAuditNames` and the records told; a record that was let go of since gets no row
 * @throws Error when the file cannot be written
 */
export function mendAuditNames(
  file: string,
  faults: readonly (NameRow & { readonly fault: 'lacks' | 'too-many' })[],
): void {
  const database = new DatabaseSync(file, { timeout: 5_000 });
  try {
    const add = database.prepare(
      `INSERT OR IGNORE INTO audit_name
       SELECT :name, :sequence WHERE EXISTS (SELECT 1 FROM audit_record WHERE sequence = :sequence)`,
    );
    const remove = database.prepare('DELETE FROM audit_name WHERE name = :name AND sequence = :sequence');
    for (let from = 0; from < faults.length; from += TOGETHER)
      transaction(database, () => {
        for (const { fault, name, sequence } of faults.slice(from, from + TOGETHER))
          (fault === 'lacks' ? add : remove).run({ name, sequence });
      });
  } finally {
    database.close();
  }
}
