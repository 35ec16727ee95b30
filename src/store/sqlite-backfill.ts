import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { BackfillJob, BackfillStore } from '../replica-ports.ts';
import { transaction } from './database.ts';

/**
 * Fills of new backends, in the embedded database. The list of patients is kept apart, so that progress is cheap to
 * note.
 */
export function createSqliteBackfillStore(database: DatabaseSync): BackfillStore {
  const insert = database.prepare('INSERT INTO backfill_job (id, created_at, job) VALUES (?, ?, ?)');
  const add = database.prepare('INSERT INTO backfill_patient (job, position, patient) VALUES (?, ?, ?)');
  const all = database.prepare('SELECT job FROM backfill_job ORDER BY created_at DESC, id');
  const one = database.prepare('SELECT job FROM backfill_job WHERE id = ?');
  const update = database.prepare('UPDATE backfill_job SET job = ? WHERE id = ?');
  const patients = database.prepare(
    'SELECT patient FROM backfill_patient WHERE job = ? AND position >= ? ORDER BY position LIMIT ?',
  );
  return {
    async create(job, list) {
      transaction(database, () => {
        insert.run(job.id, job.createdAt, JSON.stringify(job));
        for (const [position, patient] of list.entries()) add.run(job.id, position, patient);
      });
    },
    list: async () => all.all().map(jobOf),
    async find(id) {
      const row = one.get(id);
      return row && jobOf(row);
    },
    patients: async (id, from, limit) => patients.all(id, from, limit).map((row) => String(row['patient'])),
    async save(job) {
      update.run(JSON.stringify(job), job.id);
    },
  };
}

function jobOf(row: Record<string, SQLOutputValue>): BackfillJob {
  return JSON.parse(String(row['job'])) as BackfillJob;
}
