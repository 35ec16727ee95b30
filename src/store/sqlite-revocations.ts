import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { LiftedRevocation, Revocation, RevocationStore } from '../privacy-ports.ts';

/** Revocations in the embedded database (PRIVACY_MIGRATIONS). */
export function createSqliteRevocationStore(database: DatabaseSync): RevocationStore {
  const after = database.prepare('SELECT * FROM revocation WHERE until > ? ORDER BY number');
  const insert = database.prepare(
    `INSERT INTO revocation (id, token_id, subject, client, reason, set_by, set_at, until)
     VALUES (:id, :tokenId, :subject, :client, :reason, :by, :at, :until)`,
  );
  const lift = database.prepare('UPDATE revocation SET lifted = ? WHERE id = ? AND lifted IS NULL');
  return {
    load: async (instant) => after.all(instant).map(revocationOf),
    async add({ id, tokenId = null, subject = null, client = null, reason, by, at, until }) {
      insert.run({ id, tokenId, subject, client, reason, by, at, until });
    },
    lift: async (id, lifted) => lift.run(JSON.stringify(lifted), id).changes === 1,
  };
}

function revocationOf(row: Record<string, SQLOutputValue>): Revocation {
  const { token_id: tokenId, subject, client, lifted } = row;
  return {
    id: String(row['id']),
    ...(tokenId === null ? {} : { tokenId: String(tokenId) }),
    ...(subject === null ? {} : { subject: String(subject) }),
    ...(client === null ? {} : { client: String(client) }),
    reason: String(row['reason']),
    by: String(row['set_by']),
    at: String(row['set_at']),
    until: String(row['until']),
    ...(lifted === null ? {} : { lifted: JSON.parse(String(lifted)) as LiftedRevocation }),
  };
}
