import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../ports.ts';
import { createBeats, watchBeats } from '../resilience/beats.ts';
import type { Patience } from '../resilience/beats.ts';
import type { CommitterData } from './inbox-committer-thread.ts';
import type { FromCommitter, ToCommitter } from './inbox-wire.ts';

export interface CommitterOptions {
  /** Path of the inbox. */
  readonly file: string;
  /** Owner of each interface by its name. */
  readonly owners: Readonly<Record<string, string>>;
  readonly watch: Patience;
  readonly clock: Clock;
  /** Entry of its thread; default: the one beside this file. */
  readonly entry?: URL;
}

/** The committer in its thread, which has opened the inbox. */
export interface OpenCommitter {
  /** The first that it said: where the journal begins, and what was stored last of each sender that counts. */
  readonly opened: Extract<FromCommitter, { readonly kind: 'open' }>;
  readonly tell: (message: ToCommitter) => void;
  /**
   * Watches it from now on.
   *
   * @param heard.word called for each thing that it says
   * @param heard.gone called when it is gone, with why; maybe more than once, and also when it was told to close
   * @returns resolves when its thread has ended
   */
  listen(heard: {
    readonly word: (word: FromCommitter) => void;
    readonly gone: (error: unknown) => void;
  }): Promise<void>;
  readonly end: () => Promise<unknown>;
}

/**
 * Starts the thread of the committer and waits until it has opened the inbox. It is ended when it hangs, before that and
 * after.
 *
 * @throws Error when it cannot open the inbox, or hangs
 */
export async function openCommitter(options: CommitterOptions): Promise<OpenCommitter> {
  const { file, owners, watch, clock } = options;
  const beats = createBeats();
  const data: CommitterData = { file, owners, beats };
  const entry = options.entry ?? new URL('./inbox-committer-thread.ts', import.meta.url);
  const worker = new Worker(entry, { workerData: data });
  let isOver = false;
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      isOver = true;
      resolve();
    });
  });
  const opening = { everyMs: watch.everyMs, looks: watch.opening, clock };
  const endOpening = watchBeats(beats, opening, () => void worker.terminate());
  const opened = await firstWord(worker).finally(endOpening);
  if (opened.kind !== 'open') throw new Error('the committer did not open the inbox');
  // While this thread is busy, that one may open it and end: then both are told in one turn.
  if (isOver) throw new Error('the committer ended when it had opened the inbox');
  return {
    opened,
    tell(message) {
      const moved = message.kind === 'commit' ? [message.arrivals.bytes.buffer as ArrayBuffer] : [];
      worker.postMessage(message, moved);
    },
    listen({ word, gone }) {
      worker.on('message', word);
      worker.on('error', gone);
      const unwatch = watchBeats(beats, { ...watch, clock }, () => {
        gone(new Error('the committer hangs'));
        void worker.terminate();
      });
      return ended.then(() => {
        unwatch();
        gone(new Error('the committer ended'));
      });
    },
    end: () => worker.terminate(),
  };
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
