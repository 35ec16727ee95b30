import type { MessageFilter, MessageOutcome } from '../../feed-ports.ts';
import { FicusError } from '../../errors.ts';
import { parseJson } from '../../fhir/json.ts';
import type { MappingRelease } from '../../mapping/release.ts';
import type { ReplaySelection } from './replay.ts';
import type { Answers, FromProcessor, Question, ToProcessor } from './thread-messages.ts';

/** The side of a thread that the main thread holds: a `Worker`, or a `MessagePort`. */
export interface ThreadPort {
  postMessage(message: ToProcessor): void;
  on(event: 'message', listener: (message: FromProcessor) => void): unknown;
}

/** The processor's thread as the main thread sees it. */
export interface ProcessorClient {
  /** There is something to process. */
  wake(): void;
  /** @throws FicusError `unavailable` when the thread is gone or could not answer */
  rehearse(
    selection: ReplaySelection,
    values: boolean,
    releases?: readonly MappingRelease[],
  ): Promise<Answers['rehearse']>;
  /** What became of every field of the messages that a filter finds; as if these were the releases of mappings. */
  coverage(filter: MessageFilter, releases?: readonly MappingRelease[]): Promise<Answers['coverage']>;
  /** What a message says, field by field: patient data. Empty where it cannot be taken apart. */
  explain(seq: number): Promise<Answers['explain']>;
  /**
   * Reads by other releases of mappings from the next message on. Rejects for those that do not go together; then
   * nothing has changed.
   */
  use(releases: readonly MappingRelease[]): Promise<true>;
  /**
   * What is wrong with releases: what does not compile, and the laws that are broken, where they are measured as well
   * (takes seconds).
   */
  check(releases: readonly MappingRelease[], laws: boolean): Promise<Answers['check']>;
  replay(selection: ReplaySelection): Promise<number>;
  /** Recounts all messages: takes a second a million, during which nothing is processed. */
  audit(): Promise<Answers['audit']>;
  /** What keeps the processor from going on; undefined while it goes on. */
  readonly trouble: string | undefined;
  /** To be called when the thread ended by itself: whoever waits for an answer is told. */
  lost(words: string): void;
  /** Resolves when the step in hand has ended and the thread has closed its files. */
  stop(): Promise<void>;
}

/** The processor, whichever thread it is in. */
export type FeedProcessor = Omit<ProcessorClient, 'lost'>;

/**
 * Speaks with a processor's thread (`runProcessorThread`).
 *
 * @param onSettled told how messages ended, after that was recorded: for application acknowledgements
 */
export function connectProcessor(
  port: ThreadPort,
  onSettled: (outcomes: readonly MessageOutcome[]) => void,
): ProcessorClient {
  const asked = new Map<
    number,
    { readonly resolve: (answer: unknown) => void; readonly reject: (error: unknown) => void }
  >();
  let last = 0;
  let trouble: string | undefined;
  let gone = false;
  let stopped: (() => void) | undefined;

  function fail(words: string): FicusError {
    return new FicusError('unavailable', `The feed's processor could not answer: ${words}.`);
  }

  function ask<Kind extends Question['kind']>(
    question: Extract<Question, { readonly kind: Kind }>,
  ): Promise<Answers[Kind]> {
    if (gone) return Promise.reject(fail('it is gone'));
    const nth = ++last;
    return new Promise((resolve, reject) => {
      asked.set(nth, { resolve: resolve as (answer: unknown) => void, reject });
      port.postMessage({ kind: 'ask', nth, question });
    });
  }

  function end(words: string): void {
    gone = true;
    for (const { reject } of asked.values()) reject(fail(words));
    asked.clear();
    stopped?.();
  }

  port.on('message', (message) => {
    switch (message.kind) {
      case 'settled':
        onSettled([
          ...Array.from(message.processed, (seq) => ({ seq, state: 'processed' as const })),
          ...message.others,
        ]);
        break;
      case 'answer':
        asked.get(message.nth)?.resolve(parseJson(message.text));
        asked.delete(message.nth);
        break;
      case 'failed':
        asked.get(message.nth)?.reject(fail(message.words));
        asked.delete(message.nth);
        break;
      case 'trouble':
        trouble = message.words === '' ? undefined : message.words;
        break;
      case 'open':
        break;
      case 'stopped':
        end('it has stopped');
        break;
    }
  });

  return {
    get trouble() {
      return trouble;
    },
    wake: () => {
      if (!gone) port.postMessage({ kind: 'wake' });
    },
    rehearse: (selection, values, releases) =>
      ask({ kind: 'rehearse', selection, values, ...(releases ? { releases } : {}) }),
    coverage: (filter, releases) => ask({ kind: 'coverage', filter, ...(releases ? { releases } : {}) }),
    explain: (seq) => ask({ kind: 'explain', seq }),
    use: (releases) => ask({ kind: 'use', releases }),
    check: (releases, laws) => ask({ kind: 'check', releases, laws }),
    replay: (selection) => ask({ kind: 'replay', selection }),
    audit: () => ask({ kind: 'audit' }),
    lost(words) {
      trouble = words;
      end(words);
    },
    async stop() {
      if (gone) return;
      const ended = new Promise<void>((resolve) => (stopped = resolve));
      port.postMessage({ kind: 'stop' });
      await ended;
    },
  };
}
