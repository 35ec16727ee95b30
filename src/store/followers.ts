import type { SQLOutputValue } from 'node:sqlite';
import type { DeadCopy, FollowerStore, TopicEvent } from '../follower-ports.ts';
import { openDatabase, transaction } from './database.ts';

/** The schema of `followers.sqlite`, one entry a version. Entries are only ever added. */
const FOLLOWER_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE follower (
    name   TEXT    PRIMARY KEY,
    cursor INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE dead_copy (
    copy     TEXT    NOT NULL,
    type     TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    number   INTEGER NOT NULL,
    version  INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    reason   TEXT    NOT NULL,
    owner    TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    retrying INTEGER NOT NULL,
    PRIMARY KEY (copy, type, id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE topic_event (
    topic  TEXT    NOT NULL,
    number INTEGER NOT NULL,
    kind   TEXT    NOT NULL CHECK (kind IN ('merged', 'unmerged')),
    type   TEXT    NOT NULL,
    id     TEXT    NOT NULL,
    other  TEXT,
    at     INTEGER NOT NULL,
    PRIMARY KEY (topic, number)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER topic_event_is_append_only BEFORE UPDATE ON topic_event
    BEGIN SELECT RAISE(ABORT, 'a topic is append-only'); END;
  `,
];

type Row = Record<string, SQLOutputValue>;

/**
 * Where followers stand, in a file of its own: the projection's file has one writer, and whoever else wrote to it would
 * wait for its batches.
 *
 * @param file path, or `:memory:`
 * @throws Error when the file was written by a newer Ficus, or is not ours to open
 */
export function openFollowerStore(file: string): FollowerStore {
  const database = openDatabase(file, FOLLOWER_MIGRATIONS);
  const cursor = database.prepare('SELECT cursor FROM follower WHERE name = ?');
  const advance = database.prepare(
    'INSERT INTO follower (name, cursor) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET cursor = max(cursor, ?2)',
  );
  const place = database.prepare(
    'INSERT INTO follower (name, cursor) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET cursor = ?2',
  );
  const dead = database.prepare('SELECT * FROM dead_copy WHERE copy = ? ORDER BY number, type, id');
  const bury = database.prepare(
    'INSERT OR REPLACE INTO dead_copy (copy, type, id, number, version, attempts, reason, owner, at, retrying) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const exhume = database.prepare('DELETE FROM dead_copy WHERE copy = ? AND type = ? AND id = ?');
  const append = database.prepare(
    'INSERT INTO topic_event (topic, number, kind, type, id, other, at) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const events = database.prepare(
    'SELECT number, kind, type, id, other, at FROM topic_event WHERE topic = ? AND number > ? ORDER BY number LIMIT ?',
  );
  const max = database.prepare('SELECT coalesce(max(number), 0) AS last FROM topic_event WHERE topic = ?');
  const last = (topic: string): number => Number(max.get(topic)?.['last']);
  return {
    cursor: (follower) => Number(cursor.get(follower)?.['cursor'] ?? 0),
    advance: (follower, to) => void advance.run(follower, to),
    place: (follower, at) => void place.run(follower, at),
    dead: (copy) => dead.all(copy).map(deadOf),
    bury({ copy, type, id, number, version, attempts, reason, owner, at, retrying }) {
      bury.run(copy, type, id, number, version, attempts, reason, owner, at, Number(retrying));
    },
    exhume: (copy, type, id) => void exhume.run(copy, type, id),
    record(topic, found, follower, at) {
      transaction(database, () => {
        let number = last(topic);
        for (const { kind, type, id, other, at: when } of found) {
          number += 1;
          append.run(topic, number, kind, type, id, other ?? null, when);
        }
        place.run(follower, at);
      });
    },
    events: (topic, after, limit) => events.all(topic, after, limit).map(eventOf),
    last,
    close: () => database.close(),
  };
}

function deadOf(row: Row): DeadCopy {
  return {
    copy: String(row['copy']),
    type: String(row['type']),
    id: String(row['id']),
    number: Number(row['number']),
    version: Number(row['version']),
    attempts: Number(row['attempts']),
    reason: String(row['reason']),
    owner: String(row['owner']),
    at: Number(row['at']),
    retrying: row['retrying'] === 1,
  };
}

function eventOf(row: Row): TopicEvent {
  const { other } = row;
  return {
    number: Number(row['number']),
    kind: row['kind'] as TopicEvent['kind'],
    type: String(row['type']),
    id: String(row['id']),
    ...(typeof other === 'string' ? { other } : {}),
    at: Number(row['at']),
  };
}
