import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../clock.ts';
import { FicusError } from '../errors.ts';
import type { Arrival, InboxIntake, Receipt } from '../feed-ports.ts';
import type { Clock } from '../ports.ts';
import { PATIENCE, createBeats, watchBeats } from '../resilience/beats.ts';
import type { Patience } from '../resilience/beats.ts';
import type { CommitterData } from './inbox-committer-thread.ts';
import { openJournaling } from './inbox-journaling.ts';
import { packArrivals, receiptAt } from './inbox-wire.ts';
import type { FromCommitter, ToCommitter } from './inbox-wire.ts';

export interface IntakeOptions {
  /** Path of the inbox. */
  readonly file: string;
  /** Owner of each interface by its name. */
  readonly owners: Readonly<Record<string, string>>;
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
  /** Entry of the committer's thread; default: the one beside this file. */
  readonly entry?: URL;
}

interface Asked {
  readonly arrival: Arrival;
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * How long what is safe waits for more to be filed together with it: until none has come for so many milliseconds, or so many times that, or for so many messages or
 * bytes. What comes alone is filed soon, and of a stream many at once.
 */
const FILE_AFTER = { quietMs: 10, looks: 5, messages: 1_000, bytes: 1 << 20 };
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
  const { file, owners, batch = { messages: 512, bytes: 8 << 20 }, most = 256 << 20 } = options;
  const { clock = systemClock, watch = PATIENCE } = options;
  const entry = options.entry ?? new URL('./inbox-committer-thread.ts', import.meta.url);
  const beats = createBeats();
  const data: CommitterData = { file, owners, beats };
  const worker = new Worker(entry, { workerData: data });
  const { everyMs, opening } = watch;
  const endOpening = watchBeats(beats, { everyMs, looks: opening, clock }, () => void worker.terminate());
  const opened = await firstWord(worker).finally(endOpening);
  if (opened.kind !== 'open') throw new Error('the committer did not open the inbox');
  const journal = await openJournal(worker, () =>
    openJournaling(file, opened.beginning, (region) => tell({ kind: 'file', region, synced: true })),
  );

  const sequences = new Map(
    opened.sequences.map(({ source, sender, sequence }) => [`${source}\n${sender}`, sequence]),
  );
  const pending = { messages: 0, bytes: 0 };
  let queue: Asked[] = [];
  /** What is on its way to the disk; one group at a time. */
  let group: readonly Asked[] | undefined;
  let scheduled = false;
  let filing: NodeJS.Timeout | undefined;
  let resting: NodeJS.Timeout | undefined;
  /** Whether something came since the last look. */
  let busy = false;
  let gone: unknown;
  let closing = false;
  let idle: (() => void) | undefined;
  /** Whether a group is on its way into the journal; told when it is not any more. */
  let writing = false;
  let written: (() => void) | undefined;

  function tell(message: ToCommitter): void {
    worker.postMessage(
      message,
      message.kind === 'commit' ? [message.arrivals.bytes.buffer as ArrayBuffer] : [],
    );
  }

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
      fileSoon();
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

  function fileSoon(): void {
    const { messages, bytes } = journal.untold;
    if (messages >= FILE_AFTER.messages || bytes >= FILE_AFTER.bytes) setImmediate(fileNow);
    else filing ??= setTimeout(fileWhenQuiet, FILE_AFTER.quietMs, messages, 1);
  }

  /** @param before messages at the last look @param looks so many, with this one */
  function fileWhenQuiet(before: number, looks: number): void {
    const { messages } = journal.untold;
    if (messages === before || looks === FILE_AFTER.looks) fileNow();
    else filing = setTimeout(fileWhenQuiet, FILE_AFTER.quietMs, messages, looks + 1);
  }

  function fileNow(): void {
    clearTimeout(filing);
    filing = undefined;
    if (journal.untold.messages > 0) tell({ kind: 'file', region: journal.toFile(), synced: false });
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

  worker.on('message', (message: FromCommitter) => {
    if (message.kind === 'filed') journal.filed();
    if (message.kind === 'safe') {
      journal.begin(message.beginning, false);
      for (const [nth, asked] of ended().entries()) settle(asked, receiptAt(message.receipts, nth));
    }
    if (message.kind === 'rested') {
      journal.begin(message.beginning, message.erased);
      ended();
    }
    if (message.kind === 'failed') refuse(ended(), message.code);
    if ('stored' in message && message.stored) options.onStored?.();
    if (journal.used().length > 0) resting ??= setTimeout(restIfQuiet, REST_AFTER);
    next();
  });
  const fail = (error: unknown): void => {
    if (closing || gone !== undefined) return;
    gone = error;
    refuse([...(group ?? []), ...queue.splice(0)], 'the committer is gone', error);
    idle?.();
    options.onFailure?.(error);
  };
  worker.on('error', fail);
  const unwatch = watchBeats(beats, { ...watch, clock }, () => {
    fail(new Error('the committer hangs'));
    void worker.terminate();
  });
  const exited = once(worker, 'exit').then(() => {
    unwatch();
    fail(new Error('the committer ended'));
  });

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
      clearTimeout(filing);
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

/** @throws what ended the thread before it said that it is open */
async function firstWord(worker: Worker): Promise<FromCommitter> {
  const opening = new AbortController();
  const { signal } = opening;
  const ended = once(worker, 'exit', { signal }).then((): never => {
    throw new Error('the committer ended before it was open');
  });
  try {
    const [word] = (await Promise.race([once(worker, 'message', { signal }), ended])) as [FromCommitter];
    return word;
  } finally {
    ended.catch(() => {});
    opening.abort();
  }
}

/** Without the journal the thread is not needed either. */
async function openJournal<T>(worker: Worker, open: () => T): Promise<T> {
  try {
    return open();
  } catch (error) {
    await worker.terminate();
    throw error;
  }
}
