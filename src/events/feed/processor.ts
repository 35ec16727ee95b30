import type { InboxLedger, MessageOutcome, MessageRecord, ParkReason } from '../../feed-ports.ts';
import type { Applied, MessageContent, ProjectionWriter } from '../../projection-ports.ts';
import type { Clock } from '../../ports.ts';
import type { Content } from './content.ts';
import { isOfTheMachine, wordsOf } from './failure.ts';

/** Reads one message. Pure; whatever it throws parks the message. */
export type ReadContent = (bytes: Uint8Array, record: MessageRecord) => Content;

export type WaitingMessage = ReturnType<InboxLedger['waiting']>[number];

export interface ProcessorPorts {
  readonly ledger: Pick<InboxLedger, 'waiting' | 'settle'>;
  readonly writer: Pick<ProjectionWriter, 'apply'>;
  readonly read: ReadContent;
  /** Told which messages are going to be read next, so that they can be read elsewhere meanwhile. */
  readonly ahead?: (messages: readonly WaitingMessage[]) => void;
  /** Told which message is read next. */
  readonly onBegin?: (seq: number) => void;
  /** Who has to look at a message that is parked. */
  readonly ownerOf: (reason: ParkReason, record: MessageRecord) => string;
  readonly clock: Pick<Clock, 'now'>;
  /** Told after outcomes were recorded. */
  readonly onSettled?: (outcomes: readonly MessageOutcome[]) => void;
}

export interface Processor {
  /**
   * Takes the next messages, in the order of receipt, applies them and records how they ended.
   *
   * @param limit most messages of one step
   * @returns how many ended; 0: nothing waits
   * @throws what the disk or the database throws: the messages still wait, and the next step takes them again
   */
  step(limit: number): number;
}

interface Readable {
  readonly record: MessageRecord;
  readonly content: MessageContent;
}

/**
 * Makes the loop body of the feed: waiting -> read -> apply -> settle. What is applied carries a mark of the message
 * and its replay (`ProjectionWriter`), in the transaction that applies it; so a stop at any point between the steps
 * repeats nothing and leaves nothing out. A message that cannot be read or applied is parked alone.
 */
export function createProcessor(ports: ProcessorPorts): Processor {
  const { ledger, writer, read, clock } = ports;

  function park(record: MessageRecord, reason: ParkReason, detail: string): MessageOutcome {
    return { seq: record.seq, state: 'parked', reason, detail, owner: ports.ownerOf(reason, record) };
  }

  function readOne(record: MessageRecord, bytes: Uint8Array): Readable | MessageOutcome {
    try {
      const said = read(bytes, record);
      if ('parked' in said) return park(record, said.parked, said.detail);
      return { record, content: said.content };
    } catch (error) {
      return park(record, 'failed', `could not be read: ${wordsOf(error)}`);
    }
  }

  return {
    step(limit) {
      const readable: Readable[] = [];
      const outcomes: MessageOutcome[] = [];
      const waiting = ledger.waiting(ports.ahead ? limit * 2 : limit);
      const batch = waiting.slice(0, limit);
      // The first half of what comes newly is read here, while the rest is read elsewhere; what is beyond the batch,
      // while it is applied.
      ports.ahead?.(waiting.slice(batch.length >> 1));
      for (const { record, bytes } of batch) {
        ports.onBegin?.(record.seq);
        const one = readOne(record, bytes);
        if ('content' in one) readable.push(one);
        else outcomes.push(one);
      }
      const now = clock.now();
      const applied =
        readable.length === 0
          ? []
          : writer.apply(
              readable.map(({ record, content }) => ({ seq: record.seq, replay: record.replays, content })),
              now,
            );
      let setback: { readonly error: unknown } | undefined;
      for (const [nth, { record, content }] of readable.entries()) {
        const result = applied[nth]!;
        if (!('error' in result)) outcomes.push(ended(record, content, result));
        else if (isOfTheMachine(result.error)) setback = result;
        else outcomes.push(park(record, 'failed', `could not be applied: ${wordsOf(result.error)}`));
      }
      outcomes.sort((a, b) => a.seq - b.seq);
      ledger.settle(outcomes, clock.now());
      if (outcomes.length > 0) ports.onSettled?.(outcomes);
      if (setback) throw setback.error;
      return outcomes.length;
    },
  };
}

function ended(record: MessageRecord, content: MessageContent, { superseded }: Applied): MessageOutcome {
  if (superseded.length === 0) return { seq: record.seq, state: 'processed' };
  return {
    seq: record.seq,
    state: 'superseded',
    detail: `${superseded.length} of ${content.changes.length} resources left alone: something newer is known of them`,
  };
}
