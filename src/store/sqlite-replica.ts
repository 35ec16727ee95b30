import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { DriftReport, DriftReportStore, Replica, ReplicaStore } from '../replica-ports.ts';
import type { Side } from '../ports.ts';
import { typeOf } from './memory-replica.ts';

/** What went to both sides, in the embedded database. */
export function createSqliteReplicaStore(database: DatabaseSync): ReplicaStore {
  const find = database.prepare('SELECT * FROM replica WHERE type = ? AND id = ?');
  const list = database.prepare('SELECT * FROM replica WHERE type = ? AND id > ? ORDER BY id LIMIT ?');
  const replace = replacingReplica(database);
  return {
    async put(replica) {
      replace(replica);
    },
    async find(type, id) {
      const row = find.get(type, id);
      return row && replicaOf(row);
    },
    list: async (type, after = '', limit) => list.all(type, after, limit).map(replicaOf),
  };
}

/** Writes a replica down, within whatever transaction is open. */
export function replacingReplica(database: DatabaseSync): (replica: Replica) => void {
  const replace = database.prepare(
    'INSERT OR REPLACE INTO replica (type, id, patient, from_side, at, left_out) VALUES (?, ?, ?, ?, ?, ?)',
  );
  return ({ type, id, patient = null, from, at, leftOut }) =>
    void replace.run(type, id, patient, from, at, leftOut ? JSON.stringify(leftOut) : null);
}

function replicaOf(row: Record<string, SQLOutputValue>): Replica {
  return {
    type: String(row['type']),
    id: String(row['id']),
    ...(row['patient'] === null ? {} : { patient: String(row['patient']) }),
    from: String(row['from_side']) as Side,
    at: Number(row['at']),
    ...(row['left_out'] === null ? {} : { leftOut: JSON.parse(String(row['left_out'])) as string[] }),
  };
}

/** The newest drift report of each type, in the embedded database. */
export function createSqliteDriftReportStore(database: DatabaseSync): DriftReportStore {
  const replace = database.prepare('INSERT OR REPLACE INTO drift_report (type, report) VALUES (?, ?)');
  const find = database.prepare('SELECT report FROM drift_report WHERE type = ?');
  return {
    async save(report) {
      replace.run(report.type, JSON.stringify(report));
    },
    async latest(endpoint) {
      const row = find.get(typeOf(endpoint));
      return row && (JSON.parse(String(row['report'])) as DriftReport);
    },
  };
}
