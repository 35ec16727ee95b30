import type { DatabaseSync } from 'node:sqlite';
import { openDatabase } from './database.ts';

/**
 * The schema of the inbox, a file of its own. What is written for each arrival is its bytes and one narrow row; states
 * change without the bytes being written again. `first` tells apart the first message of a control id (1), the others
 * of it (0: other content, or refused), and those without a control id (NULL). `journal` has the mark of the records
 * that may hold what is safe and not filed yet (`createCommitter`), and counts up where nothing else would be written
 * to be synced; `content.head` is of inboxes that had no journal. `tally` is the conservation law: a transaction that
 * would break it is refused by the database itself.
 */
const INBOX_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE sender (
    id       INTEGER PRIMARY KEY,
    source   TEXT NOT NULL,
    name     TEXT NOT NULL,
    sequence INTEGER,
    UNIQUE (source, name)
  ) STRICT;

  CREATE TABLE message (
    seq         INTEGER PRIMARY KEY,
    sender      INTEGER NOT NULL,
    control_id  TEXT    NOT NULL,
    first       INTEGER CHECK (first IN (0, 1)),
    hash        BLOB    NOT NULL,
    type        TEXT    NOT NULL,
    sequence    INTEGER,
    received_at INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('waiting', 'processed', 'superseded', 'parked', 'rejected')),
    state_at    INTEGER NOT NULL,
    reason      TEXT,
    detail      TEXT,
    owner       TEXT,
    repeats     INTEGER NOT NULL DEFAULT 0,
    replays     INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE UNIQUE INDEX message_first ON message (sender, control_id) WHERE first = 1;
  CREATE INDEX message_other ON message (sender, control_id, hash) WHERE first = 0;
  CREATE INDEX message_open ON message (state) WHERE state <> 'processed';
  CREATE INDEX message_repeated ON message (seq) WHERE repeats > 0;

  CREATE TABLE content (
    seq   INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL,
    head  TEXT
  ) STRICT;

  CREATE TABLE tally (
    source     TEXT    PRIMARY KEY,
    received   INTEGER NOT NULL DEFAULT 0,
    waiting    INTEGER NOT NULL DEFAULT 0 CHECK (waiting >= 0),
    processed  INTEGER NOT NULL DEFAULT 0 CHECK (processed >= 0),
    duplicate  INTEGER NOT NULL DEFAULT 0 CHECK (duplicate >= 0),
    superseded INTEGER NOT NULL DEFAULT 0 CHECK (superseded >= 0),
    parked     INTEGER NOT NULL DEFAULT 0 CHECK (parked >= 0),
    rejected   INTEGER NOT NULL DEFAULT 0 CHECK (rejected >= 0),
    CHECK (received = waiting + processed + duplicate + superseded + parked + rejected)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE journal (
    mark   INTEGER NOT NULL,
    synced INTEGER NOT NULL
  ) STRICT;
  INSERT INTO journal (mark, synced) VALUES (0, 0);
  `,
  // What was refused has an owner, too; what was refused before, as far as it can be told now.
  `
  UPDATE message SET owner = (
    SELECT CASE WHEN replace(s.name, '|', '') = '' THEN s.source ELSE 'sender ' || s.name END FROM sender s WHERE s.id = message.sender
  ) WHERE state <> 'processed' AND state = 'rejected' AND owner IS NULL;
  `,
];

/**
 * Opens (or makes) the inbox: WAL, every commit synced, private, schema brought forward.
 *
 * @param file path, or `:memory:`
 * @throws Error when the file was written by a newer Ficus, or is not ours to open
 */
export function openInboxDatabase(file: string): DatabaseSync {
  return openDatabase(file, INBOX_MIGRATIONS);
}
