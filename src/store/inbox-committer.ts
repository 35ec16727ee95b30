import type { DatabaseSync } from 'node:sqlite';
import type { Arrival, Receipt } from '../feed-ports.ts';
import { transaction } from './database.ts';
import { createFiling } from './inbox-filing.ts';
import type { Filing } from './inbox-filing.ts';
import { WHOLE_PARTS, newMark } from './inbox-journal.ts';
import type { JournalFile, Region } from './inbox-journal.ts';
import type { Beginning } from './inbox-journaling.ts';
import { arrivalOf, readRecords } from './inbox-record.ts';

/** What was filed, and how many of it wait to be processed. */
interface Committed {
  readonly receipts: readonly Receipt[];
  readonly stored: number;
}

/** Files arrivals. One at a time for one file. Whatever throws has changed nothing. */
export interface Committer {
  /**
   * Files regions of the journal, in one transaction.
   * @param synced they are needed no longer afterwards @returns how many messages
   */
  file(regions: readonly Region[], synced: boolean): number;
  /** Files regions of the journal and then arrivals, in one transaction, synced. The journal is begun anew. */
  commit(regions: readonly Region[], arrivals: readonly Arrival[]): Committed;
  /** What the journal counts from now. */
  readonly beginning: Beginning;
  /** Last MSH-13 of every sender that has one. */
  sequences(): ReturnType<Filing['sequences']>;
}

/**
 * Safe first, filed after. An arrival that is plainly new is appended to the journal, and that is what is synced before
 * the acknowledgement; its bytes, its row, its entries in the indexes and its count are written a moment later, many at
 * once, and need no sync: what is safe and not filed is found again in the journal when the inbox is opened, by the
 * mark and by a number above that of the last message. Whatever is not plain (a duplicate, a conflict, a refusal, a new
 * sender) is filed at once, after all before it. So what is filed is always everything up to some number.
 *
 * @param owners owner of each interface by its name: who looks at what is parked
 */
export function createCommitter(
  database: DatabaseSync,
  owners: Readonly<Record<string, string>>,
  journal: Pick<JournalFile, 'read' | 'erase'>,
): Committer {
  const filing = createFiling(database, owners);
  const newest = database.prepare('SELECT coalesce(max(seq), 0) AS seq FROM message');
  const markNow = database.prepare('SELECT mark FROM journal');
  const begin = database.prepare('UPDATE journal SET mark = ?');
  // Where nothing is written there is nothing to sync, and what was written before is not synced either.
  const sync = database.prepare('UPDATE journal SET synced = synced + 1');
  let beginning: Beginning = {
    mark: Number(markNow.get()!['mark']),
    last: Number(newest.get()!['seq']),
  };
  recover();

  /** Files what was safe and not filed when the process before ended, and empties the journal. */
  function recover(): void {
    const { mark, last } = beginning;
    const parts = WHOLE_PARTS.map((part) => journal.read(part));
    const recorded = parts.flatMap((part) => readRecords(part, mark).records);
    changing(() => {
      fileHeaded(last);
      filing.fileNew(recorded.filter(({ seq }) => seq > last).toSorted((a, b) => a.seq - b.seq));
      return anew();
    });
    const used = WHOLE_PARTS.filter((_, nth) => parts[nth]!.some((byte) => byte !== 0));
    if (used.length > 0) journal.erase(used);
  }

  /** Of a process that had no journal: safe in the database, and not filed. */
  function fileHeaded(last: number): void {
    const rows = database
      .prepare('SELECT seq, head, bytes FROM content WHERE seq > ? ORDER BY seq')
      .all(last);
    database.prepare('DELETE FROM content WHERE seq > ?').run(last);
    filing.fileNew(
      rows.map(({ seq, head, bytes }) => ({
        seq: Number(seq),
        arrival: arrivalOf(String(head), bytes as Uint8Array),
      })),
    );
  }

  function fileRegions(regions: readonly Region[]): number {
    let count = 0;
    for (const region of regions) {
      const bytes = journal.read(region);
      const { records, end } = readRecords(bytes, beginning.mark);
      if (end !== bytes.length) throw new Error('the journal does not hold what was written to it');
      filing.fileNew(records);
      count += records.length;
    }
    return count;
  }

  /** What is in the journal is filed: it counts from here. */
  function anew(): Beginning {
    const mark = newMark();
    begin.run(mark);
    return { mark, last: Number(newest.get()!['seq']) };
  }

  function changing(work: () => Beginning | undefined): void {
    try {
      const changed = transaction(database, () => {
        const result = work();
        filing.write();
        return result;
      });
      if (changed) beginning = changed;
    } catch (error) {
      filing.reload();
      throw error;
    }
  }

  return {
    file(regions, synced) {
      let count = 0;
      // Nothing is acknowledged by it: mostly nothing waits for the disk.
      if (!synced) database.exec('PRAGMA synchronous = NORMAL');
      try {
        changing(() => {
          count = fileRegions(regions);
          if (synced) sync.run();
          return undefined;
        });
      } finally {
        database.exec('PRAGMA synchronous = FULL');
      }
      return count;
    },
    commit(regions, arrivals) {
      let receipts: readonly Receipt[] = [];
      let stored = 0;
      changing(() => {
        stored = fileRegions(regions);
        let seq = Number(newest.get()!['seq']);
        receipts = arrivals.map((arrival) => {
          const receipt = filing.file(arrival, seq + 1);
          if (receipt.kind !== 'duplicate' && receipt.seq === seq + 1) seq += 1;
          if (receipt.kind === 'stored' && !arrival.verdict) stored += 1;
          return receipt;
        });
        return anew();
      });
      return { receipts, stored };
    },
    get beginning() {
      return beginning;
    },
    sequences: () => filing.sequences(),
  };
}
