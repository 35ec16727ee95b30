import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { Endpoint } from '../fhir/types.ts';
import { LABEL_LIFE_MS } from '../strangler/experiment/sample-store.ts';
import type {
  SampleAccess,
  SampleLabel,
  SampleStore,
  SealedSample,
} from '../strangler/experiment/sample-store.ts';
import { transaction } from './database.ts';

type Kept = SampleLabel & { readonly sealed?: Uint8Array };

/** Samples that are forgotten when the process ends. */
export function createMemorySampleStore(): SampleStore {
  const samples = new Map<string, Kept>();
  const log: SampleAccess[] = [];

  function expire(now: number): number {
    let count = 0;
    for (const [id, { sealed, ...label }] of samples) {
      if (label.expiresAt + LABEL_LIFE_MS <= now) samples.delete(id);
      else if (sealed && label.expiresAt <= now) samples.set(id, label);
      if (sealed && label.expiresAt <= now) count += 1;
    }
    return count;
  }

  return {
    async add(sample, most, now) {
      expire(now);
      const same = [...samples.values()].filter(
        ({ endpoint, signature, sealed }) =>
          sealed && endpoint === sample.endpoint && signature === sample.signature,
      );
      if (same.length >= most) return false;
      samples.set(sample.id, sample);
      return true;
    },
    async find(id, now) {
      expire(now);
      return samples.get(id);
    },
    async list(endpoint, now) {
      expire(now);
      return [...samples.values()]
        .filter((sample) => sample.sealed && sample.endpoint === endpoint)
        .map(({ sealed: _sealed, ...label }) => label)
        .toReversed();
    },
    expire: async (now) => expire(now),
    async record(access) {
      log.push(access);
    },
    accesses: async (sample) => log.filter((access) => sample === undefined || access.sample === sample),
  };
}

/** Samples in the embedded database. What is deleted is overwritten in the file. */
export function createSqliteSampleStore(database: DatabaseSync): SampleStore {
  database.exec('PRAGMA secure_delete = ON');
  const empty = database.prepare(
    'UPDATE sealed_sample SET sealed = NULL WHERE expires_at <= ? AND sealed IS NOT NULL',
  );
  const forget = database.prepare('DELETE FROM sealed_sample WHERE expires_at <= ?');
  const insert = database.prepare(
    `INSERT INTO sealed_sample (id, endpoint, signature, taken_at, expires_at, sealed)
     SELECT :id, :endpoint, :signature, :takenAt, :expiresAt, :sealed
      WHERE :most > (SELECT count(*) FROM sealed_sample
                      WHERE endpoint = :endpoint AND signature = :signature AND sealed IS NOT NULL)`,
  );
  const find = database.prepare('SELECT * FROM sealed_sample WHERE id = ?');
  const list = database.prepare(
    `SELECT id, endpoint, signature, taken_at, expires_at FROM sealed_sample
      WHERE endpoint = ? AND sealed IS NOT NULL ORDER BY rowid DESC`,
  );
  const record = database.prepare(
    `INSERT INTO sample_access (sample, at, by_whom, role, reason, outcome)
     VALUES (:sample, :at, :by, :role, :reason, :outcome)`,
  );
  const accesses = database.prepare(
    'SELECT * FROM sample_access WHERE :sample IS NULL OR sample = :sample ORDER BY rowid',
  );

  function expire(now: number): number {
    return transaction(database, () => {
      const { changes } = empty.run(now);
      forget.run(now - LABEL_LIFE_MS);
      return Number(changes);
    });
  }

  return {
    async add({ id, endpoint, signature, takenAt, expiresAt, sealed }, most, now) {
      expire(now);
      const { changes } = insert.run({ id, endpoint, signature, takenAt, expiresAt, sealed, most });
      return Number(changes) === 1;
    },
    async find(id, now) {
      expire(now);
      const row = find.get(id);
      if (!row) return undefined;
      const { sealed } = row;
      return { ...labelOf(row), ...(sealed instanceof Uint8Array ? { sealed } : {}) };
    },
    async list(endpoint, now) {
      expire(now);
      return list.all(endpoint).map(labelOf);
    },
    expire: async (now) => expire(now),
    async record({ sample, at, by, role, reason, outcome }) {
      record.run({ sample, at, by, role, reason, outcome });
    },
    accesses: async (sample) => accesses.all({ sample: sample ?? null }).map(accessOf),
  };
}

type Row = Record<string, SQLOutputValue>;

function labelOf(row: Row): Omit<SealedSample, 'sealed'> {
  return {
    id: String(row['id']),
    endpoint: String(row['endpoint']) as Endpoint,
    signature: String(row['signature']),
    takenAt: Number(row['taken_at']),
    expiresAt: Number(row['expires_at']),
  };
}

function accessOf(row: Row): SampleAccess {
  return {
    sample: String(row['sample']),
    at: Number(row['at']),
    by: String(row['by_whom']),
    role: String(row['role']),
    reason: String(row['reason']),
    outcome: String(row['outcome']) as SampleAccess['outcome'],
  };
}
