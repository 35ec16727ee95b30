import type { AnswerStore } from '../../../answer-ports.ts';
import type { Clock, Logger } from '../../../ports.ts';
import { nextTry, setbackOf } from '../../verdict.ts';
import type { BackOff } from '../../verdict.ts';
import { createWorkQueue } from '../../work-queue.ts';

export interface DeliveryOptions extends BackOff {
  /** Name of the interface. */
  readonly source: string;
  readonly store: Pick<AnswerStore, 'next' | 'told' | 'setBack' | 'bury' | 'buryOlder'>;
  /**
   * Sends an answer to the reply address, and resolves with the MSA-1 that came back. Rejects with a FicusError:
   * `unavailable` where it was not sent, another one where it may have been.
   */
  readonly send: (payload: Uint8Array) => Promise<string>;
  /** Who decides about what is refused, or given up. */
  readonly owner: string;
  /** How often one is sent without being acknowledged before it is given up. */
  readonly attempts: number;
  /** Longest that one is owed before it is given up, in milliseconds. */
  readonly giveUpMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 to 1, exclusive; for the jitter (default Math.random). */
  readonly random?: () => number;
}

/** Brings the answers of one interface to where its senders listen for them. */
export interface Delivery {
  /** There may be something to send. */
  wake(): void;
  /** Why the next one was not taken, and since when, in epoch milliseconds; undefined while all goes well. */
  readonly trouble: { readonly words: string; readonly since: number } | undefined;
  /** What is under way may end. */
  stop(): Promise<void>;
}

const STOP_MS = 2_000;
/** Given up before others get their turn. */
const AT_ONCE = 500;

/**
 * Sends what is owed, one after another in the order of receipt, each at least once and always the same bytes. While
 * the address cannot be reached all of them wait, and nothing is given up before its time; one that is refused, or
 * never acknowledged, makes way for the next.
 */
export function createDelivery(options: DeliveryOptions): Delivery {
  const { source, store, send, owner, attempts, giveUpMs, clock, log, random = Math.random } = options;
  let trouble: Delivery['trouble'];
  let failures = 0;
  let stopped = false;
  const queue = createWorkQueue({ clock, concurrency: 1, work });

  async function work(): Promise<void> {
    try {
      const before = clock.now() - giveUpMs;
      const late = store.buryOlder(source, before, 'it could not be delivered in time', owner, AT_ONCE);
      if (late > 0) log.error('application acknowledgements were given up', { backend: source, count: late });
      const next = store.next(source);
      if (!next) {
        recovered();
        return;
      }
      if (late < AT_ONCE) await sendOne(next.seq, next.payload);
      if (!stopped) queue.offer(source, failures === 0 ? clock.now() : retryAt());
    } catch (error) {
      setBack(error);
    }
  }

  async function sendOne(seq: number, payload: Uint8Array): Promise<void> {
    let code: string;
    try {
      code = await send(payload);
    } catch (error) {
      if (stopped) return;
      fail(error);
      const { kind, words } = setbackOf(error);
      if (kind !== 'outage' && store.setBack(seq, words) >= attempts) giveUp(seq, words);
      return;
    }
    if (stopped) return;
    recovered();
    if (code === 'CA' || code === 'AA') store.told(seq);
    else giveUp(seq, `it was refused with ${/^[AC][ER]$/.test(code) ? code : 'something else'}`);
  }

  function giveUp(seq: number, words: string): void {
    store.bury(seq, words, owner);
    log.error('an application acknowledgement was given up', { backend: source, reason: words, count: seq });
  }

  function fail(error: unknown): void {
    const { words } = setbackOf(error);
    failures += 1;
    trouble = { words, since: trouble?.since ?? clock.now() };
    log.warn('an application acknowledgement was not taken', {
      backend: source,
      attempt: failures,
      reason: words,
    });
  }

  function recovered(): void {
    if (trouble) log.info('application acknowledgements are taken again', { backend: source });
    failures = 0;
    trouble = undefined;
  }

  function retryAt(): number {
    return nextTry(options, failures, clock, random);
  }

  /** The store itself fails. */
  function setBack(error: unknown): void {
    if (stopped) return;
    fail(error);
    queue.offer(source, retryAt());
  }

  return {
    // One that waits for its next try goes on waiting.
    wake: () => {
      if (!trouble) queue.offer(source, clock.now());
    },
    get trouble() {
      return trouble;
    },
    async stop() {
      stopped = true;
      let cancel = (): void => {};
      const longest = new Promise<void>((resolve) => (cancel = clock.after(STOP_MS, resolve)));
      await Promise.race([queue.stop(), longest]);
      cancel();
    },
  };
}
