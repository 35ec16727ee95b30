import type { FollowerStore, TopicEvent } from '../../follower-ports.ts';
import type { Clock, Logger } from '../../ports.ts';
import { nextTry, setbackOf } from '../verdict.ts';
import type { BackOff } from '../verdict.ts';
import { createWorkQueue } from '../work-queue.ts';
import type { Topic } from './topic.ts';

/** One who is told of a topic. */
export interface Subscriber {
  readonly name: string;
  readonly topic: Topic;
  /** Tells one event; resolves when the receiver has taken it, rejects with what may be said of why it has not. */
  readonly tell: (event: TopicEvent, signal: AbortSignal) => Promise<void>;
}

export interface NotifierOptions extends BackOff {
  readonly subscribers: readonly Subscriber[];
  readonly store: Pick<FollowerStore, 'cursor' | 'advance' | 'events' | 'last'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 to 1, exclusive; for the jitter (default Math.random). */
  readonly random?: () => number;
}

/** How far a subscriber is. */
export interface SubscriberStatus {
  readonly name: string;
  readonly topic: Topic;
  /** Number of the last event that was taken, and of the last that there is. */
  readonly told: number;
  readonly last: number;
  /** Why the next one was not taken, and since when, in epoch milliseconds. */
  readonly trouble?: { readonly words: string; readonly since: number };
}

/** Tells subscribers what happened. */
export interface Notifier {
  /** There may be something new. */
  wake(): void;
  /** What is under way may end. */
  stop(): Promise<void>;
  status(): readonly SubscriberStatus[];
}

/** Subscribers told at once. */
const AT_ONCE = 8;
const STOP_MS = 2_000;

/**
 * Tells every subscriber every event, at least once, in order, one at a time: the next only when this one was taken. A
 * receiver that is down is tried again for as long as it takes; the topic keeps everything.
 */
export function createNotifier(options: NotifierOptions): Notifier {
  const { store, clock, log, random = Math.random } = options;
  const subscribers = new Map(options.subscribers.map((one) => [one.name, one]));
  const troubles = new Map<
    string,
    { readonly failures: number; readonly words: string; readonly since: number }
  >();
  const stopping = new AbortController();
  const queue = createWorkQueue({ clock, concurrency: AT_ONCE, work });

  const followerOf = ({ name, topic }: Subscriber): string => `subscriber ${name} ${topic}`;

  async function work(name: string): Promise<void> {
    const one = subscribers.get(name);
    if (!one || stopping.signal.aborted) return;
    try {
      const [event] = store.events(one.topic, store.cursor(followerOf(one)), 1);
      if (!event) return;
      await one.tell(event, stopping.signal);
      store.advance(followerOf(one), event.number);
      if (troubles.delete(name)) log.info('a subscriber takes events again', { to: name });
      queue.offer(name, clock.now());
    } catch (error) {
      if (stopping.signal.aborted) return;
      const { words } = setbackOf(error);
      const before = troubles.get(name);
      const failures = (before?.failures ?? 0) + 1;
      troubles.set(name, { failures, words, since: before?.since ?? clock.now() });
      log.warn('a subscriber did not take an event', { to: name, attempt: failures, reason: words });
      queue.offer(name, nextTry(options, failures, clock, random));
    }
  }

  return {
    wake() {
      // One that is down waits for its next try.
      for (const name of subscribers.keys()) if (!troubles.has(name)) queue.offer(name, clock.now());
    },
    async stop() {
      const cancel = clock.after(STOP_MS, () => stopping.abort());
      await queue.stop();
      cancel();
      stopping.abort();
    },
    status: () =>
      [...subscribers.values()].map((one) => {
        const trouble = troubles.get(one.name);
        return {
          name: one.name,
          topic: one.topic,
          told: store.cursor(followerOf(one)),
          last: store.last(one.topic),
          ...(trouble ? { trouble: { words: trouble.words, since: trouble.since } } : {}),
        };
      }),
  };
}
