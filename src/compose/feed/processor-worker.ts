import { Worker } from 'node:worker_threads';
import { createInHand, createSuspicion } from '../../events/feed/in-hand.ts';
import type { AfterDeath } from '../../events/feed/in-hand.ts';
import { connectProcessor } from '../../events/feed/processor-client.ts';
import type { FeedProcessor, ProcessorClient } from '../../events/feed/processor-client.ts';
import type { FromProcessor } from '../../events/feed/thread-messages.ts';
import type { MessageOutcome } from '../../feed-ports.ts';
import type { Clock, Logger } from '../../ports.ts';
import { watchBeats } from '../../resilience/beats.ts';
import type { Patience } from '../../resilience/beats.ts';
import { createComeback } from '../../resilience/comeback.ts';
import type { Pause } from '../../resilience/comeback.ts';
import type { ProcessorData } from './processor-thread.ts';

export interface ProcessorWorkerOptions {
  readonly data: Omit<ProcessorData, 'inHand' | 'after'>;
  /** Told how messages ended, after that was recorded. */
  readonly onSettled: (outcomes: readonly MessageOutcome[]) => void;
  /** It is there again: how messages ended may have been recorded, and not told. */
  readonly onReturn: () => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** Before the thread is started again (defaults 100 ms to 30 s). */
  readonly pause?: Pause;
  /** When a message counts as one that the thread hangs over. */
  readonly watch?: Omit<Patience, 'opening'>;
  /** Entry of the thread; default: the one beside this file. */
  readonly entry?: URL;
}

/** A message of the longest that is taken is read in less. */
const WATCH = { everyMs: 1_000, looks: 120 };
const ENDED = 'it ended by an error, and is started again; messages are still taken, and wait';
const HANGS = 'it hangs, and is ended; messages are still taken, and wait';

/**
 * Starts the thread that processes the feed. When it ends by itself, or does not get on with a message, it is started
 * again, with the releases of mappings that it had; nothing is repeated or left out by it. The message that ends it
 * three times is parked.
 */
export function startProcessor(options: ProcessorWorkerOptions): FeedProcessor {
  const { data, onSettled, onReturn, clock, log, pause, watch = WATCH } = options;
  const entry = options.entry ?? new URL('./processor-thread.ts', import.meta.url);
  const suspicion = createSuspicion();
  let { releases } = data;
  let after: AfterDeath | undefined;
  let trouble: string | undefined;
  let stopping = false;
  let client!: ProcessorClient;

  /** Resolves when the thread has opened its files. @throws what ended it before */
  function begin(): Promise<void> {
    const inHand = createInHand();
    const worker = new Worker(entry, {
      workerData: { ...data, releases, inHand, ...(after ? { after } : {}) },
    });
    const begun = connectProcessor(worker, onSettled);
    client = begun;
    let cause: unknown = new Error('the thread ended');
    let ended = false;
    let unwatch = (): void => {};
    const opened = new Promise<void>((resolve, reject) => {
      worker.on('message', ({ kind }: FromProcessor) => {
        if (kind !== 'open') return;
        const excused = (): boolean => Atomics.load(inHand.asked, 0) === 1;
        unwatch = watchBeats(inHand.beats, { ...watch, clock, excused }, () => {
          trouble = HANGS;
          log.error('the processor of the feed hangs, and is ended');
          cause = new Error('the thread hangs');
          void worker.terminate();
        });
        resolve();
      });
      worker.on('error', (error) => (cause = error));
      worker.on('exit', () => {
        ended = true;
        unwatch();
        begun.lost('it has ended');
        lose(cause, Number(Atomics.load(inHand.seq, 0)));
        reject(cause);
      });
    });
    // While this thread is busy that one may open and end: then both are told in one turn, and it is not there.
    const there = opened.then(() => {
      if (ended) throw cause;
    });
    // Who waits for it is told; nobody may.
    there.catch(() => {});
    return there;
  }

  function lose(error: unknown, seq: number): void {
    if (stopping) return;
    after = suspicion(seq);
    if (after.park !== undefined) log.error('a message ends the processor of the feed, and is parked');
    trouble ??= ENDED;
    if (comeback.away) return;
    log.error('the processor of the feed ended, and is started again', { error });
    comeback.lost();
  }

  void begin();
  const comeback = createComeback({
    clock,
    ...(pause ? { pause } : {}),
    begin,
    onFailure: (error) => log.error('the processor of the feed could not be started again', { error }),
    onReturn: () => {
      trouble = undefined;
      log.info('the processor of the feed goes on');
      onReturn();
    },
  });

  return {
    wake: () => client.wake(),
    rehearse: (...asked) => client.rehearse(...asked),
    coverage: (...asked) => client.coverage(...asked),
    explain: (seq) => client.explain(seq),
    check: (...asked) => client.check(...asked),
    replay: (selection) => client.replay(selection),
    audit: () => client.audit(),
    use(others) {
      // They are kept already: a thread that is away begins with them.
      releases = others;
      return client.use(others);
    },
    get trouble() {
      return trouble ?? client.trouble;
    },
    async stop() {
      stopping = true;
      await comeback.end();
      await client.stop();
    },
  };
}
