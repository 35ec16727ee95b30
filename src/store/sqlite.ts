import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { Endpoint } from '../fhir/types.ts';
import type { Assignment } from '../replica-ports.ts';
import type { CrosswalkStore, IdempotencyStore, Route, RouteStore, Stage, WriteRecord } from '../ports.ts';
import { createAssignments } from './assignments.ts';
import type { Assignments } from './assignments.ts';
import { transaction } from './database.ts';

type Row = Record<string, SQLOutputValue>;

const text = (row: Row, column: string): string => String(row[column]);

/** Routes in the embedded database. */
export function createSqliteRouteStore(database: DatabaseSync): RouteStore {
  const newest = database.prepare(
    `SELECT r.* FROM route_version r
      WHERE version = (SELECT max(version) FROM route_version WHERE endpoint = r.endpoint) ORDER BY endpoint`,
  );
  const versions = database.prepare('SELECT * FROM route_version WHERE endpoint = ? ORDER BY version');
  // One statement decides and writes: two processes cannot both add the same version.
  const append = database.prepare(
    `INSERT INTO route_version (endpoint, version, stage, legacy, modern, body, owners, cohort, hold, retirement, since, run,
            updated_at, updated_by, reason)
     SELECT :endpoint, :version, :stage, :legacy, :modern, :body, :owners, :cohort, :hold, :retirement, :since, :run,
            :updatedAt, :updatedBy, :reason
      WHERE :version = 1 + coalesce((SELECT max(version) FROM route_version WHERE endpoint = :endpoint), 0)`,
  );
  return {
    load: async () => newest.all().map(routeOf),
    history: async (endpoint) => versions.all(endpoint).map(routeOf),
    async append(route) {
      const { changes } = append.run({
        endpoint: route.endpoint,
        version: route.version,
        stage: route.stage,
        legacy: route.legacy ?? null,
        modern: route.modern ?? null,
        body: route.body,
        owners: jsonOf(route.owners),
        cohort: jsonOf(route.cohort),
        hold: jsonOf(route.hold),
        retirement: jsonOf(route.retirement),
        since: route.since,
        run: route.run,
        updatedAt: route.updatedAt,
        updatedBy: route.updatedBy,
        reason: route.reason,
      });
      return Number(changes) === 1;
    },
  };
}

const jsonOf = (value: object | undefined): string | null =>
  value === undefined ? null : JSON.stringify(value);

/** A column that holds JSON, as a member of its own; absent where it is NULL. */
function member<Name extends 'owners' | 'cohort' | 'hold' | 'retirement'>(
  row: Row,
  name: Name,
): Partial<Pick<Route, Name>> {
  return row[name] === null ? {} : ({ [name]: JSON.parse(text(row, name)) } as Pick<Route, Name>);
}

/** Versions from before stages had evidence do not say since when: each counts from itself. */
function routeOf(row: Row): Route {
  return {
    endpoint: text(row, 'endpoint') as Endpoint,
    stage: text(row, 'stage') as Stage,
    ...(row['legacy'] === null ? {} : { legacy: text(row, 'legacy') }),
    ...(row['modern'] === null ? {} : { modern: text(row, 'modern') }),
    body: text(row, 'body') as Route['body'],
    ...member(row, 'owners'),
    ...member(row, 'cohort'),
    ...member(row, 'hold'),
    ...member(row, 'retirement'),
    since: text(row, row['since'] === null ? 'updated_at' : 'since'),
    run: Number(row['run'] ?? row['version']),
    version: Number(row['version']),
    updatedAt: text(row, 'updated_at'),
    updatedBy: text(row, 'updated_by'),
    reason: text(row, 'reason'),
  };
}

/** Outcomes of writes in the embedded database. Expired records go whenever a key is claimed. */
export function createSqliteIdempotencyStore(database: DatabaseSync): IdempotencyStore {
  const expire = database.prepare('DELETE FROM write_record WHERE expires_at <= ?');
  const find = database.prepare('SELECT * FROM write_record WHERE key = ?');
  const columns = '(key, fingerprint, state, running_until, write_id, backend, outcome, expires_at)';
  const values = '(:key, :fingerprint, :state, :runningUntil, :writeId, :backend, :outcome, :expiresAt)';
  const insert = database.prepare(`INSERT INTO write_record ${columns} VALUES ${values}`);
  const replace = database.prepare(`INSERT OR REPLACE INTO write_record ${columns} VALUES ${values}`);
  const takeOver = database.prepare(
    `UPDATE write_record SET ${columns} = (SELECT * FROM (VALUES ${values}))
      WHERE key = :key AND state = :fromState AND running_until = :fromRunningUntil`,
  );
  const remove = database.prepare('DELETE FROM write_record WHERE key = ?');
  return {
    claim: async (key, record, now) =>
      transaction(database, () => {
        expire.run(now);
        const row = find.get(key);
        if (row) return recordOf(row);
        insert.run(parameters(key, record));
        return undefined;
      }),
    async takeOver(key, from, to) {
      const is = { fromState: from.state, fromRunningUntil: from.runningUntil };
      return Number(takeOver.run({ ...parameters(key, to), ...is }).changes) === 1;
    },
    async settle(key, record) {
      replace.run(parameters(key, record));
    },
    async release(key) {
      remove.run(key);
    },
  };
}

function parameters(key: string, record: WriteRecord) {
  const { writeId = null, backend = null, outcome = null } = record;
  return { key, ...record, writeId, backend, outcome };
}

function recordOf(row: Row): WriteRecord {
  return {
    fingerprint: text(row, 'fingerprint'),
    state: text(row, 'state') as WriteRecord['state'],
    runningUntil: Number(row['running_until']),
    ...(row['write_id'] === null ? {} : { writeId: text(row, 'write_id') }),
    ...(row['backend'] === null ? {} : { backend: text(row, 'backend') }),
    ...(row['outcome'] === null ? {} : { outcome: text(row, 'outcome') }),
    expiresAt: Number(row['expires_at']),
  };
}

/**
 * Ids and their legacy keys in the embedded database.
 * @param assignments shared with the outbox, which assigns as it delivers
 */
export function createSqliteCrosswalkStore(
  database: DatabaseSync,
  assignments: Assignments = loadAssignments(database),
): CrosswalkStore {
  const insert = database.prepare(
    'INSERT OR IGNORE INTO crosswalk (id, type, key) VALUES (:id, :type, :key)',
  );
  const find = database.prepare('SELECT type, key FROM crosswalk WHERE id = ?');
  const assign = assigning(database);
  return {
    async remember(entries) {
      if (entries.length === 0) return;
      transaction(database, () => {
        for (const { id, type, key } of entries) insert.run({ id, type, key });
      });
    },
    async find(id) {
      const row = find.get(id);
      return row && { type: text(row, 'type'), key: text(row, 'key') };
    },
    async assign(entry) {
      if (assign(entry)) assignments.put(entry);
    },
    assignedId: (type, key) => assignments.idOf(type, key),
    assignedKey: (type, id) => assignments.keyOf(type, id),
  };
}

/** Writes an assignment down, unless one of its halves has another already: then false. */
export function assigning(database: DatabaseSync): (assignment: Assignment) => boolean {
  const insert = database.prepare(
    'INSERT OR IGNORE INTO assignment (type, id, key) VALUES (:type, :id, :key)',
  );
  return ({ type, id, key }) => Number(insert.run({ type, id, key }).changes) === 1;
}

/** The assignments of the file, in memory. */
export function loadAssignments(database: DatabaseSync): Assignments {
  const assignments = createAssignments();
  for (const row of database.prepare('SELECT type, id, key FROM assignment').all())
    assignments.put({ type: text(row, 'type'), id: text(row, 'id'), key: text(row, 'key') });
  return assignments;
}
