import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import type {
  FeedCounts,
  InboxFigures,
  InboxLedger,
  MessageOutcome,
  MessageState,
  ParkReason,
} from '../feed-ports.ts';
import { transaction } from './database.ts';
import { bytesOf, listing, RECORD_COLUMNS, RECORD_SOURCE, recordOf, selection } from './inbox-rows.ts';
import { openInboxDatabase } from './inbox-schema.ts';
import { COUNTED, createTally, noCounts } from './inbox-tally.ts';

type Row = Record<string, SQLOutputValue>;

/** Bytes of messages that one look at what waits brings, if they are more than one. */
const MOST_BYTES = 16 << 20;
/** Messages that were processed, of which one statement says so. */
const TOGETHER = 16;
/** Messages whose bytes one transaction lets go of: arrivals wait for no longer than that. */
const FORGET_AT_ONCE = 200;

/**
 * Opens the back of the inbox, beside the intake and other ledgers of the same file.
 *
 * What it writes is not synced by itself (`synchronous=NORMAL`): a power failure may take back how the last messages
 * ended, never a message. They are then `waiting` again, and processing them again changes nothing, because what was
 * applied is marked where it was applied.
 *
 * @param file path of the inbox
 * @throws Error when the file was written by a newer Ficus, or is not ours to open
 */
export function openInboxLedger(file: string): InboxLedger {
  const database = openInboxDatabase(file);
  // Bytes that are let go of are overwritten.
  database.exec('PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;');
  return createLedger(database);
}

function createLedger(database: DatabaseSync): InboxLedger {
  const next = listing(
    database.prepare(
      `SELECT ${RECORD_COLUMNS}, c.bytes FROM ${RECORD_SOURCE} JOIN content c ON c.seq = m.seq
       WHERE m.state <> 'processed' AND m.state = 'waiting' ORDER BY m.seq LIMIT ?`,
    ),
  );
  const end = database.prepare(
    `UPDATE message SET state = ?2, state_at = ?3, reason = ?4, detail = ?5, owner = ?6 WHERE seq = ?1 AND state = 'waiting' RETURNING sender`,
  );
  // Alone, each would cost two tables that SQLite makes, for what is returned and for the check of `state`. What fails
  // is taken back by the transaction; SQLite needs no copy of its own.
  const endTogether = database.prepare(
    `UPDATE OR FAIL message SET state = 'processed', state_at = ?, reason = NULL, detail = NULL, owner = NULL
     WHERE seq IN (${Array(TOGETHER).fill('?').join(', ')}) AND state = 'waiting' RETURNING sender`,
  );
  const again = database.prepare(
    `UPDATE message SET state = 'waiting', state_at = ?2, reason = NULL, detail = NULL, owner = NULL, replays = replays + 1 WHERE seq = ?1`,
  );
  const replayable = database.prepare(
    `SELECT m.state, s.source FROM ${RECORD_SOURCE}
     WHERE m.seq = ? AND m.state IN ('parked', 'superseded', 'processed') AND m.size > 0`,
  );
  const one = listing(
    database.prepare(
      `SELECT ${RECORD_COLUMNS}, c.bytes FROM ${RECORD_SOURCE} LEFT JOIN content c ON c.seq = m.seq WHERE m.seq = ?`,
    ),
  );
  const sourceById = database.prepare('SELECT source FROM sender WHERE id = ?');
  const totals = database.prepare('SELECT * FROM tally ORDER BY source');
  const recount = database.prepare(
    `SELECT s.source, m.state, count(*) AS messages, sum(m.repeats) AS repeats FROM ${RECORD_SOURCE} GROUP BY s.source, m.state`,
  );
  const parkedBy = database.prepare(
    `SELECT s.source, m.reason, count(*) AS count FROM ${RECORD_SOURCE}
     WHERE m.state <> 'processed' AND m.state = 'parked' GROUP BY s.source, m.reason ORDER BY s.source, m.reason`,
  );
  const oldest = database.prepare(
    `SELECT received_at FROM message WHERE state <> 'processed' AND state = ? ORDER BY seq LIMIT 1`,
  );
  const kept = database.prepare(
    `SELECT m.seq, m.state, m.state_at, m.received_at FROM content c JOIN message m ON m.seq = c.seq
     WHERE c.seq > ? ORDER BY c.seq LIMIT ?`,
  );
  const dropContent = database.prepare('DELETE FROM content WHERE seq = ?');
  const dropSize = database.prepare('UPDATE message SET size = 0 WHERE seq = ?');
  const tally = createTally(database);
  const sources = new Map<number, string>();
  const selections = new Map<string, StatementSync>();

  function sourceOf(sender: number): string {
    const known = sources.get(sender) ?? String(sourceById.get(sender)?.['source']);
    sources.set(sender, known);
    return known;
  }

  function changing<T>(work: () => T): T {
    try {
      return transaction(database, () => {
        const result = work();
        tally.write();
        return result;
      });
    } catch (error) {
      tally.clear();
      throw error;
    }
  }

  function settleOne({ seq, state, reason, detail, owner }: MessageOutcome, now: number): void {
    const ended = end.get(seq, state, now, reason ?? null, detail ?? null, owner ?? null);
    if (ended) count(ended, state);
  }

  function count(ended: Row, state: MessageOutcome['state']): void {
    const source = sourceOf(Number(ended['sender']));
    tally.add(source, 'waiting', -1);
    tally.add(source, state, 1);
  }

  /** Nearly all were processed, and there is no more to say of them. */
  function settleAll(outcomes: readonly MessageOutcome[], now: number): void {
    let processed: number[] = [];
    for (const outcome of outcomes) {
      const { state, reason, detail, owner } = outcome;
      if (state !== 'processed' || (reason ?? detail ?? owner) !== undefined) {
        settleOne(outcome, now);
        continue;
      }
      processed.push(outcome.seq);
      if (processed.length < TOGETHER) continue;
      for (const ended of endTogether.all(now, ...processed)) count(ended, 'processed');
      processed = [];
    }
    for (const seq of processed) settleOne({ seq, state: 'processed' }, now);
  }

  function prepared(sql: string): StatementSync {
    const known = selections.get(sql) ?? listing(database.prepare(sql));
    selections.set(sql, known);
    return known;
  }

  const countsBySource = (): ReadonlyMap<string, FeedCounts> =>
    new Map(totals.all().map((row) => [String(row['source']), countsOf(row)]));

  /** Both readings see the same moment, whatever the intake commits meanwhile. */
  function audit(): { readonly holds: boolean; readonly counts: FeedCounts } {
    database.exec('BEGIN');
    try {
      const told = countsBySource();
      const found = new Map<string, ReturnType<typeof noCounts>>();
      for (const row of recount.all()) {
        const source = String(row['source']);
        const counts = found.get(source) ?? noCounts();
        found.set(source, counts);
        const [messages, repeats] = [Number(row['messages']), Number(row['repeats'])];
        counts[String(row['state']) as Exclude<MessageState, 'duplicate'>] += messages;
        counts.duplicate += repeats;
        counts.received += messages + repeats;
      }
      const same = [...new Set([...told.keys(), ...found.keys()])].every((source) =>
        COUNTED.every((term) => (told.get(source)?.[term] ?? 0) === (found.get(source)?.[term] ?? 0)),
      );
      // The law itself is a constraint of the tally.
      return { holds: same, counts: sumOf(found.values()) };
    } finally {
      database.exec('COMMIT');
    }
  }

  /**
   * Looks at the next messages whose bytes are here.
   * @returns how many it let go of, and where it came to; no place at the end
   */
  function forgetSome(
    before: number,
    after: number,
    limit: number,
  ): { readonly gone: number; readonly at?: number } {
    return changing(() => {
      const rows = kept.all(after, FORGET_AT_ONCE);
      // Received in this order: what follows the first that is too young is too young as well.
      const young = rows.findIndex((row) => Number(row['received_at']) >= before);
      const old = young === -1 ? rows : rows.slice(0, young);
      const ended = old
        .filter(
          ({ state, state_at }) => state !== 'waiting' && state !== 'parked' && Number(state_at) < before,
        )
        .slice(0, limit);
      for (const { seq } of ended) {
        dropContent.run(seq!);
        dropSize.run(seq!);
      }
      const more = young === -1 && rows.length === FORGET_AT_ONCE;
      return { gone: ended.length, ...(more ? { at: Number(rows.at(-1)!['seq']) } : {}) };
    });
  }

  return {
    waiting(limit) {
      const found = [];
      let size = 0;
      for (const row of next.iterate(limit)) {
        const bytes = bytesOf(row)!;
        size += bytes.byteLength;
        if (found.length > 0 && size > MOST_BYTES) break;
        found.push({ record: recordOf(row), bytes });
      }
      return found;
    },
    settle(outcomes, now) {
      if (outcomes.length === 0) return;
      changing(() => settleAll(outcomes, now));
    },
    requeue: (seqs, now) =>
      changing(() => {
        let count = 0;
        for (const seq of new Set(seqs)) {
          const row = replayable.get(seq);
          if (!row) continue;
          again.run(seq, now);
          tally.add(String(row['source']), String(row['state']) as 'parked' | 'superseded' | 'processed', -1);
          tally.add(String(row['source']), 'waiting', 1);
          count += 1;
        }
        return count;
      }),
    list(filter) {
      const { sql, values } = selection(filter);
      return prepared(sql)
        .all(...values)
        .map(recordOf);
    },
    find(seq) {
      const row = one.get(seq);
      if (!row) return undefined;
      return { record: recordOf(row), bytes: bytesOf(row) };
    },
    counts: (source) => {
      const all = countsBySource();
      return source === undefined ? sumOf(all.values()) : (all.get(source) ?? noCounts());
    },
    figures(): InboxFigures {
      const since = (state: 'waiting' | 'parked') => {
        const row = oldest.get(state);
        return row ? { [state]: Number(row['received_at']) } : {};
      };
      return {
        interfaces: [...countsBySource()].map(([source, counts]) => ({ source, counts })),
        parked: parkedBy.all().map((row) => ({
          source: String(row['source']),
          reason: String(row['reason']) as ParkReason,
          count: Number(row['count']),
        })),
        oldest: { ...since('waiting'), ...since('parked') },
      };
    },
    audit,
    forget(before, limit = Number.POSITIVE_INFINITY) {
      let gone = 0;
      let at: number | undefined = 0;
      while (at !== undefined && gone < limit) {
        const some = forgetSome(before, at, limit - gone);
        gone += some.gone;
        at = some.at;
      }
      return gone;
    },
    close: () => database.close(),
  };
}

function countsOf(row: Row): FeedCounts {
  const counts = noCounts();
  for (const term of COUNTED) counts[term] = Number(row[term]);
  return counts;
}

function sumOf(all: Iterable<FeedCounts>): FeedCounts {
  const sum = noCounts();
  for (const counts of all) for (const term of COUNTED) sum[term] += counts[term];
  return sum;
}
