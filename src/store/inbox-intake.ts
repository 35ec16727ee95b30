import { systemClock } from '../clock.ts';
import { FicusError } from '../errors.ts';
import type { Arrival, InboxIntake, Receipt } from '../feed-ports.ts';
import type { Clock } from '../ports.ts';
import { PATIENCE } from '../resilience/beats.ts';
import type { Patience } from '../resilience/beats.ts';
import { openCommitter } from './inbox-committer-opening.ts';
import type { CommitterOptions } from './inbox-committer-opening.ts';
import { createFilingTime } from './inbox-filing-time.ts';
import { openJournaling } from './inbox-journaling.ts';
import { packArrivals, receiptAt } from './inbox-wire.ts';
import type { FromCommitter } from './inbox-wire.ts';

export interface IntakeOptions extends Pick<CommitterOptions, 'file' | 'owners' | 'entry'> {
  /** Most arrivals and bytes that are made safe together; defaults 512 and 8 MiB. */
  readonly batch?: { readonly messages: number; readonly bytes: number };
  /** Bytes that may wait for the disk before `receive` refuses; default 256 MiB. Whoever reads sockets stops long before, by `pending`. */
  readonly most?: number;
  /** Called when there are more messages to process, which is some milliseconds after they are safe: wakes the processor. */
  readonly onStored?: () => void;
  /** Called once when the committer is gone and nothing can be made safe any more. */
  readonly onFailure?: (error: unknown) => void;
  /** When a committer that does not answer counts as hung: then it is ended. */
  readonly watch?: Patience;
  readonly clock?: Clock;
}

interface Asked {
  readonly arrival: Arrival;
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: unknown) => void;
}

/** Milliseconds without an arrival after which the journal is emptied. */
const REST_AFTER = 1_000;

/**
 * Opens the front of the inbox. Arrivals of one turn of the event loop travel together, and whatever comes while the disk syncs is in the next group. What is
 * plainly new becomes safe in the journal, which is written from here: by the pool of threads, or, when one comes alone and the disk is quick, by this thread, which is to serve
 * nothing that must not wait for it. The rest becomes safe in the thread that files.
 *
 * @throws Error when the file cannot be opened, or the committer hangs
 */
export async function openInboxIntake(options: IntakeOptions): Promise<InboxIntake> {
  const { file, batch = { messages: 512, bytes: 8 << 20 }, most = 256 << 20 } = options;
  const { clock = systemClock, watch = PATIENCE } = options;
  const committer = await openCommitter({ ...options, watch, clock });
  const { tell, opened } = committer;
  const journal = await orEnd(committer.end, () =>
    openJournaling(file, opened.beginning, (region) => tell({ kind: 'file', region, synced: true })),
  );
  const filing = createFilingTime(journal.untold, () =>
    tell({ kind: 'file', region: journal.toFile(), synced: false }),
  );
  const sequences = new Map(
    opened.sequences.map(({ source, sender, sequence }) => [`${source}\n${sender}`, sequence]),
  );
  const pending = { messages: 0, bytes: 0 };
  let queue: Asked[] = [];
  /** What is on its way to the disk; one group at a time. */
  let group: readonly Asked[] | undefined;
  let scheduled = false;
  let resting: NodeJS.Timeout | undefined;
  /** Whether something came since the last look. */
  let busy = false;
  let gone: unknown;
  let closing = false;
  let idle: (() => void) | undefined;
  /** Whether a group is on its way into the journal; told when it is not any more. */
  let writing = false;
  let written: (() => void) | undefined;

  function next(): void {
    scheduled = false;
    if (group !== undefined || gone !== undefined) return;
    if (queue.length === 0) {
      idle?.();
      return;
    }
    const asked = take();
    group = asked;
    busy = true;
    const arrivals = asked.map(({ arrival }) => arrival);
    writing = true;
    if (!journal.write(arrivals, journaled)) {
      writing = false;
      const size = arrivals.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
      tell({ kind: 'commit', region: journal.toFile(), arrivals: packArrivals(arrivals, size) });
    }
  }

  /** The next group. */
  function take(): readonly Asked[] {
    let count = 0;
    let size = 0;
    while (count < queue.length && count < batch.messages && size < batch.bytes)
      size += queue[count++]!.arrival.bytes.byteLength;
    if (count === queue.length) {
      const all = queue;
      queue = [];
      return all;
    }
    return queue.splice(0, count);
  }

  function journaled(first: number, error?: Error): void {
    writing = false;
    written?.();
    if (gone !== undefined) return;
    if (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException;
      refuse(ended(), code);
      // Some of it may be there.
      resting ??= setTimeout(restIfQuiet, REST_AFTER);
    } else {
      for (const [nth, asked] of ended().entries()) settle(asked, { kind: 'stored', seq: first + nth });
      filing.more();
    }
    // One alone may be waited for: not before these have been told.
    if (queue.length === 1) soon();
    else next();
  }

  /** The next group, when what is in hand has been done. */
  function soon(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(next);
  }

  /** Bytes of messages are to be in the journal no longer than it needs. */
  function restIfQuiet(): void {
    resting = undefined;
    if (busy || group !== undefined) {
      busy = false;
      resting = setTimeout(restIfQuiet, REST_AFTER);
    } else rest();
  }

  function rest(): void {
    if (journal.used().length === 0) return;
    group = [];
    tell({ kind: 'rest', region: journal.toFile(), used: journal.used() });
  }

  function ended(): readonly Asked[] {
    const asked = group!;
    group = undefined;
    return asked;
  }

  function settle({ arrival, resolve }: Asked, receipt: Receipt): void {
    const { source, sender, sequence, verdict } = arrival;
    if (receipt.kind === 'stored' && !verdict && sequence !== undefined)
      sequences.set(`${source}\n${sender}`, sequence);
    pending.messages -= 1;
    pending.bytes -= arrival.bytes.byteLength;
    resolve(receipt);
  }

  function refuse(asked: readonly Asked[], why: string, cause?: unknown): void {
    const error = new FicusError('unavailable', `The message could not be made safe: ${why}.`, { cause });
    for (const { arrival, reject } of asked) {
      pending.messages -= 1;
      pending.bytes -= arrival.bytes.byteLength;
      reject(error);
    }
  }

  function hear(word: FromCommitter): void {
    if (word.kind === 'filed') journal.filed();
    if (word.kind === 'safe') {
      journal.begin(word.beginning, false);
      for (const [nth, asked] of ended().entries()) settle(asked, receiptAt(word.receipts, nth));
    }
    if (word.kind === 'rested') {
      journal.begin(word.beginning, word.erased);
      ended();
    }
    if (word.kind === 'failed') refuse(ended(), word.code);
    if ('stored' in word && word.stored) options.onStored?.();
    if (journal.used().length > 0) resting ??= setTimeout(restIfQuiet, REST_AFTER);
    next();
  }

  function fail(error: unknown): void {
    if (closing || gone !== undefined) return;
    gone = error;
    refuse([...(group ?? []), ...queue.splice(0)], 'the committer is gone', error);
    idle?.();
    options.onFailure?.(error);
  }

  const exited = committer.listen({ word: hear, gone: fail });

  return {
    pending,
    get journal() {
      return journal.standing;
    },
    receive(arrival) {
      const size = arrival.bytes.byteLength;
      if (gone !== undefined || closing || pending.bytes + size > most) {
        const why =
          gone !== undefined
            ? 'the committer is gone'
            : closing
              ? 'the inbox is closing'
              : 'too many wait for the disk';
        return Promise.reject(new FicusError('unavailable', `The message could not be made safe: ${why}.`));
      }
      pending.messages += 1;
      pending.bytes += size;
      return new Promise((resolve, reject) => {
        queue.push({ arrival, resolve, reject });
        if (group === undefined) soon();
      });
    },
    lastSequence: async (source, sender) => sequences.get(`${source}\n${sender}`),
    async close() {
      if (!closing && gone === undefined) {
        closing = true;
        await Promise.race([quiet(), exited]);
        rest();
        await Promise.race([quiet(), exited]);
        tell({ kind: 'close' });
      }
      filing.cancel();
      clearTimeout(resting);
      await exited;
      if (writing) await new Promise<void>((resolve) => (written = resolve));
      journal.close();
    },
  };

  /** Until nothing waits and nothing is on its way. */
  function quiet(): Promise<void> {
    return new Promise((resolve) => {
      idle = resolve;
      next();
    });
  }
}

/** Without the journal the thread is not needed either. */
async function orEnd<T>(end: () => Promise<unknown>, open: () => T): Promise<T> {
  try {
    return open();
  } catch (error) {
    await end();
    throw error;
  }
}
