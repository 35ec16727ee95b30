import type { AnswerStore, PromisedAnswer } from '../../../answer-ports.ts';
import type { InboxLedger, MessageRecord } from '../../../feed-ports.ts';
import type { Clock, Logger } from '../../../ports.ts';
import { createDelivery } from './delivery.ts';
import type { Delivery, DeliveryOptions } from './delivery.ts';

export interface AnswersOptions {
  /** Name of the interface. */
  readonly source: string;
  readonly ledger: Pick<InboxLedger, 'list' | 'find'>;
  readonly store: AnswerStore;
  /** What the sender of a message is owed; undefined: nothing. Pure. */
  readonly promised: (bytes: Uint8Array, record: MessageRecord) => PromisedAnswer | undefined;
  /** Where answers go; absent: to the connection that the message came on, by whoever holds it. */
  readonly reply?: Pick<
    DeliveryOptions,
    'send' | 'owner' | 'attempts' | 'firstRetryMs' | 'maxRetryMs' | 'giveUpMs'
  >;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What one interface owes its senders. */
export interface Answers {
  /** Messages may have ended, or somebody has decided. */
  wake(): void;
  /** A message came again: its sender is to hear again how it ended. Only with a reply address. */
  askedAgain(seq: number): void;
  /** The connection is gone that an answer was to go to. */
  lost(answer: Omit<PromisedAnswer, 'payload' | 'since'>): void;
  /** All connections of before are gone: what is owed over them is to be counted as lost. */
  abandoned(): void;
  /** Why answers are not taken now, and since when, in epoch milliseconds. */
  readonly trouble: Delivery['trouble'];
  /** What is under way may end. */
  stop(): Promise<void>;
}

/** Messages that are looked at before others get their turn. */
const CHUNK = 50;
/** Between two looks at how far messages have ended that are answered elsewhere. */
const NOTE_MS = 1_000;
const GONE = 'the connection that the message came on is gone';

/**
 * Follows the messages of an interface in the order of receipt, and sees to it that no application acknowledgement that
 * was promised is forgotten, whatever ends in between: what is owed is found by the messages themselves, and the number
 * up to which they were looked at is kept with it.
 *
 * With a reply address every answer goes this way. Without one, whoever holds the connections answers; what is looked
 * at here are the messages of a former process, whose connections are gone: they are counted as lost.
 */
export function createAnswers(options: AnswersOptions): Answers {
  const { source, ledger, store, promised, reply, clock, log } = options;
  /** What came before came over connections that are gone. */
  let startedAt = clock.now();
  const newest = (): number => ledger.list({ newestFirst: true, limit: 1 })[0]?.seq ?? 0;
  const delivery = reply && createDelivery({ ...reply, source, store, clock, log });
  let cursor = beginning();
  /** Whether messages of a former process are to be looked at. */
  let catchingUp = true;
  /** All up to this had ended at the last look, and when that was. */
  let settled = cursor;
  let notedAt = clock.now();
  let scheduled = false;
  let stopped = false;

  /** Messages that came before anybody followed them are not looked at. */
  function beginning(): number {
    const known = store.cursor(source);
    const last = newest();
    if (known !== undefined && known <= last) return known;
    if (known !== undefined)
      log.warn('the inbox was made anew: answers go on from its end', { backend: source });
    store.place(source, last);
    return last;
  }

  function promisedOf(seq: number): PromisedAnswer | undefined {
    const found = ledger.find(seq);
    return found?.bytes && promised(found.bytes, found.record);
  }

  /** Looks at the next messages that have ended. @returns whether there may be more */
  function look(): boolean {
    const found = ledger.list({ source, after: cursor, limit: CHUNK });
    const open = found.findIndex(
      ({ state, receivedAt }) => state === 'waiting' || (!reply && receivedAt >= startedAt),
    );
    const ended = open === -1 ? found : found.slice(0, open);
    const last = ended.at(-1);
    if (last) {
      const answers = ended.flatMap(({ seq }) => promisedOf(seq) ?? []);
      if (reply) store.owe(source, answers, last.seq);
      else store.lose(source, answers, GONE, last.seq);
      if (!reply && answers.length > 0)
        log.warn('application acknowledgements were lost', { backend: source, count: answers.length });
      cursor = last.seq;
    }
    const next = found[ended.length];
    const more = open === -1 && found.length === CHUNK;
    catchingUp = more || (next?.state === 'waiting' && next.receivedAt < startedAt);
    return more;
  }

  /**
   * Those that came over connections of this process are answered elsewhere: only how far they have ended is noted,
   * when they are surely answered.
   */
  function note(): void {
    if (clock.now() - notedAt < NOTE_MS) return;
    notedAt = clock.now();
    if (settled > cursor) store.owe(source, [], (cursor = settled));
    const [waiting] = ledger.list({ states: ['waiting'], limit: 1 });
    settled = waiting ? waiting.seq - 1 : newest();
  }

  /** A sender that sends its message again is told again how it ended, once it has. */
  function lookAgain(): void {
    for (const seq of store.askedAgain(source, CHUNK)) {
      const state = ledger.find(seq)?.record.state;
      // What was not looked at yet is answered anyway.
      if (state === 'waiting') continue;
      store.oweAgain(source, seq, seq > cursor ? undefined : promisedOf(seq));
    }
  }

  function run(): void {
    scheduled = false;
    if (stopped) return;
    try {
      const more = (reply || catchingUp) && look();
      if (reply) lookAgain();
      else if (!more && !catchingUp) note();
      if (more) schedule();
    } catch (error) {
      // Looked at again when it is next woken.
      log.error('what senders are owed cannot be looked up', { backend: source, error });
    }
    delivery?.wake();
  }

  /** The event loop turns between two looks. */
  function schedule(): void {
    if (scheduled || stopped) return;
    scheduled = true;
    setImmediate(run);
  }

  return {
    wake: schedule,
    askedAgain(seq) {
      store.askAgain(source, seq);
      schedule();
    },
    lost(answer) {
      store.lose(source, [{ ...answer, since: clock.now() }], GONE);
      log.warn('an application acknowledgement was lost', { backend: source, count: answer.seq });
    },
    abandoned() {
      startedAt = clock.now();
      catchingUp = true;
      schedule();
    },
    get trouble() {
      return delivery?.trouble;
    },
    async stop() {
      stopped = true;
      await delivery?.stop();
    },
  };
}
