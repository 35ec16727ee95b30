import type { Clock, Logger } from '../ports.ts';
import { nextTry, setbackOf } from './verdict.ts';
import type { BackOff } from './verdict.ts';
import { createWorkQueue } from './work-queue.ts';

export interface ForwarderOptions<Item> extends BackOff {
  /** Who is forwarded to, in the log. */
  readonly name: string;
  /** Where it stands: the number of the last item that was taken. */
  readonly cursor: () => number;
  readonly advance: (to: number) => void;
  /** Items after a number, in order; as many as go together. */
  readonly after: (number: number) => readonly Item[];
  readonly numberOf: (item: Item) => number;
  /**
   * Sends items together. Resolves with how many of them, from the first on, were taken; rejects with what may be said
   * of why none was.
   */
  readonly send: (items: readonly Item[], signal: AbortSignal) => Promise<number>;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 to 1, exclusive; for the jitter (default Math.random). */
  readonly random?: () => number;
}

/** Brings everything to one place, at least once, in order: the next items go only when these were taken. */
export interface Forwarder {
  /** There may be something new. */
  wake(): void;
  /** What is under way may end. */
  stop(): Promise<void>;
  /** Why nothing is taken, and since when, in epoch milliseconds; undefined while it is. */
  trouble(): { readonly words: string; readonly since: number } | undefined;
}

const STOP_MS = 2_000;
const LANE = 'all';

export function createForwarder<Item>(options: ForwarderOptions<Item>): Forwarder {
  const { name, clock, log, random = Math.random } = options;
  const stopping = new AbortController();
  const queue = createWorkQueue({ clock, concurrency: 1, work });
  let trouble: { readonly words: string; readonly since: number } | undefined;
  let failures = 0;

  async function work(): Promise<void> {
    if (stopping.signal.aborted) return;
    try {
      const items = options.after(options.cursor());
      if (items.length === 0) return;
      const taken = await options.send(items, stopping.signal);
      const last = items[taken - 1];
      if (last !== undefined) options.advance(options.numberOf(last));
      if (taken < items.length) throw new Error('not all of what was sent was taken');
      if (trouble) log.info('what is forwarded is taken again', { to: name });
      trouble = undefined;
      failures = 0;
      queue.offer(LANE, clock.now());
    } catch (error) {
      if (stopping.signal.aborted) return;
      setBack(error);
    }
  }

  function setBack(error: unknown): void {
    const { words } = setbackOf(error);
    failures += 1;
    trouble = { words, since: trouble?.since ?? clock.now() };
    log.warn('what is forwarded was not taken', { to: name, attempt: failures, reason: words });
    queue.offer(LANE, nextTry(options, failures, clock, random));
  }

  return {
    wake() {
      // One that is down waits for its next try.
      if (!trouble) queue.offer(LANE, clock.now());
    },
    async stop() {
      const cancel = clock.after(STOP_MS, () => stopping.abort());
      await queue.stop();
      cancel();
      stopping.abort();
    },
    trouble: () => trouble,
  };
}
