import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type {
  AuditAnchor,
  AuditFilter,
  AuditHead,
  AuditKeys,
  AuditRecord,
  AuditStore,
} from '../audit-ports.ts';
import { AUDIT_MIGRATIONS } from './audit-schema.ts';
import { openDatabase, transaction } from './database.ts';
import { readAuditNames } from './sqlite-audit-names.ts';

type Row = Record<string, SQLOutputValue>;

export interface AuditFileOptions {
  /** `full`: every commit waits for the disk, and survives the loss of power; `normal`: it survives the death of the process. */
  readonly durability: 'normal' | 'full';
  /** Pages in the log that a commit finds before it moves them into the file, which waits for the disk (default 4,000: 16 MiB); 0: others do. */
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
    const store = createSqliteAuditStore(database);
    // What is added or let go of meanwhile is another look's business.
    database.exec('BEGIN');
    return { ...store, names: readAuditNames(database) };
  } catch (error) {
    database.close();
    throw new Error(`${file} is no audit trail.`, { cause: error });
  }
}

const COLUMNS =
  'sequence, at, body, hash, kind, action, outcome, subject, request, patient, fhir_user, client, token';

function createSqliteAuditStore(database: DatabaseSync): AuditStore {
  const insert = database.prepare(
    `INSERT INTO audit_record (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const insertName = database.prepare('INSERT INTO audit_name VALUES (?, ?)');
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
  const last = database.prepare(
    `SELECT ${COLUMNS} FROM audit_record WHERE at < ? ORDER BY at DESC, sequence DESC LIMIT 1`,
  );
  const span = database.prepare(
    'SELECT count(*) AS count, min(at) AS "from", max(at) AS "to" FROM audit_record WHERE sequence <= ?',
  );
  const remove = database.prepare('DELETE FROM audit_record WHERE sequence <= ?');
  const removeNames = database.prepare('DELETE FROM audit_name WHERE sequence <= ?');
  const stands = database.prepare('SELECT cursor FROM audit_follower WHERE name = ?');
  const moves = database.prepare(
    `INSERT INTO audit_follower VALUES (?, ?)
     ON CONFLICT (name) DO UPDATE SET cursor = max(cursor, excluded.cursor)`,
  );

  const headNow = (): AuditHead => {
    const row = end.get()!;
    return { sequence: Number(row['sequence']), hash: hexOf(row['hash']), at: Number(row['at']) };
  };

  return {
    append: (make) =>
      transaction(database, () => {
        for (const { sequence, at, body, hash, keys, names = [] } of make(headNow())) {
          insert.run(sequence, at, body, Buffer.from(hash, 'hex'), ...columnsOf(keys));
          for (const name of names) insertName.run(name, sequence);
        }
      }),
    head: headNow,
    find: (sequence) => recordOf(one.get(sequence)),
    list(filter, limit, before) {
      const { text, values } = whereOf(filter, before);
      const rows = database
        .prepare(`SELECT ${COLUMNS} FROM audit_record ${text} ORDER BY sequence DESC LIMIT ?`)
        .all(...values, limit);
      return rows.map((row) => recordOf(row)!);
    },
    after: (sequence, limit) => following.all(sequence, limit).map((row) => recordOf(row)!),
    count: () => Number(counted.get()!['count']),
    anchors: () => anchored.all().map(anchorOf),
    lastBefore: (at) => recordOf(last.get(at)),
    purge: (sequence, at) =>
      transaction(database, () => {
        const goes = recordOf(one.get(sequence));
        if (!goes) return undefined;
        const { count, from, to } = span.get(sequence)!;
        const numbers = [Number(count), Number(from), Number(to), at] as const;
        keepAnchor.run(sequence, Buffer.from(goes.hash, 'hex'), ...numbers);
        remove.run(sequence);
        removeNames.run(sequence);
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

const NAMED = 'SELECT sequence FROM audit_name WHERE name = ?';

/** A filter as SQL. */
function whereOf(
  filter: AuditFilter,
  before: number | undefined,
): { readonly text: string; readonly values: SQLInputValue[] } {
  const { patient, name, identifier, fhirUser, tokenId, requestId, kinds, action, outcome, from, to } =
    filter;
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  const equal = (column: string, value: string | number | undefined, operator = '='): void => {
    if (value === undefined) return;
    conditions.push(`${column} ${operator} ?`);
    values.push(value);
  };
  if (patient !== undefined) {
    conditions.push('(patient = ? OR fhir_user = ?)');
    values.push(patient, `Patient/${patient}`);
  }
  if (name !== undefined) {
    conditions.push(`(sequence IN (${NAMED}) OR patient = ?)`);
    values.push(name, name.startsWith('Patient/') ? name.slice('Patient/'.length) : null);
  }
  if (identifier !== undefined) {
    conditions.push(`(sequence IN (${NAMED}) OR request = ?)`);
    values.push(identifier, identifier);
  }
  equal('fhir_user', fhirUser);
  equal('token', tokenId);
  equal('request', requestId);
  equal('action', action);
  equal('outcome', outcome);
  equal('at', from, '>=');
  equal('at', to, '<=');
  equal('sequence', before, '<');
  if (kinds) {
    conditions.push('kind IN (SELECT value FROM json_each(?))');
    values.push(JSON.stringify(kinds));
  }
  return { text: conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`, values };
}

function recordOf(row: Row | undefined): AuditRecord | undefined {
  if (!row) return undefined;
  const { patient, fhir_user: fhirUser, client, token: tokenId } = row;
  const given = Object.entries({ patient, fhirUser, client, tokenId }).filter(([, value]) => value !== null);
  return {
    sequence: Number(row['sequence']),
    at: Number(row['at']),
    body: String(row['body']),
    hash: hexOf(row['hash']),
    keys: {
      kind: row['kind'] as AuditKeys['kind'],
      action: row['action'] as AuditKeys['action'],
      outcome: row['outcome'] as AuditKeys['outcome'],
      subject: String(row['subject']),
      requestId: String(row['request']),
      ...(Object.fromEntries(given) as Partial<AuditKeys>),
    },
  };
}

function anchorOf(row: Row): AuditAnchor {
  return {
    sequence: Number(row['sequence']),
    hash: hexOf(row['hash']),
    count: Number(row['count']),
    from: Number(row['from_at']),
    to: Number(row['to_at']),
    at: Number(row['at']),
  };
}

function hexOf(blob: SQLOutputValue | undefined): string {
  return Buffer.from(blob as Uint8Array).toString('hex');
}
