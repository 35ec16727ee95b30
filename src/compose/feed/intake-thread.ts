import { parentPort, workerData } from 'node:worker_threads';
import { createIntake } from '../../../adapters/hl7v2/intake/intake.ts';
import type { Intake } from '../../../adapters/hl7v2/intake/intake.ts';
import { createMessageTypes } from '../../../adapters/hl7v2/intake/message-types.ts';
import type { InterfaceProfile } from '../../../adapters/hl7v2/intake/profile.ts';
import type { Settlements } from '../../../adapters/hl7v2/intake/settlements.ts';
import { systemClock } from '../../clock.ts';
import type { MessageOutcome } from '../../feed-ports.ts';
import { openStandingIntake } from '../../store/inbox-standing.ts';
import { createIntakeCounts } from './intake-counts.ts';
import { createToldLog } from './intake-log.ts';
import type { FromIntake, IntakeData, ToIntake } from './intake-wire.ts';

// Entry of the thread that takes messages: listeners, examination, acknowledgement and the front of the inbox, on an
// event loop that serves nothing else.

/** So often, in milliseconds, the main thread is told what has changed of the counts and connections. */
const TELL_MS = 100;

const { inbox: file, owners, types, most, beats } = workerData as IntakeData;
const port = parentPort!;
const clock = systemClock;
const log = createToldLog((line) => say({ kind: 'log', line }));

function say(message: FromIntake): void {
  port.postMessage(message);
}

/** Outcomes meet those who wait for them on the main thread, which hears of them anyway; here are the callbacks. */
function createAwaited(): Settlements & { settled(outcome: MessageOutcome): void } {
  const waiting = new Map<number, Set<(outcome: MessageOutcome) => void>>();
  return {
    whenSettled(seq, callback) {
      const callbacks = waiting.get(seq);
      if (callbacks) callbacks.add(callback);
      else {
        waiting.set(seq, new Set([callback]));
        say({ kind: 'awaits', seq });
      }
      return () => void waiting.get(seq)?.delete(callback);
    },
    settled(outcome) {
      const callbacks = waiting.get(outcome.seq);
      waiting.delete(outcome.seq);
      for (const callback of callbacks ?? []) callback(outcome);
    },
  };
}

const awaited = createAwaited();
const counts = createIntakeCounts();
let intake: Intake | undefined;
/** What comes while the interfaces are being opened is done afterwards. */
let listening = Promise.resolve();
let told = '';

const inbox = await openStandingIntake({
  file,
  owners,
  clock,
  // Not at the receipt: what is safe is to be found a moment later.
  onStored: () => say({ kind: 'stored' }),
  onFailure: (error) => {
    log.error('the committer of the inbox ended, and is started again', { error });
    say({ kind: 'safe', safe: false });
  },
  onReturn: () => {
    log.info('the inbox takes messages again');
    say({ kind: 'safe', safe: true });
  },
});

/** @throws Error when an address cannot be had; nothing is left open */
async function listen(interfaces: readonly InterfaceProfile[]): Promise<void> {
  try {
    intake = await createIntake({
      interfaces,
      inbox,
      types: createMessageTypes(types),
      settlements: awaited,
      answers: {
        askedAgain: (source, seq) => say({ kind: 'asked-again', source, seq }),
        lost: (source, answer) => say({ kind: 'answer-lost', source, answer }),
      },
      metrics: counts,
      clock,
      log,
      most,
    });
  } catch (error) {
    await inbox.close();
    throw error;
  }
  say({ kind: 'listening', ports: intake.ports });
  tellState();
}

function tellState(): void {
  if (!intake) return;
  const { stats, held } = intake;
  const state = { stats, held, counts: counts.all(), journal: inbox.journal ?? { failures: 0 } };
  const now = JSON.stringify(state);
  if (now !== told) say({ kind: 'state', state });
  told = now;
}

const telling = setInterval(() => {
  Atomics.add(beats, 0, 1);
  tellState();
}, TELL_MS);

async function close(): Promise<void> {
  await listening;
  await intake?.close();
  await inbox.close();
  clearInterval(telling);
  port.close();
}

port.on('message', (message: ToIntake) => {
  switch (message.kind) {
    case 'listen':
      listening = listen(message.interfaces);
      break;
    case 'renew':
      void listening.then(() => intake?.renew(message.name, message.tls));
      break;
    case 'settled':
      awaited.settled(message.outcome);
      break;
    case 'close':
      void close();
      break;
  }
});
say({ kind: 'open' });
