/**
 * The schema of `audit.sqlite`, one entry a version. Entries are only ever added. The triggers refuse what a trail must
 * not have done to it: a change, a gap, and a removal of anything that no anchor stands for. Whoever can write the file
 * can drop them; that the chain does not hold then is what `ficus audit verify` finds.
 */
export const AUDIT_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE audit_record (
    sequence  INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    body      TEXT    NOT NULL,
    hash      BLOB    NOT NULL CHECK (length(hash) = 32),
    kind      TEXT    NOT NULL,
    action    TEXT    NOT NULL,
    outcome   TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    request   TEXT    NOT NULL,
    patient   TEXT,
    fhir_user TEXT,
    client    TEXT,
    token     TEXT
  ) STRICT;
  CREATE INDEX audit_record_at ON audit_record (at);
  CREATE INDEX audit_record_request ON audit_record (request);
  CREATE INDEX audit_record_patient ON audit_record (patient) WHERE patient IS NOT NULL;
  CREATE INDEX audit_record_user ON audit_record (fhir_user) WHERE fhir_user IS NOT NULL;
  CREATE INDEX audit_record_token ON audit_record (token) WHERE token IS NOT NULL;
  CREATE TABLE audit_name (
    name     TEXT    NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (name, sequence)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE audit_anchor (
    sequence INTEGER PRIMARY KEY,
    hash     BLOB    NOT NULL CHECK (length(hash) = 32),
    count    INTEGER NOT NULL,
    from_at  INTEGER NOT NULL,
    to_at    INTEGER NOT NULL,
    at       INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE audit_head (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    sequence INTEGER NOT NULL,
    hash     BLOB    NOT NULL,
    at       INTEGER NOT NULL
  ) STRICT;
  INSERT INTO audit_head VALUES (1, 0, zeroblob(32), 0);
  CREATE TABLE audit_follower (
    name   TEXT    PRIMARY KEY,
    cursor INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TRIGGER audit_record_follows BEFORE INSERT ON audit_record
    WHEN NEW.sequence <> (SELECT sequence FROM audit_head) + 1
    BEGIN SELECT RAISE(ABORT, 'a record follows the last one'); END;
  CREATE TRIGGER audit_record_moves_head AFTER INSERT ON audit_record
    BEGIN UPDATE audit_head SET sequence = NEW.sequence, hash = NEW.hash, at = NEW.at; END;
  CREATE TRIGGER audit_record_is_append_only BEFORE UPDATE ON audit_record
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
  CREATE TRIGGER audit_record_is_kept BEFORE DELETE ON audit_record
    WHEN OLD.sequence > coalesce((SELECT max(sequence) FROM audit_anchor), 0)
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
  CREATE TRIGGER audit_anchor_is_append_only BEFORE UPDATE ON audit_anchor
    BEGIN SELECT RAISE(ABORT, 'anchors of the audit trail are kept'); END;
  CREATE TRIGGER audit_anchor_is_kept BEFORE DELETE ON audit_anchor
    BEGIN SELECT RAISE(ABORT, 'anchors of the audit trail are kept'); END;
  CREATE TRIGGER audit_head_is_kept BEFORE DELETE ON audit_head
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
  CREATE TRIGGER audit_head_goes_on BEFORE UPDATE ON audit_head WHEN NEW.sequence <= OLD.sequence
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
  `,
  // What records are found by is kept by run, apart from the records: a commit appends, and touches no page of what was
  // kept before.
  `
  DROP INDEX audit_record_at;
  DROP INDEX audit_record_request;
  DROP INDEX audit_record_patient;
  DROP INDEX audit_record_user;
  DROP INDEX audit_record_token;
  DROP TABLE audit_name;

  CREATE TABLE audit_run (
    last INTEGER PRIMARY KEY
  ) STRICT;
  CREATE TABLE audit_name (
    run      INTEGER NOT NULL,
    name     TEXT    NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (run, name, sequence)
  ) STRICT, WITHOUT ROWID;
  `,
];
