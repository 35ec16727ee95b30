import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import { parseJson } from '../fhir/json.ts';
import type { Endpoint, Resource } from '../fhir/types.ts';
import type {
  Assignment,
  OutboxChange,
  OutboxCount,
  OutboxHead,
  OutboxRecord,
  OutboxStore,
} from '../replica-ports.ts';
import type { Side } from '../ports.ts';
import type { Assignments } from './assignments.ts';
import { transaction } from './database.ts';
import { assigning } from './sqlite.ts';
import { replacingReplica } from './sqlite-replica.ts';

type Row = Record<string, SQLOutputValue>;

const HEAD = `id, sequence, endpoint, type, resource_id, patient, from_side, toward, backend, state, lossy, accepted, sent, attempts,
  accepted_at, next_attempt_at, last_error, owner`;

/** The columns of what may change. */
const CHANGING: Readonly<Record<keyof OutboxChange, string>> = {
  state: 'state',
  resource: 'resource',
  resourceId: 'resource_id',
  patient: 'patient',
  attempts: 'attempts',
  nextAttemptAt: 'next_attempt_at',
  lastError: 'last_error',
  owner: 'owner',
  sent: 'sent',
  accepted: 'accepted',
  acceptedAt: 'accepted_at',
};

/**
 * The outbox in the embedded database.
 * @param assignments the view of the crosswalk, which follows what a delivery assigns
 */
export function createSqliteOutboxStore(database: DatabaseSync, assignments: Assignments): OutboxStore {
  const all = database.prepare(`SELECT ${HEAD} FROM outbox ORDER BY sequence`);
  const one = database.prepare(`SELECT ${HEAD}, resource FROM outbox WHERE id = ?`);
  const which = database.prepare('SELECT sequence, endpoint, toward FROM outbox WHERE id = ?');
  const newest = database.prepare('SELECT coalesce(max(sequence), 0) + 1 AS next FROM outbox');
  const insert = database.prepare(
    `INSERT INTO outbox (${HEAD}, resource) VALUES (:id, :sequence, :endpoint, :type, :resourceId, :patient, :from, :toward,
      :backend, :state, :lossy, :accepted, :sent, :attempts, :acceptedAt, :nextAttemptAt, :lastError, :owner, :resource)`,
  );
  const remove = database.prepare('DELETE FROM outbox WHERE id = ?');
  const count = database.prepare(
    `INSERT INTO outbox_count (endpoint, toward, name, count) VALUES (?, ?, ?, 1)
      ON CONFLICT DO UPDATE SET count = count + 1`,
  );
  const counts = database.prepare('SELECT * FROM outbox_count ORDER BY endpoint, toward, name');
  const remember = database.prepare(
    'INSERT OR REPLACE INTO outbox_ended (id, resource_id, from_side, how, at) VALUES (?, ?, ?, ?, ?)',
  );
  const remembered = database.prepare('SELECT resource_id, from_side FROM outbox_ended WHERE id = ?');
  const forget = database.prepare('DELETE FROM outbox_ended WHERE at < ?');
  const assign = assigning(database);
  const putReplica = replacingReplica(database);
  const updates = new Map<string, StatementSync>();
  /** The few kinds of changes there are, each prepared once. */
  const updating = (sql: string): StatementSync => {
    const known = updates.get(sql) ?? database.prepare(sql);
    updates.set(sql, known);
    return known;
  };
  const next = (): number => Number(newest.get()?.['next']);

  return {
    load: async () => all.all().map(headOf),
    async find(id) {
      const row = one.get(id);
      return row && recordOf(row);
    },
    add: async (entry, counted) =>
      transaction(database, () => {
        const sequence = next();
        insert.run(parametersOf({ ...entry, sequence }));
        if (counted) count.run(entry.endpoint, entry.toward, counted);
        return sequence;
      }),
    change: async (id, changes, also = {}) =>
      transaction(database, () => {
        const row = which.get(id);
        if (!row) return undefined;
        const sequence = also.newest ? next() : Number(row['sequence']);
        const columns = Object.entries(changes).filter(([name]) => name in CHANGING);
        const sets = columns.map(([name]) => `${CHANGING[name as keyof OutboxChange]} = ?`);
        const values = columns.map(([, value]) => sqlValue(value));
        updating(`UPDATE outbox SET ${['sequence = ?', ...sets].join(', ')} WHERE id = ?`).run(
          sequence,
          ...values,
          id,
        );
        if (also.counted) count.run(String(row['endpoint']), String(row['toward']), also.counted);
        return sequence;
      }),
    async end(id, ending) {
      let assigned: Assignment | undefined;
      const ended = transaction(database, () => {
        const row = one.get(id);
        if (!row) return false;
        const endAs = (entry: Row, how: string): void => {
          remove.run(String(entry['id']));
          count.run(String(entry['endpoint']), String(entry['toward']), how);
          // What was certainly not done may be done by a later attempt with the same key.
          if (how !== 'refused')
            remember.run(
              String(entry['id']),
              entry['resource_id'] ?? null,
              String(entry['from_side']),
              how,
              ending.at,
            );
        };
        endAs(row, ending.how);
        for (const other of ending.supersedes ?? []) {
          const older = one.get(other);
          if (older) endAs(older, 'superseded');
        }
        for (const path of ending.leftOut ?? [])
          count.run(String(row['endpoint']), String(row['toward']), `left out ${path}`);
        if (ending.replica) putReplica(ending.replica);
        if (ending.assignment && assign(ending.assignment)) assigned = ending.assignment;
        return true;
      });
      if (assigned) assignments.put(assigned);
      return ended;
    },
    async ended(id) {
      const row = remembered.get(id);
      if (!row) return undefined;
      const from = String(row['from_side']) as Side;
      return row['resource_id'] === null ? { from } : { from, resourceId: String(row['resource_id']) };
    },
    async forget(before) {
      forget.run(before);
    },
    counts: async () =>
      counts.all().map((row) => ({
        endpoint: String(row['endpoint']) as Endpoint,
        toward: String(row['toward']) as Side,
        name: String(row['name']) as OutboxCount['name'],
        count: Number(row['count']),
      })),
  };
}

function sqlValue(value: unknown): SQLInputValue {
  if (typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  return value === undefined || value === null ? null : JSON.stringify(value);
}

function parametersOf(entry: OutboxRecord): Record<string, SQLInputValue> {
  const { resourceId = null, patient = null, lastError = null, owner = null, ...rest } = entry;
  const flags = { lossy: Number(entry.lossy), accepted: Number(entry.accepted), sent: Number(entry.sent) };
  const resource = JSON.stringify(entry.resource);
  return { ...rest, ...flags, resourceId, patient, lastError, owner, resource };
}

function headOf(row: Row): OutboxHead {
  const said = (column: string): string => String(row[column]);
  const maybe = <Name extends string>(name: Name, column: string) =>
    (row[column] === null ? {} : { [name]: said(column) }) as { readonly [Key in Name]?: string };
  return {
    id: said('id'),
    endpoint: said('endpoint') as Endpoint,
    type: said('type'),
    ...maybe('resourceId', 'resource_id'),
    ...maybe('patient', 'patient'),
    from: said('from_side') as Side,
    toward: said('toward') as Side,
    backend: said('backend'),
    sequence: Number(row['sequence']),
    state: said('state') as OutboxHead['state'],
    lossy: row['lossy'] === 1,
    accepted: row['accepted'] === 1,
    sent: row['sent'] === 1,
    attempts: Number(row['attempts']),
    acceptedAt: Number(row['accepted_at']),
    nextAttemptAt: Number(row['next_attempt_at']),
    ...maybe('lastError', 'last_error'),
    ...maybe('owner', 'owner'),
  };
}

function recordOf(row: Row): OutboxRecord {
  return { ...headOf(row), resource: parseJson(String(row['resource'])) as Resource };
}
