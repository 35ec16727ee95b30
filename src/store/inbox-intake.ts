import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { FicusError } from '../errors.ts';
import type { Arrival, InboxIntake, Receipt } from '../feed-ports.ts';
import type { CommitterData } from './inbox-committer-thread.ts';
import { packArrivals, receiptAt } from './inbox-wire.ts';
import type { FromCommitter, ToCommitter } from './inbox-wire.ts';

export interface IntakeOptions {
  /** Path of the inbox. */
  readonly file: string;
  /** Owner of each interface by its name. */
  readonly owners: Readonly<Record<string, string>>;
  /** Most arrivals and bytes of one transaction; defaults 512 and 8 MiB. */
  readonly batch?: { readonly messages: number; readonly bytes: number };
  /** Bytes that may wait for the disk before `receive` refuses; default 256 MiB. Whoever reads sockets stops long before, by `pending`. */
  readonly most?: number;
  /** Called when there are more messages to process, which is a few milliseconds after they are safe: wakes the processor. */
  readonly onStored?: () => void;
  /** Called once when the committer is gone and nothing can be made safe any more. */
  readonly onFailure?: (error: unknown) => void;
}

interface Asked {
  readonly arrival: Arrival;
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Opens the front of the inbox: a thread that commits in groups. Arrivals of one turn of the event loop travel together; whatever came during one
 * sync of the disk is in the next one.
 *
 * @throws Error when the file cannot be opened
 */
export async function openInboxIntake(options: IntakeOptions): Promise<InboxIntake> {
  const { file, owners, batch = { messages: 512, bytes: 8 << 20 }, most = 256 << 20 } = options;
  const data: CommitterData = { file, owners, batch };
  const worker = new Worker(new URL('./inbox-committer-thread.ts', import.meta.url), { workerData: data });
  const [opened] = (await once(worker, 'message')) as [FromCommitter];
  if (opened.kind !== 'open') throw new Error('the committer did not open the inbox');

  const sequences = new Map(
    opened.sequences.map(({ source, sender, sequence }) => [`${source}\n${sender}`, sequence]),
  );
  const sent: Asked[] = [];
  let queue: Asked[] = [];
  let queued = 0;
  let scheduled = false;
  const pending = { messages: 0, bytes: 0 };
  let gone: unknown;
  let closing = false;
  let idle: (() => void) | undefined;

  function tell(message: ToCommitter): void {
    worker.postMessage(message, message === 'close' ? [] : [message.bytes.buffer as ArrayBuffer]);
  }

  function flush(): void {
    scheduled = false;
    if (queue.length === 0) return;
    const asked = queue;
    tell(
      packArrivals(
        asked.map(({ arrival }) => arrival),
        queued,
      ),
    );
    queue = [];
    queued = 0;
    for (const one of asked) sent.push(one);
  }

  function settled({ arrival }: Asked): void {
    pending.messages -= 1;
    pending.bytes -= arrival.bytes.byteLength;
  }

  function safe(receipts: Float64Array): void {
    const count = receipts.length / 3;
    for (const [nth, asked] of sent.splice(0, count).entries()) {
      const receipt = receiptAt(receipts, nth);
      const { source, sender, sequence, verdict } = asked.arrival;
      if (receipt.kind === 'stored' && !verdict && sequence !== undefined)
        sequences.set(`${source}\n${sender}`, sequence);
      settled(asked);
      asked.resolve(receipt);
    }
  }

  function refuse(asked: readonly Asked[], why: string, cause?: unknown): void {
    const error = new FicusError('unavailable', `The message could not be made safe: ${why}.`, { cause });
    for (const one of asked) {
      settled(one);
      one.reject(error);
    }
  }

  worker.on('message', (message: FromCommitter) => {
    if (message.kind === 'safe') safe(message.receipts);
    if (message.kind === 'filed' || (message.kind === 'safe' && message.filed)) options.onStored?.();
    if (message.kind === 'failed') refuse(sent.splice(0, message.count), message.code);
    if (pending.messages === 0) idle?.();
  });
  const fail = (error: unknown): void => {
    if (closing || gone !== undefined) return;
    gone = error;
    refuse([...sent.splice(0), ...queue.splice(0)], 'the committer is gone', error);
    queued = 0;
    idle?.();
    options.onFailure?.(error);
  };
  worker.on('error', fail);
  const exited = once(worker, 'exit').then(() => fail(new Error('the committer ended')));

  return {
    pending,
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
      queued += size;
      return new Promise((resolve, reject) => {
        queue.push({ arrival, resolve, reject });
        if (queue.length >= batch.messages || queued >= batch.bytes) flush();
        else if (!scheduled) {
          scheduled = true;
          setImmediate(flush);
        }
      });
    },
    lastSequence: async (source, sender) => sequences.get(`${source}\n${sender}`),
    async close() {
      if (!closing && gone === undefined) {
        closing = true;
        flush();
        if (pending.messages > 0) await new Promise<void>((resolve) => (idle = resolve));
        tell('close');
      }
      await exited;
    },
  };
}
