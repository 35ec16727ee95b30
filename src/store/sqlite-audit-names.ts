import { DatabaseSync } from 'node:sqlite';
import { transaction } from './database.ts';

/**
 * What records of the trail are found by: their request, patient, user and token, references without version, and ids
 * of messages. It is kept in runs of records that follow each other: `audit_run` has the last number of each,
 * `audit_name` the rows of all. A run is written once, in the order of its names, so it costs the same however long the
 * trail is; whoever looks for a name looks into each run. Records behind the last run are read one by one.
 */

/** Of a value of `references`: the reference without its version. */
const CURRENT =
  "iif(instr(value, '/_history/') > 0, substr(value, 1, instr(value, '/_history/') - 1), value)";
/** Whoever laid hands on a body shall not stop a search. */
const BODY = "iif(json_valid(body), body, '{}')";
const REFERENCES = `json_each(${BODY}, '$.references')`;
const EXCHANGES = `json_each(${BODY}, '$.exchanges')`;

/** Whether the record of the row at hand names `?`, twice, as a reference or as the id of a message. */
export const NAMED = `(EXISTS (SELECT 1 FROM ${REFERENCES} WHERE ${CURRENT} = ?)
  OR EXISTS (SELECT 1 FROM ${EXCHANGES} WHERE value ->> 'messageId' = ?))`;

const RANGE = 'sequence > :after AND sequence <= :last';
const COLUMNS = ['request', 'patient', 'fhir_user', 'token'];

/**
 * Whether the row at hand refers to its patient alone, as most do: told by its text, which costs a tenth of reading it.
 * A quotation mark in a value is escaped.
 */
const OF_PATIENT_ALONE = `instr(body, '"references":["Patient/' || patient || '"]') > 0`;

/**
 * Names and numbers of the records after `:after` up to `:last`; some more than once. Their patient is not a name
 * besides.
 */
const SAID = [
  ...COLUMNS.map(
    (column) =>
      `SELECT ${column} AS name, sequence FROM audit_record WHERE ${RANGE} AND ${column} IS NOT NULL`,
  ),
  `SELECT ${CURRENT}, sequence FROM audit_record, ${REFERENCES}
   WHERE ${RANGE} AND ${OF_PATIENT_ALONE} IS NOT TRUE AND ${CURRENT} IS NOT 'Patient/' || patient`,
  `SELECT value ->> 'messageId', sequence FROM audit_record, ${EXCHANGES} WHERE ${RANGE}`,
].join(' UNION ALL ');

/** The run that a record belongs to. */
const RUN_OF = '(SELECT min(last) FROM audit_run WHERE last >= :sequence)';

/** Rows that follow one that was written. */
const BEHIND = '(name, sequence) > (:name, :sequence)';

interface NameRow {
  readonly name: string;
  readonly sequence: number;
}

/** The index of a trail, for who compares it with the records. @param database as it was opened for the records */
export function readAuditNames(database: DatabaseSync) {
  const end = database.prepare('SELECT coalesce(max(last), 0) AS last FROM audit_run');
  const one = database.prepare(
    `SELECT 1 FROM audit_name WHERE run = ${RUN_OF} AND name = :name AND sequence = :sequence`,
  );
  // Behind the last run is what is being written.
  const kept = 'WHERE run <= (SELECT max(last) FROM audit_run)';
  const counted = database.prepare(`SELECT count(*) AS count FROM audit_name ${kept}`);
  const all = database.prepare(
    `SELECT name, sequence, run = (SELECT min(last) FROM audit_run WHERE last >= sequence) AS placed
     FROM audit_name ${kept}`,
  );
  return {
    last: (): number => Number(end.get()!['last']),
    has: ({ name, sequence }: NameRow): boolean => one.get({ name, sequence }) !== undefined,
    count: (): number => Number(counted.get()!['count']),
    *rows(): Generator<NameRow & { readonly placed: boolean }> {
      for (const { name, sequence, placed } of all.iterate())
        yield { name: String(name), sequence: Number(sequence), placed: placed === 1 };
    },
  };
}

/**
 * Rows that are written in one transaction, and records whose names are gathered at once. While the former lasts
 * whoever writes the trail waits, and SQLite lets him wait a millisecond at least: so it is short, and meets him
 * seldom.
 */
const STEP = { rows: 256, records: 256 };

/**
 * Least and most records of a run: those that a search reads one by one, and those whose names are sorted in memory.
 */
const RUN = { least: 4_096, most: 32_768 };

export interface AuditIndexer {
  /**
   * Makes runs of what none has yet, as long as there is enough for one. A step takes some milliseconds at most, and
   * holds up whoever writes the trail for a fraction of one; let others in between. @throws Error when it cannot be
   * written: what was begun is made anew another time
   */
  index(): Generator<void, void>;
}

/** @param database of its own: it has a table in memory */
export function createAuditIndexer(database: DatabaseSync, { least, most } = RUN): AuditIndexer {
  database.exec(`
    PRAGMA temp_store = MEMORY;
    CREATE TEMP TABLE said (
      name     TEXT    NOT NULL,
      sequence INTEGER NOT NULL,
      PRIMARY KEY (name, sequence)
    ) WITHOUT ROWID;
  `);
  const ends = database.prepare(`
    SELECT (SELECT coalesce(max(last), 0) FROM audit_run) AS indexed, (SELECT sequence FROM audit_head) AS head,
           (SELECT coalesce(max(sequence), 0) FROM audit_anchor) AS gone
  `);
  const gather = database.prepare(`INSERT OR IGNORE INTO said ${SAID}`);
  const clear = database.prepare('DELETE FROM audit_name WHERE run > ?');
  const endOfStep = database.prepare(
    `SELECT name, sequence FROM said WHERE ${BEHIND} ORDER BY name, sequence LIMIT 1 OFFSET ${STEP.rows - 1}`,
  );
  const keepStep = database.prepare(
    `INSERT INTO audit_name SELECT :run, name, sequence FROM said
     WHERE ${BEHIND} AND (name, sequence) <= (:toName, :toSequence) ORDER BY name, sequence`,
  );
  const keepRest = database.prepare(
    `INSERT INTO audit_name SELECT :run, name, sequence FROM said WHERE ${BEHIND} ORDER BY name, sequence`,
  );
  const forget = database.prepare('DELETE FROM audit_name WHERE run = ? AND sequence <= ?');
  const close = database.prepare('INSERT INTO audit_run VALUES (?)');
  const now = () => {
    const { indexed, head, gone } = ends.get()!;
    return { indexed: Number(indexed), head: Number(head), gone: Number(gone) };
  };

  return {
    *index() {
      for (;;) {
        const { indexed, head, gone } = now();
        const after = Math.max(indexed, gone);
        if (head - after < least) return;
        const last = Math.min(head, after + most);
        database.exec('DELETE FROM said');
        for (let from = after; from < last; from += STEP.records) {
          gather.run({ after: from, last: Math.min(last, from + STEP.records) });
          yield;
        }
        // Of a run that was begun, and not closed.
        transaction(database, () => clear.run(indexed));
        yield;
        let begin = { name: '', sequence: 0 };
        for (let end = endOfStep.get(begin); end; end = endOfStep.get(begin)) {
          const to = { name: String(end['name']), sequence: Number(end['sequence']) };
          keepStep.run({ run: last, ...begin, toName: to.name, toSequence: to.sequence });
          yield;
          begin = to;
        }
        keepRest.run({ run: last, ...begin });
        yield;
        transaction(database, () => {
          const { indexed: before, gone: since } = now();
          // Somebody else has made runs, or let go of them: this one is made anew.
          if (before !== indexed) return;
          if (since > after) forget.run(last, since);
          if (since < last) close.run(last);
        });
      }
    },
  };
}

/**
 * Lets the index have the rows that the records give cause for, and no others, as far as it is told where it has not.
 *
 * @param faults as `readAuditNames` and the records told; a record that was let go of since gets no row
 * @throws Error when the file cannot be written
 */
export function mendAuditNames(file: string, faults: readonly NameRow[]): void {
  const database = new DatabaseSync(file, { timeout: 5_000 });
  try {
    database.exec(`
      DELETE FROM audit_run WHERE last > (SELECT sequence FROM audit_head);
      CREATE TEMP TABLE fault (name TEXT NOT NULL, sequence INTEGER NOT NULL);
    `);
    const note = database.prepare('INSERT INTO fault VALUES (?, ?)');
    for (const { name, sequence } of faults) note.run(name, sequence);
    const next = database.prepare('SELECT min(run) AS run FROM audit_name WHERE run > ?');
    const remove = database.prepare(
      'DELETE FROM audit_name WHERE run = ? AND (name, sequence) IN (SELECT name, sequence FROM fault)',
    );
    for (let run = next.get(0)!['run']; run !== null; run = next.get(run!)!['run']) remove.run(run!);
    const add = database.prepare(
      `INSERT OR IGNORE INTO audit_name SELECT ${RUN_OF}, name, sequence FROM (${SAID})
       WHERE name = :name AND ${RUN_OF} IS NOT NULL`,
    );
    for (let from = 0; from < faults.length; from += STEP.rows)
      transaction(database, () => {
        for (const { name, sequence } of faults.slice(from, from + STEP.rows))
          add.run({ name, sequence, after: sequence - 1, last: sequence });
      });
  } finally {
    database.close();
  }
}
