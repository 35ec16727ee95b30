import type { SQLOutputValue } from 'node:sqlite';
import { openDatabase } from './database.ts';

/** A review of an un-merge, by the message that took the merge back and the resource. */
export interface ReviewName {
  /** `seq` of the message. */
  readonly message: number;
  readonly type: string;
  /** FHIR id. */
  readonly id: string;
}

/** Somebody has looked at it. */
export interface ReviewClosing extends ReviewName {
  readonly by: string;
  readonly reason: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Which reviews of un-merges are closed. Durable when a method returns; nothing is changed or removed. */
export interface ReviewClosings {
  /** False when it is closed already: then it stays as it was. */
  close(closing: ReviewClosing): boolean;
  /** In the order in which they were closed. */
  all(): readonly ReviewClosing[];
  shut(): void;
}

/** The schema of `reviews.sqlite`, one entry a version. Entries are only ever added. */
const REVIEW_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE review_closing (
    message INTEGER NOT NULL,
    type    TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    by_whom TEXT    NOT NULL,
    reason  TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    UNIQUE (message, type, id)
  ) STRICT;
  CREATE TRIGGER review_closing_is_append_only BEFORE UPDATE ON review_closing
    BEGIN SELECT RAISE(ABORT, 'what was closed stays closed'); END;
  CREATE TRIGGER review_closing_is_kept BEFORE DELETE ON review_closing
    BEGIN SELECT RAISE(ABORT, 'what was closed stays closed'); END;
  `,
];

type Row = Record<string, SQLOutputValue>;

/**
 * What people decided of un-merges, in a file of its own: what the feed tells can be made anew, this cannot.
 *
 * @param file path, or `:memory:`
 * @throws Error when the file was written by a newer Ficus, or is not ours to open
 */
export function openReviewClosings(file: string): ReviewClosings {
  const database = openDatabase(file, REVIEW_MIGRATIONS);
  const insert = database.prepare(
    'INSERT OR IGNORE INTO review_closing (message, type, id, by_whom, reason, at) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const all = database.prepare('SELECT * FROM review_closing ORDER BY rowid');
  return {
    close: ({ message, type, id, by, reason, at }) =>
      Number(insert.run(message, type, id, by, reason, at).changes) === 1,
    all: () => all.all().map(closingOf),
    shut: () => database.close(),
  };
}

function closingOf(row: Row): ReviewClosing {
  return {
    message: Number(row['message']),
    type: String(row['type']),
    id: String(row['id']),
    by: String(row['by_whom']),
    reason: String(row['reason']),
    at: Number(row['at']),
  };
}
