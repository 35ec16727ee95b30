import type { DatabaseSync } from 'node:sqlite';
import type { FeedCounts } from '../feed-ports.ts';

/** The terms of the conservation law, and the columns of the tally. */
export const COUNTED = [
  'received',
  'waiting',
  'processed',
  'duplicate',
  'superseded',
  'parked',
  'rejected',
] as const satisfies readonly (keyof FeedCounts)[];

type Counts = { -readonly [Term in keyof FeedCounts]: number };

export function noCounts(): Counts {
  return { received: 0, waiting: 0, processed: 0, duplicate: 0, superseded: 0, parked: 0, rejected: 0 };
}

/** Changes of the counts, gathered during a transaction and written at its end: one statement an interface. */
export interface Tally {
  /** Changes a term of the counts of an interface. */
  add(source: string, term: keyof FeedCounts, by: number): void;
  /** Writes what was gathered; call it within the transaction. */
  write(): void;
  /** Forgets what was gathered: the transaction was taken back. */
  clear(): void;
}

export function createTally(database: DatabaseSync): Tally {
  const begin = database.prepare('INSERT INTO tally (source) VALUES (?) ON CONFLICT DO NOTHING');
  const change = database.prepare(
    `UPDATE tally SET ${COUNTED.map((term) => `${term} = ${term} + ?`).join(', ')} WHERE source = ?`,
  );
  const changes = new Map<string, Counts>();
  return {
    add(source, term, by) {
      const counts = changes.get(source) ?? noCounts();
      changes.set(source, counts);
      counts[term] += by;
    },
    write() {
      for (const [source, counts] of changes) {
        const values = COUNTED.map((term) => counts[term]);
        if (change.run(...values, source).changes === 0) {
          begin.run(source);
          change.run(...values, source);
        }
      }
      changes.clear();
    },
    clear: () => changes.clear(),
  };
}
