import type { MessagePort } from 'node:worker_threads';
import type { InboxLedger, MessageOutcome } from '../../feed-ports.ts';
import type { ProjectionWriter } from '../../projection-ports.ts';
import type { Clock, Logger } from '../../ports.ts';
import { wordsOf } from './failure.ts';
import type { AfterDeath, InHand } from './in-hand.ts';
import { coverageOf, explanationOf } from './looking.ts';
import type { MessageReader } from './message-reader.ts';
import { createProcessor } from './processor.ts';
import type { Processor, ProcessorPorts, ReadContent } from './processor.ts';
import { createReplay } from './replay.ts';
import { startRetention } from './retention.ts';
import { createRunner } from './runner.ts';
import type { Answers, FromProcessor, Question, ToProcessor } from './thread-messages.ts';

export interface ProcessorThreadOptions {
  /** `parentPort` of the thread. */
  readonly port: MessagePort;
  readonly ledger: InboxLedger;
  readonly writer: ProjectionWriter;
  readonly reader: MessageReader;
  readonly ahead?: ProcessorPorts['ahead'];
  readonly ownerOf: ProcessorPorts['ownerOf'];
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'error'>;
  /** Days that bytes are kept after their message ended; undefined: for ever. */
  readonly retentionDays?: number;
  readonly batch?: number;
  /** What is shown to whoever watches the thread. */
  readonly inHand?: InHand;
  /** A thread before this one ended by itself. */
  readonly after?: AfterDeath;
}

/** The event loop is shown to turn so often, in milliseconds. */
const BEAT_MS = 500;

/**
 * The back of the feed in a thread of its own: processes, replays, recounts and lets go, as the other side of the port
 * asks (`connectProcessor`). Begins with what a former process left waiting. Closes the ledger, the writer and the port
 * when it is told to stop.
 */
export function runProcessorThread(options: ProcessorThreadOptions): void {
  const { port, ledger, writer, reader, ahead, ownerOf, clock, log, retentionDays, batch, inHand } = options;
  let { oneByOne = 0, park } = options.after ?? {};
  const read: ReadContent = (bytes, record) => {
    if (record.seq !== park) return reader.now.read(bytes, record);
    // When somebody replays it, it is tried again.
    park = undefined;
    return { parked: 'failed', detail: 'the processor ended, or hung, each time it was processed' };
  };
  let told = '';

  function say(message: FromProcessor): void {
    port.postMessage(message);
  }

  function settled(outcomes: readonly MessageOutcome[]): void {
    const processed = outcomes.filter(({ state }) => state === 'processed').map(({ seq }) => seq);
    const others = outcomes.filter(({ state }) => state !== 'processed');
    say({ kind: 'settled', processed: Float64Array.from(processed), others });
  }

  const many = createProcessor({
    ledger,
    writer,
    read,
    ...(ahead ? { ahead: (messages) => oneByOne > 0 || ahead(messages) } : {}),
    onBegin(seq) {
      if (!inHand) return;
      Atomics.add(inHand.beats, 0, 1);
      Atomics.store(inHand.seq, 0, BigInt(oneByOne > 0 ? seq : 0));
    },
    ownerOf,
    clock,
    onSettled: settled,
  });
  const processor: Processor = {
    step(limit) {
      try {
        const ended = many.step(oneByOne > 0 ? 1 : limit);
        oneByOne = Math.max(0, oneByOne - ended);
        return ended;
      } finally {
        if (inHand) Atomics.store(inHand.seq, 0, 0n);
      }
    },
  };
  const runner = createRunner({
    processor,
    clock,
    log,
    ...(batch === undefined ? {} : { batch }),
    onTrouble(words = '') {
      if (words !== told) say({ kind: 'trouble', words });
      told = words;
    },
  });
  const replay = createReplay({ ledger, writer, read, clock, wake: () => runner.wake() });
  const stopRetention =
    retentionDays === undefined ? () => {} : startRetention({ ledger, days: retentionDays, clock, log });

  function answer(question: Question): Answers[Question['kind']] {
    if (question.kind === 'rehearse') {
      const { selection, values, releases } = question;
      return replay.rehearse(selection, values, releases && reader.by(releases).read);
    }
    if (question.kind === 'coverage') {
      const { filter, releases } = question;
      return coverageOf(ledger, filter, releases ? reader.by(releases) : reader.now);
    }
    if (question.kind === 'replay') return replay.replay(question.selection);
    if (question.kind === 'explain') return explanationOf(ledger, question.seq, reader.now) ?? [];
    if (question.kind === 'check') return reader.check(question.releases, question.laws);
    if (question.kind === 'audit') return ledger.audit();
    reader.use(question.releases);
    return true;
  }

  const beating = inHand && setInterval(() => Atomics.add(inHand.beats, 0, 1), BEAT_MS);

  port.on('message', (message: ToProcessor) => {
    if (message.kind === 'wake') runner.wake();
    if (message.kind === 'ask') {
      const { nth, question } = message;
      if (inHand) Atomics.store(inHand.asked, 0, 1);
      try {
        say({ kind: 'answer', nth, text: JSON.stringify(answer(question)) });
      } catch (error) {
        log.error('a question about the feed failed', { kind: question.kind, error });
        say({ kind: 'failed', nth, words: wordsOf(error) });
      }
      if (inHand) Atomics.store(inHand.asked, 0, 0);
    }
    if (message.kind === 'stop') {
      runner.stop();
      stopRetention();
      clearInterval(beating);
      ledger.close();
      writer.close();
      say({ kind: 'stopped' });
      port.close();
    }
  });
  say({ kind: 'open' });
  runner.wake();
}
