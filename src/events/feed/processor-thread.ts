import type { MessagePort } from 'node:worker_threads';
import type { InboxLedger, MessageOutcome } from '../../feed-ports.ts';
import type { ProjectionWriter } from '../../projection-ports.ts';
import type { Clock, Logger } from '../../ports.ts';
import { wordsOf } from './failure.ts';
import { coverageOf, explanationOf } from './looking.ts';
import type { MessageReader } from './message-reader.ts';
import { createProcessor } from './processor.ts';
import type { ProcessorPorts, ReadContent } from './processor.ts';
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
}

/**
 * The back of the feed in a thread of its own: processes, replays, recounts and lets go, as the other side of the port
 * asks (`connectProcessor`). Begins with what a former process left waiting. Closes the ledger, the writer and the port
 * when it is told to stop.
 */
export function runProcessorThread(options: ProcessorThreadOptions): void {
  const { port, ledger, writer, reader, ahead, ownerOf, clock, log, retentionDays, batch } = options;
  const read: ReadContent = (bytes, record) => reader.now.read(bytes, record);
  let told = '';

  function say(message: FromProcessor): void {
    port.postMessage(message);
  }

  function settled(outcomes: readonly MessageOutcome[]): void {
    const processed = outcomes.filter(({ state }) => state === 'processed').map(({ seq }) => seq);
    const others = outcomes.filter(({ state }) => state !== 'processed');
    say({ kind: 'settled', processed: Float64Array.from(processed), others });
  }

  const processor = createProcessor({
    ledger,
    writer,
    read,
    ...(ahead ? { ahead } : {}),
    ownerOf,
    clock,
    onSettled: settled,
  });
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

  port.on('message', (message: ToProcessor) => {
    if (message.kind === 'wake') runner.wake();
    if (message.kind === 'ask') {
      const { nth, question } = message;
      try {
        say({ kind: 'answer', nth, text: JSON.stringify(answer(question)) });
      } catch (error) {
        log.error('a question about the feed failed', { kind: question.kind, error });
        say({ kind: 'failed', nth, words: wordsOf(error) });
      }
    }
    if (message.kind === 'stop') {
      runner.stop();
      stopRetention();
      ledger.close();
      writer.close();
      say({ kind: 'stopped' });
      port.close();
    }
  });
  runner.wake();
}
