import { randomUUID } from 'node:crypto';
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { GlassCase, GlassCaseStore, GlassReview } from '../privacy-ports.ts';
import { transaction } from './database.ts';
import { added, opened } from './glass-case.ts';

/** Broken glasses in the embedded database (PRIVACY_MIGRATIONS). */
export function createSqliteGlassCaseStore(database: DatabaseSync): GlassCaseStore {
  const open = database.prepare(
    'SELECT * FROM glass_case WHERE token_id = :tokenId AND patient = :patient AND review IS NULL',
  );
  const insert = database.prepare(
    'INSERT INTO glass_case (id, token_id, patient, last_at, body) VALUES (:id, :tokenId, :patient, :lastAt, :body)',
  );
  const update = database.prepare('UPDATE glass_case SET last_at = :lastAt, body = :body WHERE id = :id');
  const byId = database.prepare('SELECT * FROM glass_case WHERE id = ?');
  const all = database.prepare(
    `SELECT * FROM glass_case WHERE :reviewed IS NULL OR (review IS NOT NULL) = :reviewed
     ORDER BY last_at DESC, rowid DESC LIMIT :limit`,
  );
  const close = database.prepare('UPDATE glass_case SET review = :review WHERE id = :id AND review IS NULL');
  return {
    async record(uses) {
      transaction(database, () => {
        for (const use of uses) {
          const { tokenId, patient = '' } = use;
          const known = open.get({ tokenId, patient });
          const now = known ? added(caseOf(known), use) : opened(randomUUID(), use);
          const body = JSON.stringify(now);
          if (known) update.run({ id: now.id, lastAt: now.lastAt, body });
          else insert.run({ id: now.id, tokenId, patient, lastAt: now.lastAt, body });
        }
      });
    },
    list: async ({ reviewed, limit }) =>
      all.all({ reviewed: reviewed === undefined ? null : Number(reviewed), limit }).map(caseOf),
    find: async (id) => {
      const row = byId.get(id);
      return row && caseOf(row);
    },
    review: async (id, review) => close.run({ id, review: JSON.stringify(review) }).changes === 1,
  };
}

function caseOf(row: Record<string, SQLOutputValue>): GlassCase {
  const found = JSON.parse(String(row['body'])) as GlassCase;
  return row['review'] === null
    ? found
    : { ...found, review: JSON.parse(String(row['review'])) as GlassReview };
}
