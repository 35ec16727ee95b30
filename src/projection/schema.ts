/**
 * The schema of `projection.sqlite`, one entry a version. Entries are only ever added.
 *
 * What stands in an index is (param, value, rid): `param` is a search parameter of one resource type, `rid` the
 * resource. Tables whose values are looked up are clustered by value; `date_value` and `number_value` are clustered by
 * resource, because they are also asked for one resource (sorting, second filters). A resource that others refer to and
 * that nobody has told us of yet has a row with version 0.
 */
export const PROJECTION_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE name (
    nid  INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
  ) STRICT;

  CREATE TABLE resource (
    rid        INTEGER PRIMARY KEY,
    type       INTEGER NOT NULL,
    id         TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    event_at   INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    message    INTEGER NOT NULL,
    decimals   TEXT,
    params     TEXT,
    sorts      TEXT,
    json       TEXT
  ) STRICT;
  CREATE UNIQUE INDEX resource_id ON resource (id, type);
  CREATE INDEX resource_type ON resource (type, rid) WHERE version > 0;
  CREATE INDEX resource_updated ON resource (type, updated_at) WHERE version > 0;

  CREATE TABLE version (
    rid        INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    message    INTEGER NOT NULL,
    json       TEXT    NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX version_of ON version (rid, version);

  CREATE TABLE token_value (
    param  INTEGER NOT NULL,
    code   TEXT    NOT NULL,
    rid    INTEGER NOT NULL,
    system INTEGER NOT NULL,
    PRIMARY KEY (param, code, rid, system)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE reference_value (
    param  INTEGER NOT NULL,
    target INTEGER NOT NULL,
    rid    INTEGER NOT NULL,
    PRIMARY KEY (param, target, rid)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE text_value (
    param INTEGER NOT NULL,
    text  TEXT    NOT NULL,
    rid   INTEGER NOT NULL,
    PRIMARY KEY (param, text, rid)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE date_value (
    rid     INTEGER NOT NULL,
    param   INTEGER NOT NULL,
    low     TEXT    NOT NULL,
    high    TEXT    NOT NULL,
    patient INTEGER NOT NULL,
    PRIMARY KEY (rid, param, low, high, patient)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX date_value_low ON date_value (param, low, high);
  CREATE INDEX date_value_reversed ON date_value (param) WHERE high < low;
  CREATE INDEX date_value_patient ON date_value (patient, param, high);
  CREATE TABLE number_value (
    rid    INTEGER NOT NULL,
    param  INTEGER NOT NULL,
    low    TEXT    NOT NULL,
    high   TEXT    NOT NULL,
    open   INTEGER NOT NULL,
    system INTEGER NOT NULL,
    code   TEXT    NOT NULL,
    PRIMARY KEY (rid, param, low, high, open, system, code)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX number_value_low ON number_value (param, low, high);

  CREATE TABLE referrer (
    target INTEGER NOT NULL,
    rid    INTEGER NOT NULL,
    PRIMARY KEY (target, rid)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE merge (
    merge       INTEGER PRIMARY KEY,
    type        INTEGER NOT NULL,
    retired     INTEGER NOT NULL,
    survivor    INTEGER NOT NULL,
    event_at    INTEGER NOT NULL,
    message     INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    was         TEXT    NOT NULL,
    identifiers TEXT    NOT NULL,
    undone_at   INTEGER,
    undone_by   INTEGER,
    undone_event_at INTEGER
  ) STRICT;
  CREATE INDEX merge_retired ON merge (retired, merge);
  CREATE INDEX merge_survivor ON merge (survivor, merge);
  CREATE TABLE merge_moved (
    merge INTEGER NOT NULL,
    rid   INTEGER NOT NULL,
    both  INTEGER NOT NULL,
    PRIMARY KEY (merge, rid)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE merge_review (
    merge INTEGER NOT NULL,
    rid   INTEGER NOT NULL,
    why   TEXT    NOT NULL CHECK (why IN ('came after the merge', 'changed after the merge', 'referred to both')),
    PRIMARY KEY (merge, rid)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE event (
    number  INTEGER PRIMARY KEY,
    kind    TEXT    NOT NULL CHECK (kind IN ('changed', 'merged', 'unmerged')),
    rid     INTEGER NOT NULL,
    version INTEGER NOT NULL,
    patient INTEGER,
    other   INTEGER,
    at      INTEGER NOT NULL,
    message INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE applied (
    seq        INTEGER NOT NULL,
    replay     INTEGER NOT NULL,
    first      INTEGER NOT NULL,
    last       INTEGER NOT NULL,
    superseded TEXT,
    PRIMARY KEY (seq, replay)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE follower (
    name   TEXT    PRIMARY KEY,
    cursor INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE crosswalk (
    id   TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    key  TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
];
