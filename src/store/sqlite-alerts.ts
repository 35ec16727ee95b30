import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { Acknowledgement, AlertStore, SecurityAlert } from '../privacy-ports.ts';

/** Alerts in the embedded database (PRIVACY_MIGRATIONS). */
export function createSqliteAlertStore(database: DatabaseSync): AlertStore {
  const keep = database.prepare(
    `INSERT INTO security_alert (id, watched, body) VALUES (:id, :watched, :body)
     ON CONFLICT (id) DO UPDATE SET body = excluded.body WHERE acknowledged IS NULL`,
  );
  const ofWatched = database.prepare(
    'SELECT * FROM security_alert WHERE watched = ? AND acknowledged IS NULL',
  );
  const all = database.prepare(
    `SELECT * FROM security_alert WHERE :acknowledged IS NULL OR (acknowledged IS NOT NULL) = :acknowledged
     ORDER BY number DESC LIMIT :limit`,
  );
  const counted = database.prepare('SELECT count(*) AS count FROM security_alert WHERE acknowledged IS NULL');
  const byId = database.prepare('SELECT * FROM security_alert WHERE id = ?');
  const close = database.prepare(
    'UPDATE security_alert SET acknowledged = ? WHERE id = ? AND acknowledged IS NULL',
  );
  return {
    async keep(alert) {
      const { id, watched } = alert;
      keep.run({ id, watched, body: JSON.stringify(alert) });
    },
    openOf: async (watched) => alertOf(ofWatched.get(watched)),
    list: async ({ acknowledged, limit }) =>
      all
        .all({ acknowledged: acknowledged === undefined ? null : Number(acknowledged), limit })
        .flatMap((row) => alertOf(row) ?? []),
    open: () => Number(counted.get()?.['count']),
    find: async (id) => alertOf(byId.get(id)),
    acknowledge: async (id, acknowledgement) => close.run(JSON.stringify(acknowledgement), id).changes === 1,
  };
}

function alertOf(row: Record<string, SQLOutputValue> | undefined): SecurityAlert | undefined {
  if (!row) return undefined;
  const found = JSON.parse(String(row['body'])) as SecurityAlert;
  const { acknowledged } = row;
  return acknowledged === null
    ? found
    : { ...found, acknowledged: JSON.parse(String(acknowledged)) as Acknowledgement };
}
