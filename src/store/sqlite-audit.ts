import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue } from 'node:sqlite';
import type { AuditHead, AuditKeys, AuditStore } from '../audit-ports.ts';
import { AUDIT_MIGRATIONS } from './audit-schema.ts';
import { openDatabase, transaction } from './database.ts';
import { readAuditNames } from './sqlite-audit-names.ts';
import { COLUMNS, anchorOf, hexOf, recordOf } from './sqlite-audit-rows.ts';
import { createAuditSearch } from './sqlite-audit-search.ts';

export interface AuditFileOptions {
  /**
   * `full`: every commit waits for the disk, and survives the loss of power; `normal`: it survives the death of the
   * process.
   */
  readonly durability: 'normal' | 'full';
  /**
   * Pages in the log that a commit finds before it moves them into the file, which waits for the disk (default 4,000:
   * 16 MiB); 0: others do.
   */
  readonly checkpointPages?: number;
}

/** The audit trail in a file of its own. @throws Error when it cannot be opened */
export function openAuditStore(
  file: string,
  { durability, checkpointPages = 4_000 }: AuditFileOptions,
): AuditStore {
  const database = openDatabase(file, AUDIT_MIGRATIONS);
  database.exec(`PRAGMA synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`);
  // Pages that many commits change are moved into the file once for all of them: a quarter of what a record costs.
  database.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
  return createSqliteAuditStore(database);
}

/** A trail, and what its records are found by, as both are at one moment. */
export interface AuditSnapshot extends AuditStore {
  readonly names: ReturnType<typeof readAuditNames>;
}

/** The trail for who only looks, as it is now; the file is not touched. @throws Error for a file that is none */
export function readAuditStore(file: string): AuditSnapshot {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  try {
    if (versionOf(database) === 1) database.exec(UNINDEXED);
    const store = createSqliteAuditStore(database);
    // What is added or let go of meanwhile is another look's business.
    database.exec('BEGIN');
    return { ...store, names: readAuditNames(database) };
  } catch (error) {
    database.close();
    throw new Error(`${file} is no audit trail.`, { cause: error });
  }
}

/** A file of an earlier Ficus for who only looks: its records are looked at one by one, until Ficus opens it. */
const UNINDEXED = `
  PRAGMA temp_store = MEMORY;
  CREATE TEMP TABLE audit_run (last INTEGER PRIMARY KEY);
  CREATE TEMP TABLE audit_name (run INTEGER, name TEXT, sequence INTEGER);
`;

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()!['user_version']);
}

function createSqliteAuditStore(database: DatabaseSync): AuditStore {
  const insert = database.prepare(
    `INSERT INTO audit_record (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const end = database.prepare('SELECT sequence, hash, at FROM audit_head');
  const one = database.prepare(`SELECT ${COLUMNS} FROM audit_record WHERE sequence = ?`);
  const following = database.prepare(
    `SELECT ${COLUMNS} FROM audit_record WHERE sequence > ? ORDER BY sequence LIMIT ?`,
  );
  const counted = database.prepare('SELECT count(*) AS count FROM audit_record');
  const anchored = database.prepare(
    'SELECT sequence, hash, count, from_at, to_at, at FROM audit_anchor ORDER BY sequence',
  );
  const keepAnchor = database.prepare('INSERT INTO audit_anchor VALUES (?, ?, ?, ?, ?, ?)');
  const span = database.prepare(
    'SELECT count(*) AS count, min(at) AS "from", max(at) AS "to" FROM audit_record WHERE sequence <= ?',
  );
  const remove = database.prepare('DELETE FROM audit_record WHERE sequence <= ?');
  const removeRuns = database.prepare('DELETE FROM audit_run WHERE last <= ?');
  const removeNames = database.prepare(
    `DELETE FROM audit_name WHERE run <= :last
       OR (run = (SELECT min(last) FROM audit_run) AND sequence <= :last)`,
  );
  const stands = database.prepare('SELECT cursor FROM audit_follower WHERE name = ?');
  const moves = database.prepare(
    `INSERT INTO audit_follower VALUES (?, ?)
     ON CONFLICT (name) DO UPDATE SET cursor = max(cursor, excluded.cursor)`,
  );

  const search = createAuditSearch(database);

  const headNow = (): AuditHead => {
    const row = end.get()!;
    return { sequence: Number(row['sequence']), hash: hexOf(row['hash']), at: Number(row['at']) };
  };

  return {
    append: (make) =>
      transaction(database, () => {
        for (const { sequence, at, body, hash, keys } of make(headNow()))
          insert.run(sequence, at, body, Buffer.from(hash, 'hex'), ...columnsOf(keys));
      }),
    head: headNow,
    find: (sequence) => recordOf(one.get(sequence)),
    list: search.list,
    after: (sequence, limit) => following.all(sequence, limit).map((row) => recordOf(row)!),
    count: () => Number(counted.get()!['count']),
    anchors: () => anchored.all().map(anchorOf),
    lastBefore: search.lastBefore,
    purge: (sequence, at) =>
      transaction(database, () => {
        const goes = recordOf(one.get(sequence));
        if (!goes) return undefined;
        const { count, from, to } = span.get(sequence)!;
        const numbers = [Number(count), Number(from), Number(to), at] as const;
        keepAnchor.run(sequence, Buffer.from(goes.hash, 'hex'), ...numbers);
        remove.run(sequence);
        removeRuns.run(sequence);
        removeNames.run({ last: sequence });
        return { sequence, hash: goes.hash, count: numbers[0], from: numbers[1], to: numbers[2], at };
      }),
    cursor: (follower) => Number(stands.get(follower)?.['cursor'] ?? 0),
    advance: (follower, to) => void moves.run(follower, to),
    close: () => database.close(),
  };
}

function columnsOf(keys: AuditKeys): SQLInputValue[] {
  const { kind, action, outcome, subject, requestId, patient, fhirUser, client, tokenId } = keys;
  const optional = [patient, fhirUser, client, tokenId].map((value) => value ?? null);
  return [kind, action, outcome, subject, requestId, ...optional];
}
