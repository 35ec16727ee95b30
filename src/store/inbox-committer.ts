import type { DatabaseSync } from 'node:sqlite';
import type { Arrival, Receipt } from '../feed-ports.ts';
import { transaction } from './database.ts';
import { createFiling } from './inbox-filing.ts';
import type { Filing } from './inbox-filing.ts';

/** Makes arrivals safe. One at a time for one file. */
export interface Committer {
  /** All of them in one transaction and one sync of the disk; throws when that failed: then none of them is kept. */
  commit(arrivals: readonly Arrival[]): readonly Receipt[];
  /** Files what is safe and was not filed yet; throws when that failed: then it still is to be filed. */
  file(): void;
  /** Messages that are safe and not filed yet. */
  readonly unfiled: number;
  /** Messages that were filed as waiting since this began. */
  readonly filed: number;
  /** Last MSH-13 of every sender that has one. */
  sequences(): ReturnType<Filing['sequences']>;
}

interface Unfiled {
  readonly seq: number;
  readonly arrival: Arrival;
}

/** Filed together, in messages and in bytes: no more is kept in memory. */
const TOGETHER = { messages: 64, bytes: 4 << 20 };

/**
 * Safe first, filed after. An arrival that is plainly new is appended to one table, one page or two of the log, and that is what is synced before the
 * acknowledgement; its row, its entries in the indexes and its count are written a moment later, many at once, and need no sync: what is safe and not filed
 * is found again by its number when the inbox is opened. Whatever is not plain (a duplicate, a conflict, a refusal, a new sender) is filed at once, after all before it.
 *
 * @param owners owner of each interface by its name: who looks at what is parked
 */
export function createCommitter(database: DatabaseSync, owners: Readonly<Record<string, string>>): Committer {
  const filing = createFiling(database, owners);
  const newest = database.prepare(
    'SELECT coalesce((SELECT max(seq) FROM message), 0) AS filed, coalesce((SELECT max(seq) FROM content), 0) AS safe',
  );
  const leftOver = database.prepare('SELECT seq, head, bytes FROM content WHERE seq > ? ORDER BY seq');
  const append = database.prepare('INSERT INTO content (seq, bytes, head) VALUES (?, ?, ?)');

  let last = 0;
  let unfiled: Unfiled[] = [];
  let size = 0;
  let names = new Set<string>();
  let filed = 0;
  remember();
  file();

  /** What the transactions before left behind. */
  function remember(): void {
    filing.reload();
    const row = newest.get()!;
    last = Math.max(Number(row['filed']), Number(row['safe']));
    unfiled = [];
    size = 0;
    names = new Set();
    for (const { seq, head, bytes } of leftOver.iterate(Number(row['filed'])))
      keepInMind(Number(seq), arrivalOf(String(head), bytes as Uint8Array));
  }

  function keepInMind(seq: number, arrival: Arrival): void {
    unfiled.push({ seq, arrival });
    size += arrival.bytes.byteLength;
    if (arrival.controlId !== '') names.add(nameOf(arrival));
    filing.note(arrival);
  }

  function fileAll(): number {
    const count = unfiled.length;
    for (const { seq, arrival } of unfiled) {
      const { kind } = filing.file(arrival, { seq, written: true });
      if (kind !== 'stored') throw new Error('a message that was new is none any more');
    }
    unfiled = [];
    size = 0;
    names.clear();
    return count;
  }

  function changing<T>(work: () => T): T {
    try {
      return transaction(database, work);
    } catch (error) {
      remember();
      throw error;
    }
  }

  function file(): void {
    if (unfiled.length === 0) return;
    // Nothing is acknowledged by it, so nothing waits for the disk.
    database.exec('PRAGMA synchronous = NORMAL');
    try {
      filed += changing(() => {
        const count = fileAll();
        filing.write();
        return count;
      });
    } finally {
      database.exec('PRAGMA synchronous = FULL');
    }
  }

  return {
    commit(arrivals) {
      let waiting = 0;
      let anyFiled = false;
      const take = (arrival: Arrival): Receipt => {
        const seq = last + 1;
        if (!names.has(nameOf(arrival)) && filing.isPlain(arrival)) {
          append.run(seq, arrival.bytes, headOf(arrival));
          keepInMind(seq, arrival);
          last = seq;
          return { kind: 'stored', seq };
        }
        waiting += fileAll();
        anyFiled = true;
        const receipt = filing.file(arrival, { seq, written: false });
        if (receipt.kind !== 'duplicate' && receipt.seq === seq) last = seq;
        if (receipt.kind === 'stored' && !arrival.verdict) waiting += 1;
        return receipt;
      };
      const receipts = changing(() => {
        const all = arrivals.map(take);
        if (unfiled.length >= TOGETHER.messages || size >= TOGETHER.bytes) {
          waiting += fileAll();
          anyFiled = true;
        }
        if (anyFiled) filing.write();
        return all;
      });
      filed += waiting;
      return receipts;
    },
    file,
    get unfiled() {
      return unfiled.length;
    },
    get filed() {
      return filed;
    },
    sequences: () => filing.sequences(),
  };
}

function nameOf({ source, sender, controlId }: Arrival): string {
  return `${source}\n${sender}\n${controlId}`;
}

/** What of an arrival is not its bytes, as it is kept until it is filed. */
function headOf({ source, sender, controlId, type, at, sequence }: Arrival): string {
  return JSON.stringify([source, sender, controlId, type, at, sequence ?? null]);
}

function arrivalOf(head: string, bytes: Uint8Array): Arrival {
  const [source, sender, controlId, type, at, sequence] = JSON.parse(head) as [
    string,
    string,
    string,
    string,
    number,
    number | null,
  ];
  return { source, sender, controlId, type, at, bytes, ...(sequence === null ? {} : { sequence }) };
}
