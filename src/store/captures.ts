import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { Endpoint } from '../fhir/types.ts';
import type { CapturedRequest, CaptureLabel, CaptureStore } from '../strangler/experiment/capture-store.ts';
import { transaction } from './database.ts';

/** Captured requests that are forgotten when the process ends. */
export function createMemoryCaptureStore(): CaptureStore {
  const captured = new Map<string, CapturedRequest>();
  return {
    async labels(now) {
      for (const [id, { expiresAt }] of captured) if (expiresAt <= now) captured.delete(id);
      return [...captured.values()].map(({ sealed: _sealed, ...label }) => label);
    },
    async replace(added, removed) {
      for (const id of removed) captured.delete(id);
      for (const request of added) captured.set(request.id, request);
    },
    list: async (endpoint, now) =>
      [...captured.values()]
        .filter((request) => request.endpoint === endpoint && request.expiresAt > now)
        .toSorted((a, b) => a.priority - b.priority),
  };
}

/** Captured requests in the embedded database. */
export function createSqliteCaptureStore(database: DatabaseSync): CaptureStore {
  const expire = database.prepare('DELETE FROM captured_request WHERE expires_at <= ?');
  const labels = database.prepare('SELECT id, endpoint, shape, priority, expires_at FROM captured_request');
  const insert = database.prepare(
    `INSERT OR REPLACE INTO captured_request (id, endpoint, shape, priority, expires_at, sealed)
     VALUES (:id, :endpoint, :shape, :priority, :expiresAt, :sealed)`,
  );
  const remove = database.prepare('DELETE FROM captured_request WHERE id = ?');
  const list = database.prepare(
    'SELECT * FROM captured_request WHERE endpoint = ? AND expires_at > ? ORDER BY priority',
  );
  return {
    async labels(now) {
      expire.run(now);
      return labels.all().map(labelOf);
    },
    async replace(added, removed) {
      transaction(database, () => {
        for (const id of removed) remove.run(id);
        for (const { id, endpoint, shape, priority, expiresAt, sealed } of added) {
          insert.run({ id, endpoint, shape, priority, expiresAt, sealed });
        }
      });
    },
    list: async (endpoint, now) =>
      list.all(endpoint, now).map((row) => ({ ...labelOf(row), sealed: row['sealed'] as Uint8Array })),
  };
}

function labelOf(row: Record<string, SQLOutputValue>): CaptureLabel {
  return {
    id: String(row['id']),
    endpoint: String(row['endpoint']) as Endpoint,
    shape: String(row['shape']),
    priority: Number(row['priority']),
    expiresAt: Number(row['expires_at']),
  };
}
