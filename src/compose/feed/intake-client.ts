import { Worker } from 'node:worker_threads';
import type { AnswerNotes } from '../../../adapters/hl7v2/intake/link.ts';
import type { InterfaceProfile, InterfaceTls } from '../../../adapters/hl7v2/intake/profile.ts';
import type { Settlements } from '../../../adapters/hl7v2/intake/settlements.ts';
import type { Clock, Logger } from '../../ports.ts';
import { PATIENCE, createBeats, watchBeats } from '../../resilience/beats.ts';
import type { Patience } from '../../resilience/beats.ts';
import { createComeback } from '../../resilience/comeback.ts';
import type { Pause } from '../../resilience/comeback.ts';
import { writeTold } from './intake-log.ts';
import type { FromIntake, IntakeData, IntakeState, ToIntake } from './intake-wire.ts';

/** The thread that takes messages, as the main thread sees it. */
export interface IntakeClient extends IntakeState {
  /** TCP port of each interface; empty before `listen`. */
  readonly ports: Readonly<Record<string, number>>;
  /** What keeps messages from being taken; undefined while nothing does. */
  readonly trouble: string | undefined;
  /** Opens the interfaces. @throws Error when an address cannot be had; then the thread has ended */
  listen(interfaces: readonly InterfaceProfile[]): Promise<void>;
  /** Takes other certificates for an interface. */
  renew(name: string, tls: InterfaceTls): void;
  /** Takes no more, lets what is in hand become safe and be answered, closes the inbox. */
  close(): Promise<void>;
}

export interface IntakeClientOptions extends Omit<IntakeData, 'beats'> {
  /** How messages end, for application acknowledgements. */
  readonly settlements: Settlements;
  /** What becomes of application acknowledgements that the thread does not send; absent: nothing. */
  readonly answers?: AnswerNotes & {
    /** All connections of before are gone. */
    abandoned(): void;
  };
  /** There are more messages to process. */
  readonly onStored: () => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** Before the thread is started again (defaults 100 ms to 30 s). */
  readonly pause?: Pause;
  /** When a thread that does not answer counts as hung: then it is ended, and begun anew. */
  readonly watch?: Patience;
  /** Entry of the thread; default: the one beside this file. */
  readonly entry?: URL;
}

/** A running thread. */
interface Thread {
  tell(message: ToIntake): void;
  /** Resolves with the thread's next word of a kind. @throws what ended it before */
  hears<Kind extends FromIntake['kind']>(kind: Kind): Promise<Word<Kind>>;
  readonly ended: Promise<void>;
  /** Ends it, whatever it does. @param why told to whoever waits for a word of it */
  end(why: Error): void;
}

type Word<Kind> = Extract<FromIntake, { readonly kind: Kind }>;

const NOTHING: IntakeState = { stats: {}, held: false, counts: {}, journal: { failures: 0 } };
const GONE = 'nothing is received for the moment: the thread that takes messages has ended';
const HUNG = 'nothing is received for the moment: the thread that takes messages hangs, and is ended';
const UNSAFE = 'nothing can be made safe for the moment: the inbox cannot be written';

/**
 * Starts the thread that takes messages, with its inbox open and no interface yet. When it ends by itself it is started
 * again, with the same ports: what was acknowledged is safe, what was not is sent again by its sender, whose connection
 * is gone.
 *
 * @throws Error when the inbox cannot be opened the first time
 */
export async function startIntake(options: IntakeClientOptions): Promise<IntakeClient> {
  const { inbox, owners, types, most, settlements, answers, clock, log, onStored } = options;
  const { pause, watch = PATIENCE } = options;
  const entry = options.entry ?? new URL('./intake-thread.ts', import.meta.url);
  let interfaces: readonly InterfaceProfile[] = [];
  let ports: Readonly<Record<string, number>> | undefined;
  let state = NOTHING;
  let safe = true;
  let closing = false;
  let hangs = false;
  let thread: Thread | undefined;
  await begin();
  const comeback = createComeback({
    clock,
    ...(pause ? { pause } : {}),
    begin: async () => open(await begin()),
    onFailure: (error) => log.error('the intake of the feed could not be started again', { error }),
    onReturn: () => {
      log.info('the intake of the feed takes messages again');
      // What was safe and not filed when the thread ended is filed now.
      onStored();
    },
  });

  /** @throws what keeps the inbox from being opened */
  async function begin(): Promise<Thread> {
    const awaited = new Set<() => void>();
    const beats = createBeats();
    let unwatch = (): void => {};
    const begun = startThread(entry, { inbox, owners, types, most, beats }, hear, (error) => {
      unwatch();
      for (const cancel of awaited) cancel();
      if (thread === begun) lose(error);
    });

    function hear(message: FromIntake): void {
      if (message.kind === 'stored') onStored();
      else if (message.kind === 'state') ({ state } = message);
      else if (message.kind === 'safe') ({ safe } = message);
      else if (message.kind === 'log') writeTold(log, message.line);
      else if (message.kind === 'asked-again') answers?.askedAgain(message.source, message.seq);
      else if (message.kind === 'answer-lost') answers?.lost(message.source, message.answer);
      else if (message.kind === 'awaits') tellOutcome(message.seq);
    }

    function tellOutcome(seq: number): void {
      const cancel = settlements.whenSettled(seq, (outcome) => {
        awaited.delete(cancel);
        begun.tell({ kind: 'settled', outcome });
      });
      awaited.add(cancel);
    }

    function watchFor(looks: number): void {
      unwatch();
      unwatch = watchBeats(beats, { everyMs: watch.everyMs, looks, clock }, () => {
        hangs = true;
        log.error('the intake of the feed hangs, and is ended');
        begun.end(new Error('the thread that takes messages hangs'));
      });
    }

    watchFor(watch.opening);
    await begun.hears('open');
    watchFor(watch.looks);
    safe = true;
    hangs = false;
    thread = begun;
    return begun;
  }

  /** Opens the interfaces as they are now. */
  async function open(begun: Thread): Promise<void> {
    const listening = begun.hears('listening');
    begun.tell({ kind: 'listen', interfaces });
    ({ ports } = await listening);
    const opened = ports;
    interfaces = interfaces.map((profile) => ({ ...profile, port: opened[profile.name]! }));
  }

  function lose(error: unknown): void {
    thread = undefined;
    state = NOTHING;
    // Before it listened the first time, and while it is to come back, somebody else waits for it.
    if (closing || !ports || comeback.away) return;
    log.error('the intake of the feed ended, and is started again', { error });
    answers?.abandoned();
    comeback.lost();
  }

  return {
    get ports() {
      return ports ?? {};
    },
    get stats() {
      return state.stats;
    },
    get held() {
      return state.held;
    },
    get counts() {
      return state.counts;
    },
    get journal() {
      return state.journal;
    },
    get trouble() {
      if (hangs) return HUNG;
      if (!thread || comeback.away) return GONE;
      return safe ? undefined : UNSAFE;
    },
    async listen(profiles) {
      if (!thread) throw new Error('the intake of the feed has ended');
      interfaces = profiles;
      await open(thread);
    },
    renew(name, tls) {
      interfaces = interfaces.map((profile) => (profile.name === name ? { ...profile, tls } : profile));
      thread?.tell({ kind: 'renew', name, tls });
    },
    async close() {
      closing = true;
      await comeback.end();
      thread?.tell({ kind: 'close' });
      await thread?.ended;
    },
  };
}

/** @param exited told with what ended it */
function startThread(
  entry: URL,
  data: IntakeData,
  hear: (message: FromIntake) => void,
  exited: (error: unknown) => void,
): Thread {
  const worker = new Worker(entry, { workerData: data });
  let cause: unknown = new Error('the thread ended');
  let gone = false;
  worker.on('message', hear);
  worker.on('error', (error) => (cause = error));
  worker.on('exit', () => {
    gone = true;
    exited(cause);
  });
  return {
    tell: (message) => worker.postMessage(message),
    async hears(kind) {
      const word = await new Promise<Word<typeof kind>>((resolve, reject) => {
        const listen = (message: FromIntake): void => {
          if (message.kind !== kind) return;
          worker.off('message', listen);
          resolve(message as Word<typeof kind>);
        };
        worker.on('message', listen);
        worker.once('exit', () => reject(cause));
      });
      // While this thread is busy, that one may say it and end: then both are told in one turn.
      if (gone) throw cause;
      return word;
    },
    ended: new Promise((resolve) => worker.once('exit', () => resolve())),
    end(why) {
      cause = why;
      void worker.terminate();
    },
  };
}
