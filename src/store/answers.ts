import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type {
  AnswerCounts,
  AnswerFilter,
  AnswerRecord,
  AnswerState,
  AnswerStore,
  DeadAnswers,
  PromisedAnswer,
} from '../answer-ports.ts';
import { openDatabase, transaction } from './database.ts';

/** The schema of `answers.sqlite`, one entry a version. Entries are only ever added. */
const ANSWER_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE looked_at (
    source TEXT    PRIMARY KEY,
    cursor INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE answer (
    seq      INTEGER PRIMARY KEY,
    source   TEXT    NOT NULL,
    state    TEXT    NOT NULL CHECK (state IN ('owed', 'dead', 'lost')),
    code     TEXT    NOT NULL CHECK (code IN ('AA', 'AE', 'AR')),
    payload  BLOB,
    since    INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    reason   TEXT,
    owner    TEXT,
    CHECK ((payload IS NULL) = (state = 'lost'))
  ) STRICT;
  CREATE INDEX answer_state ON answer (source, state, seq);
  CREATE TABLE asked_again (
    source TEXT    NOT NULL,
    seq    INTEGER NOT NULL,
    PRIMARY KEY (source, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE answer_count (
    source TEXT    NOT NULL,
    name   TEXT    NOT NULL CHECK (name IN ('told', 'lost')),
    count  INTEGER NOT NULL,
    PRIMARY KEY (source, name)
  ) STRICT, WITHOUT ROWID;
  `,
];

type Row = Record<string, SQLOutputValue>;

/** Lost answers of an interface that are listed; all are counted. */
const LOST_LISTED = 1_000;

/**
 * What senders are owed, in a file of its own: the inbox is written by those who take messages and process them, and
 * nobody is to wait for them.
 *
 * What is written is not synced by itself (`synchronous=NORMAL`): a power failure may take back the last of it, in
 * order. Then messages are looked at again, and answers that were taken are sent once more; none is forgotten.
 *
 * @param file path, or `:memory:`
 * @throws Error when the file was written by a newer Ficus, or is not ours to open
 */
export function openAnswerStore(file: string): AnswerStore {
  const database = openDatabase(file, ANSWER_MIGRATIONS);
  database.exec('PRAGMA synchronous = NORMAL');
  return createStore(database);
}

function createStore(database: DatabaseSync): AnswerStore {
  const cursor = database.prepare('SELECT cursor FROM looked_at WHERE source = ?');
  const advance = database.prepare(
    'INSERT INTO looked_at (source, cursor) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET cursor = max(cursor, ?2)',
  );
  const place = database.prepare(
    'INSERT INTO looked_at (source, cursor) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET cursor = ?2',
  );
  const add = database.prepare(
    "INSERT INTO answer (seq, source, state, code, payload, since) VALUES (?, ?, 'owed', ?, ?, ?) ON CONFLICT DO NOTHING",
  );
  const replace = database.prepare(
    "INSERT OR REPLACE INTO answer (seq, source, state, code, payload, since) VALUES (?, ?, 'owed', ?, ?, ?)",
  );
  const addLost = database.prepare(
    "INSERT INTO answer (seq, source, state, code, since, reason) VALUES (?, ?, 'lost', ?, ?, ?) ON CONFLICT DO NOTHING",
  );
  const prune = database.prepare(
    `DELETE FROM answer WHERE source = ?1 AND state = 'lost' AND seq <=
      (SELECT seq FROM answer WHERE source = ?1 AND state = 'lost' ORDER BY seq DESC LIMIT 1 OFFSET ?2)`,
  );
  const count = database.prepare(
    'INSERT INTO answer_count (source, name, count) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET count = count + ?3',
  );
  const ask = database.prepare('INSERT OR IGNORE INTO asked_again (source, seq) VALUES (?, ?)');
  const asked = database.prepare('SELECT seq FROM asked_again WHERE source = ? ORDER BY seq LIMIT ?');
  const answered = database.prepare('DELETE FROM asked_again WHERE source = ? AND seq = ?');
  const first = database.prepare(
    "SELECT * FROM answer WHERE source = ? AND state = 'owed' ORDER BY seq LIMIT 1",
  );
  const take = database.prepare("DELETE FROM answer WHERE seq = ? AND state = 'owed' RETURNING source");
  const again = database.prepare(
    "UPDATE answer SET attempts = attempts + 1, reason = ?2 WHERE seq = ?1 AND state = 'owed' RETURNING attempts",
  );
  const bury = database.prepare(
    "UPDATE answer SET state = 'dead', reason = ?2, owner = ?3 WHERE seq = ?1 AND state = 'owed'",
  );
  const buryOlder = database.prepare(
    `UPDATE answer SET state = 'dead', reason = ?3, owner = ?4 WHERE seq IN
      (SELECT seq FROM answer WHERE source = ?1 AND state = 'owed' AND since < ?2 ORDER BY seq LIMIT ?5)`,
  );
  const counted = database.prepare('SELECT source, name, count FROM answer_count');
  const standing = database.prepare(
    "SELECT source, state, count(*) AS count, min(since) AS since FROM answer WHERE state <> 'lost' GROUP BY source, state",
  );

  const changed = (sql: string, ...values: SQLInputValue[]): number =>
    Number(database.prepare(sql).run(...values).changes);

  return {
    cursor(source) {
      const row = cursor.get(source);
      return row && Number(row['cursor']);
    },
    place: (source, at) => void place.run(source, at),
    owe: (source, answers, to) =>
      transaction(database, () => {
        for (const { seq, code, payload, since } of answers) add.run(seq, source, code, payload, since);
        advance.run(source, to);
      }),
    lose: (source, answers, reason, to) =>
      transaction(database, () => {
        for (const { seq, code, since } of answers) addLost.run(seq, source, code, since, reason);
        if (answers.length > 0) {
          count.run(source, 'lost', answers.length);
          prune.run(source, LOST_LISTED);
        }
        if (to !== undefined) advance.run(source, to);
      }),
    askAgain: (source, seq) => void ask.run(source, seq),
    askedAgain: (source, limit) => asked.all(source, limit).map(({ seq }) => Number(seq)),
    oweAgain: (source, seq, answer) =>
      transaction(database, () => {
        if (answer) replace.run(seq, source, answer.code, answer.payload, answer.since);
        answered.run(source, seq);
      }),
    next(source) {
      const row = first.get(source);
      return row && { ...promisedOf(row), attempts: Number(row['attempts']) };
    },
    told: (seq) =>
      transaction(database, () => {
        const row = take.get(seq);
        if (row) count.run(String(row['source']), 'told', 1);
      }),
    setBack: (seq, reason) => Number(again.get(seq, reason)?.['attempts'] ?? 0),
    bury: (seq, reason, owner) => void bury.run(seq, reason, owner),
    buryOlder: (source, before, reason, owner, limit) =>
      Number(buryOlder.run(source, before, reason, owner, limit).changes),
    retry: (which, now) =>
      changed(
        `UPDATE answer SET state = 'owed', attempts = 0, reason = NULL, owner = NULL, since = ? WHERE state = 'dead' AND ${column(which)} = ?`,
        now,
        value(which),
      ),
    discard: (which) =>
      changed(`DELETE FROM answer WHERE state = 'dead' AND ${column(which)} = ?`, value(which)),
    list(filter) {
      const { sql, values } = selection(filter);
      return database
        .prepare(sql)
        .all(...values)
        .map(recordOf);
    },
    counts: () => countsOf(counted.all(), standing.all()),
    close: () => database.close(),
  };
}

const column = (which: DeadAnswers): string => ('seq' in which ? 'seq' : 'source');
const value = (which: DeadAnswers): SQLInputValue => ('seq' in which ? which.seq : which.source);

function selection({ states, source, after, limit }: AnswerFilter) {
  const conditions = ['seq > ?'];
  const values: SQLInputValue[] = [after ?? 0];
  if (states) {
    conditions.push(`state IN (${states.map(() => '?').join(', ')})`);
    values.push(...states);
  }
  if (source !== undefined) {
    conditions.push('source = ?');
    values.push(source);
  }
  const sql = `SELECT * FROM answer WHERE ${conditions.join(' AND ')} ORDER BY seq LIMIT ?`;
  return { sql, values: [...values, limit] };
}

function promisedOf(row: Row): PromisedAnswer {
  return {
    seq: Number(row['seq']),
    code: row['code'] as PromisedAnswer['code'],
    payload: row['payload'] as Uint8Array,
    since: Number(row['since']),
  };
}

function recordOf(row: Row): AnswerRecord {
  const { reason, owner } = row;
  return {
    seq: Number(row['seq']),
    source: String(row['source']),
    state: row['state'] as AnswerState,
    code: row['code'] as PromisedAnswer['code'],
    since: Number(row['since']),
    attempts: Number(row['attempts']),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof owner === 'string' ? { owner } : {}),
  };
}

function countsOf(ended: readonly Row[], standing: readonly Row[]): AnswerCounts[] {
  const sources = [...new Set([...ended, ...standing].map(({ source }) => String(source)))].toSorted();
  return sources.map((source) => {
    const number = (rows: readonly Row[], name: string, kind: string): number =>
      Number(rows.find((row) => row['source'] === source && row[name] === kind)?.['count'] ?? 0);
    const oldest = standing.find((row) => row['source'] === source && row['state'] === 'owed')?.['since'];
    return {
      source,
      told: number(ended, 'name', 'told'),
      lost: number(ended, 'name', 'lost'),
      owed: number(standing, 'state', 'owed'),
      dead: number(standing, 'state', 'dead'),
      ...(oldest === undefined ? {} : { oldest: Number(oldest) }),
    };
  });
}
