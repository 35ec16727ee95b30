import type { TlsOptions } from 'node:tls';
import type { InboxIntake } from '../../../src/feed-ports.ts';
import type { Clock, Logger } from '../../../src/ports.ts';
import type { MllpListenerOptions } from '../listener-options.ts';
import { createMllpListener } from '../listener.ts';
import type { MllpListener } from '../listener.ts';
import { createLink } from './link.ts';
import type { AnswerNotes, IntakeMetrics } from './link.ts';
import type { MessageTypes } from './message-types.ts';
import type { InterfaceProfile, InterfaceTls } from './profile.ts';
import type { Settlements } from './settlements.ts';

export interface IntakeOptions {
  readonly interfaces: readonly InterfaceProfile[];
  /** Not closed by the intake. */
  readonly inbox: InboxIntake;
  /** The messages that the mappings understand. */
  readonly types: MessageTypes;
  /** Absent: no application acknowledgement of enhanced mode is ever sent. */
  readonly settlements?: Settlements;
  readonly clock: Clock;
  readonly log?: Logger;
  readonly metrics?: IntakeMetrics;
  /** What may wait for the disk before nothing more is read from any sender: 10 000 messages, 64 MiB. */
  readonly most?: { readonly messages: number; readonly bytes: number };
  /** Absent: nobody sends to reply addresses, or counts what is lost. */
  readonly answers?: AnswerNotes;
}

export interface Intake {
  /** TCP port of each interface. */
  readonly ports: Readonly<Record<string, number>>;
  /** Counts of each interface since the start, and its open connections. */
  readonly stats: Readonly<Record<string, MllpListener['stats']>>;
  /** Whether reading stands still because the disk is behind. */
  readonly held: boolean;
  /** Takes other certificates for an interface. Connections that are there end when what is in hand is answered. */
  renew(name: string, tls: InterfaceTls): void;
  /** Takes no more, lets what is in hand become safe and be answered, closes the connections. */
  close(): Promise<void>;
}

/**
 * Starts the interfaces: each an MLLP listener whose messages are examined, made safe, and only then acknowledged. When
 * a message cannot be made safe nothing is acknowledged and its connection is closed. When too much waits for the disk
 * nothing more is read from anybody, until half of it is safe.
 *
 * @throws Error when a port cannot be listened on; those opened before are closed again
 */
export async function createIntake(options: IntakeOptions): Promise<Intake> {
  const { inbox, types, settlements, clock, log, metrics } = options;
  const listeners = new Map<string, MllpListener>();
  const controlId = createControlIds(clock);
  const gate = createGate(options, () => {
    for (const listener of listeners.values()) listener.resume();
  });
  const watched: Pick<InboxIntake, 'receive' | 'lastSequence'> = {
    receive(arrival) {
      const receipt = inbox.receive(arrival);
      // They end in their order: that half of those that wait is safe is known by the first of the other half.
      if (gate.isHalfFull()) receipt.then(gate.look, gate.look);
      return receipt;
    },
    lastSequence: (source, sender) => inbox.lastSequence(source, sender),
  };

  async function start(profile: InterfaceProfile): Promise<void> {
    const handler = createLink({
      profile,
      inbox: watched,
      types,
      settlements,
      answers: options.answers,
      clock,
      log,
      metrics,
      controlId,
    });
    const more = { hold: gate.held, clock, ...(log ? { log: log.child({ backend: profile.name }) } : {}) };
    listeners.set(profile.name, await createMllpListener({ ...listenerOptions(profile), ...more, handler }));
  }

  async function close(): Promise<void> {
    gate.open();
    await Promise.all(Array.from(listeners.values(), (listener) => listener.close()));
  }

  try {
    for (const profile of options.interfaces) await start(profile);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ports: Object.fromEntries(Array.from(listeners, ([name, { port }]) => [name, port])),
    get stats() {
      return Object.fromEntries(Array.from(listeners, ([name, { stats }]) => [name, stats]));
    },
    renew: (name, tls) => listeners.get(name)?.renew(tlsOptions(tls)),
    get held() {
      return gate.held();
    },
    close,
  };
}

function listenerOptions(profile: InterfaceProfile): Omit<MllpListenerOptions, 'handler' | 'clock'> {
  const { host, port, tls, maxFrameBytes, maxConnections, maxWaiting, maxInFlight, idleMs, stallMs } =
    profile;
  const secure = tls ? { tls: tlsOptions(tls) } : {};
  return { host, port, ...secure, maxFrameBytes, maxConnections, maxWaiting, maxInFlight, idleMs, stallMs };
}

function tlsOptions(tls: InterfaceTls): TlsOptions {
  const { cert, key, ca, clientCertificates } = tls;
  const check = { requestCert: clientCertificates, rejectUnauthorized: clientCertificates };
  return { minVersion: 'TLSv1.2', cert, key, ...(ca ? { ca } : {}), ...check, handshakeTimeout: 10_000 };
}

/** Says when nothing more may be read. Closed when too much waits for the disk, open again when half of it is safe. */
function createGate({ inbox, clock, most }: IntakeOptions, opened: () => void) {
  const { messages, bytes } = most ?? { messages: 10_000, bytes: 64 * 1024 * 1024 };
  let closed = false;
  let ended = false;
  const over = (share: number): boolean => {
    const { pending } = inbox;
    return pending.messages >= messages * share || pending.bytes >= bytes * share;
  };
  let cancel: (() => void) | undefined;
  const look = (): void => {
    if (!closed || over(0.5)) return;
    cancel?.();
    closed = false;
    opened();
  };
  /** What waits may be others' too: then nothing of ours ends, and only looking tells. */
  const lookAgain = (): void => {
    look();
    if (closed) cancel = clock.after(100, lookAgain);
  };
  return {
    held: (): boolean => {
      if (!closed && !ended && over(1)) {
        closed = true;
        cancel = clock.after(100, lookAgain);
      }
      return closed;
    },
    look,
    isHalfFull: (): boolean => over(0.5),
    open: () => {
      cancel?.();
      ended = true;
      closed = false;
    },
  };
}

/** The last two digits of a number in base 36, by their value. */
const LAST_DIGITS = Array.from({ length: 36 ** 2 }, (_, value) => inBase36(value, 2));

function inBase36(value: number, digits: number): string {
  return value.toString(36).toUpperCase().padStart(digits, '0');
}

/** Control ids of our acknowledgements: unlike those of earlier runs, at most 20 characters. */
function createControlIds(clock: Clock): () => string {
  const run = clock.now().toString(36).toUpperCase();
  let serial = 0;
  let start = '';
  return () => {
    const last = serial % LAST_DIGITS.length;
    if (last === 0) start = run + inBase36(serial / LAST_DIGITS.length, 3);
    serial++;
    return start + LAST_DIGITS[last]!;
  };
}
