import type { MessagePort } from 'node:worker_threads';
import type { InboxLedger, MessageOutcome, ProjectionWriter } from '../../feed-ports.ts';
import type { Clock, Logger } from '../../ports.ts';
import { wordsOf } from './failure.ts';
import { createProcessor } from './processor.ts';
import type { ProcessorPorts } from './processor.ts';
import { createReplay } from './replay.ts';
import { startRetention } from './retention.ts';
import { createRunner } from './runner.ts';
import type { FromProcessor, Question, ToProcessor } from './thread-messages.ts';

export interface ProcessorThreadOptions {
  /** `parentPort` of the thread. */
  readonly port: MessagePort;
  readonly ledger: InboxLedger;
  readonly writer: ProjectionWriter;
  readonly read: ProcessorPorts['read'];
  readonly ownerOf: ProcessorPorts['ownerOf'];
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'error'>;
  /** Days that bytes are kept after their message ended; undefined: for ever. */
  readonly retentionDays?: number;
  readonly batch?: number;
}

/**
 * The back of the feed in a thread of its own: processes, replays, recounts and lets go, as the other side of the port asks (`connectProcessor`). Begins
 * with what a former process left waiting. Closes the ledger, the writer and the port when it is told to stop.
 */
export function runProcessorThread(options: ProcessorThreadOptions): void {
  const { port, ledger, writer, read, ownerOf, clock, log, retentionDays, batch } = options;
  let told = '';

  function say(message: FromProcessor): void {
    port.postMessage(message);
  }

  function settled(outcomes: readonly MessageOutcome[]): void {
    const processed = outcomes.filter(({ state }) => state === 'processed').map(({ seq }) => seq);
    const others = outcomes.filter(({ state }) => state !== 'processed');
    say({ kind: 'settled', processed: Float64Array.from(processed), others });
  }

  const processor = createProcessor({ ledger, writer, read, ownerOf, clock, onSettled: settled });
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

  function answer(question: Question): unknown {
    if (question.kind === 'rehearse') return replay.rehearse(question.selection, question.values);
    return question.kind === 'replay' ? replay.replay(question.selection) : ledger.audit();
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
