import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { onTestFinished } from 'vitest';
import { createIntake } from '../../adapters/hl7v2/intake/intake.ts';
import type { Intake, IntakeOptions } from '../../adapters/hl7v2/intake/intake.ts';
import type { InterfaceProfile } from '../../adapters/hl7v2/intake/profile.ts';
import { systemClock } from '../../src/clock.ts';
import type { Arrival, InboxIntake, InboxLedger, Receipt } from '../../src/feed-ports.ts';
import { createMemoryInbox } from '../../src/store/memory-inbox.ts';
import { profileOf, types } from '../unit/adapters/hl7v2/intake/support.ts';
import { frame, until } from './mllp-core.ts';

/** A feed with one interface, `lab`, and what it has received. */
export interface Feed {
  readonly intake: Intake;
  readonly port: number;
  readonly ledger: InboxLedger;
  /** State, reason and control id of everything in the inbox, in order. */
  states(): string[];
}

/** Starts an interface over an inbox in memory, or another one. */
export async function startFeed(
  profile: Partial<InterfaceProfile> = {},
  { ledger: given, ...more }: Partial<IntakeOptions> & { readonly ledger?: InboxLedger } = {},
): Promise<Feed> {
  const { intake: inbox, ledger: own } = createMemoryInbox({ owners: { lab: 'integration team' } });
  const ledger = given ?? own;
  const options = { interfaces: [profileOf(profile)], inbox, types, clock: systemClock, ...more };
  const intake = await createIntake(options);
  onTestFinished(() => intake.close());
  const states = (): string[] =>
    ledger
      .list({ limit: 1_000 })
      .map(({ state, reason, controlId }) => [state, reason, controlId].filter(Boolean).join(' '));
  return { intake, port: intake.ports['lab']!, ledger, states };
}

/** An inbox that makes nothing safe until it is told to. */
export function slowInbox(): InboxIntake & {
  readonly arrivals: Arrival[];
  /** Most that ever waited, in messages and bytes. */
  readonly most: { messages: number; bytes: number };
  /** Makes the oldest that wait safe. */
  commit(count?: number): void;
  /** Refuses the oldest that waits. */
  fail(): void;
} {
  const arrivals: Arrival[] = [];
  const waiting: {
    arrival: Arrival;
    resolve: (receipt: Receipt) => void;
    reject: (error: unknown) => void;
  }[] = [];
  const pending = { messages: 0, bytes: 0 };
  const most = { messages: 0, bytes: 0 };
  let seq = 0;
  const take = () => {
    const next = waiting.shift();
    if (!next) return undefined;
    pending.messages--;
    pending.bytes -= next.arrival.bytes.length;
    return next;
  };
  return {
    arrivals,
    pending,
    most,
    receive: (arrival) => {
      pending.messages++;
      pending.bytes += arrival.bytes.length;
      most.messages = Math.max(most.messages, pending.messages);
      most.bytes = Math.max(most.bytes, pending.bytes);
      return new Promise((resolve, reject) => waiting.push({ arrival, resolve, reject }));
    },
    commit: (count = Infinity) => {
      for (let nth = 0; nth < count && waiting.length > 0; nth++) {
        const { arrival, resolve } = take()!;
        arrivals.push(arrival);
        resolve({ kind: 'stored', seq: ++seq });
      }
    },
    fail: () => take()?.reject(new Error('disk full')),
    lastSequence: async () => undefined,
    close: async () => {},
  };
}

/** The other end of an interface. */
export interface Sender {
  readonly socket: Socket;
  /** Sends messages, each in a frame. */
  send(...messages: readonly string[]): void;
  /** What came back, without frames and without MSH: `MSA|AA|M1`, and ERR as the codes that it tells. */
  readonly answers: string[];
  /** The same with all their segments. */
  readonly whole: string[];
  /** Waits until so many answers are there, and gives them all. */
  answered(count: number): Promise<string[]>;
  closed(): Promise<void>;
}

export async function connectSender(port: number, tls?: ConnectionOptions): Promise<Sender> {
  const socket = tls ? connectTls({ ...tls, port, host: '127.0.0.1' }) : connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  const whole: string[] = [];
  const answers: string[] = [];
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\x1c\r'); end !== -1; end = text.indexOf('\x1c\r')) {
      whole.push(text.slice(1, end));
      answers.push(inShort(text.slice(1, end)));
      text = text.slice(end + 2);
    }
  });
  await new Promise<void>((resolve) => {
    socket.once(tls ? 'secureConnect' : 'connect', () => resolve());
    socket.once('close', () => resolve());
  });
  return {
    socket,
    send: (...messages) => void socket.write(messages.map(frame).join(''), 'latin1'),
    answers,
    whole,
    answered: async (count) => {
      await until(() => answers.length >= count);
      return answers;
    },
    closed: () => until(() => socket.closed),
  };
}

function inShort(answer: string): string {
  const lines = answer.split('\r').filter((line) => line !== '' && !line.startsWith('MSH'));
  return lines
    .map((line) => (line.startsWith('ERR') ? (/\d{3}(?=[\^&])/.exec(line)?.[0] ?? line) : line))
    .join(' ');
}
