import { chmodSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeStateDir } from './folder.ts';

/**
 * The schema, one entry a version (`PRAGMA user_version`). Entries are only ever added: a file written by an older
 * Ficus is brought forward at start.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE route_version (
    endpoint   TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    stage      TEXT    NOT NULL,
    legacy     TEXT,
    modern     TEXT,
    body       TEXT    NOT NULL,
    owners     TEXT,
    updated_at TEXT    NOT NULL,
    updated_by TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    PRIMARY KEY (endpoint, version)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER route_version_is_append_only BEFORE UPDATE ON route_version
    BEGIN SELECT RAISE(ABORT, 'route history is append-only'); END;
  CREATE TRIGGER route_version_is_kept BEFORE DELETE ON route_version
    BEGIN SELECT RAISE(ABORT, 'route history is append-only'); END;

  CREATE TABLE write_record (
    key           TEXT    PRIMARY KEY,
    fingerprint   TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('running', 'done', 'unknown')),
    running_until INTEGER NOT NULL,
    outcome       TEXT,
    expires_at    INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX write_record_expiry ON write_record (expires_at);

  CREATE TABLE crosswalk (
    id   TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    key  TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE write_record ADD COLUMN write_id TEXT;
  ALTER TABLE write_record ADD COLUMN backend TEXT;
  `,
  `
  ALTER TABLE route_version ADD COLUMN cohort TEXT;
  ALTER TABLE route_version ADD COLUMN hold TEXT;
  ALTER TABLE route_version ADD COLUMN retirement TEXT;
  ALTER TABLE route_version ADD COLUMN since TEXT;
  ALTER TABLE route_version ADD COLUMN run INTEGER;
  `,
  `
  CREATE TABLE difference_rule (
    id         TEXT NOT NULL UNIQUE,
    endpoint   TEXT NOT NULL,
    signature  TEXT NOT NULL,
    verdict    TEXT NOT NULL CHECK (verdict IN ('acceptable', 'bug-in-modern', 'bug-in-legacy')),
    owner      TEXT NOT NULL,
    added_by   TEXT NOT NULL,
    reason     TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    removed    TEXT
  ) STRICT;
  CREATE TRIGGER difference_rule_is_kept BEFORE DELETE ON difference_rule
    BEGIN SELECT RAISE(ABORT, 'rules are kept'); END;

  CREATE TABLE sealed_sample (
    id         TEXT    NOT NULL UNIQUE,
    endpoint   TEXT    NOT NULL,
    signature  TEXT    NOT NULL,
    taken_at   INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    sealed     BLOB
  ) STRICT;
  CREATE INDEX sealed_sample_kind ON sealed_sample (endpoint, signature);
  CREATE INDEX sealed_sample_expiry ON sealed_sample (expires_at);
  CREATE TABLE sample_access (
    sample  TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    by_whom TEXT    NOT NULL,
    role    TEXT    NOT NULL,
    reason  TEXT    NOT NULL,
    outcome TEXT    NOT NULL CHECK (outcome IN ('opened', 'refused', 'expired', 'unknown'))
  ) STRICT;
  CREATE TRIGGER sample_access_is_append_only BEFORE UPDATE ON sample_access
    BEGIN SELECT RAISE(ABORT, 'the access log is append-only'); END;
  CREATE TRIGGER sample_access_is_kept BEFORE DELETE ON sample_access
    BEGIN SELECT RAISE(ABORT, 'the access log is append-only'); END;

  CREATE TABLE captured_request (
    id         TEXT    PRIMARY KEY,
    endpoint   TEXT    NOT NULL,
    shape      TEXT    NOT NULL,
    priority   REAL    NOT NULL,
    expires_at INTEGER NOT NULL,
    sealed     BLOB    NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX captured_request_expiry ON captured_request (expires_at);
  CREATE INDEX captured_request_endpoint ON captured_request (endpoint, priority);
  `,
  `
  CREATE TABLE assignment (
    type TEXT NOT NULL,
    id   TEXT NOT NULL,
    key  TEXT NOT NULL,
    PRIMARY KEY (type, id),
    UNIQUE (type, key)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE outbox (
    id              TEXT    PRIMARY KEY,
    sequence        INTEGER NOT NULL UNIQUE,
    endpoint        TEXT    NOT NULL,
    type            TEXT    NOT NULL,
    resource_id     TEXT,
    patient         TEXT,
    from_side       TEXT    NOT NULL CHECK (from_side IN ('legacy', 'modern')),
    toward          TEXT    NOT NULL CHECK (toward IN ('legacy', 'modern')),
    backend         TEXT    NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('intended', 'doubtful', 'pending', 'dead')),
    resource        TEXT    NOT NULL,
    lossy           INTEGER NOT NULL,
    accepted        INTEGER NOT NULL,
    sent            INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    accepted_at     INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    last_error      TEXT,
    owner           TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE outbox_ended (
    id          TEXT    PRIMARY KEY,
    resource_id TEXT,
    from_side   TEXT    NOT NULL,
    how         TEXT    NOT NULL,
    at          INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX outbox_ended_at ON outbox_ended (at);
  CREATE TABLE outbox_count (
    endpoint TEXT    NOT NULL,
    toward   TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    count    INTEGER NOT NULL,
    PRIMARY KEY (endpoint, toward, name)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE replica (
    type      TEXT    NOT NULL,
    id        TEXT    NOT NULL,
    patient   TEXT,
    from_side TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    left_out  TEXT,
    PRIMARY KEY (type, id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE drift_report (
    type   TEXT PRIMARY KEY,
    report TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE backfill_job (
    id         TEXT    PRIMARY KEY,
    created_at TEXT    NOT NULL,
    job        TEXT    NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE backfill_patient (
    job      TEXT    NOT NULL,
    position INTEGER NOT NULL,
    patient  TEXT    NOT NULL,
    PRIMARY KEY (job, position)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE evidence_run (
    endpoint TEXT    NOT NULL,
    run      INTEGER NOT NULL,
    body     TEXT    NOT NULL,
    PRIMARY KEY (endpoint, run)
  ) STRICT;
  CREATE TABLE evidence_hash (
    endpoint TEXT    NOT NULL,
    run      INTEGER NOT NULL,
    kind     TEXT    NOT NULL CHECK (kind IN ('patients', 'requests', 'replayed')),
    hash     TEXT    NOT NULL,
    PRIMARY KEY (endpoint, run, kind, hash)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE evidence_traffic (
    endpoint TEXT PRIMARY KEY,
    body     TEXT NOT NULL
  ) STRICT;
  CREATE TABLE gate_waiver (
    endpoint TEXT NOT NULL,
    body     TEXT NOT NULL
  ) STRICT;
  CREATE TRIGGER gate_waiver_is_append_only BEFORE UPDATE ON gate_waiver
    BEGIN SELECT RAISE(ABORT, 'waivers are append-only'); END;
  CREATE TRIGGER gate_waiver_is_kept BEFORE DELETE ON gate_waiver
    BEGIN SELECT RAISE(ABORT, 'waivers are append-only'); END;
  CREATE TABLE step_taken (
    endpoint TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    report   TEXT    NOT NULL,
    PRIMARY KEY (endpoint, version)
  ) STRICT;
  CREATE TRIGGER step_taken_is_append_only BEFORE UPDATE ON step_taken
    BEGIN SELECT RAISE(ABORT, 'steps are append-only'); END;
  CREATE TRIGGER step_taken_is_kept BEFORE DELETE ON step_taken
    BEGIN SELECT RAISE(ABORT, 'steps are append-only'); END;
  CREATE TABLE contract_check (
    backend TEXT PRIMARY KEY,
    body    TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE mapping_release (
    number INTEGER PRIMARY KEY,
    files  TEXT    NOT NULL,
    steps  TEXT    NOT NULL
  ) STRICT;
  CREATE TRIGGER mapping_release_files_stay BEFORE UPDATE OF files ON mapping_release
    BEGIN SELECT RAISE(ABORT, 'what was released stays as it was'); END;
  CREATE TRIGGER mapping_release_is_kept BEFORE DELETE ON mapping_release
    BEGIN SELECT RAISE(ABORT, 'releases are kept'); END;
  `,
];

/**
 * Opens (or makes) the embedded database: WAL, every commit synced to disk, schema brought forward. The file and its
 * folder are readable by this user only, because stored outcomes hold patient data.
 *
 * @param file path, or `:memory:`
 * @param migrations schema of the file, one entry a version
 * @throws Error when the file was written by a newer Ficus, or is not ours to open
 */
export function openDatabase(file: string, migrations: readonly string[] = MIGRATIONS): DatabaseSync {
  if (file !== ':memory:') makeStateDir(dirname(resolve(file)));
  const database = new DatabaseSync(file, { timeout: 5_000 });
  try {
    if (file !== ':memory:') chmodSync(file, 0o600);
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
    migrate(database, file, migrations);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

function migrate(database: DatabaseSync, file: string, migrations: readonly string[]): void {
  transaction(database, () => {
    const row = database.prepare('PRAGMA user_version').get();
    const version = Number(row?.['user_version'] ?? 0);
    if (version > migrations.length) {
      throw new Error(
        `${file} has schema ${version}; this Ficus knows ${migrations.length}. It was written by a newer one.`,
      );
    }
    for (const step of migrations.slice(version)) database.exec(step);
    database.exec(`PRAGMA user_version = ${migrations.length}`);
  });
}

/** Runs `work` in one write transaction; whatever it throws takes all of it back. */
export function transaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
