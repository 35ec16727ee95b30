import { FicusError } from '../../src/errors.ts';
import type { CharsetChoice } from './charset.ts';
import { Message } from './message.ts';
import { parseMessage } from './parse.ts';

/** Whether losing the answer leaves doubt: a query may be sent again, a write may have happened. */
export type Expects = 'query' | 'write';

/** One message on its way: waits in the queue, is sent on one connection, is settled once. */
export interface Exchange {
  readonly message: Message | Uint8Array;
  readonly frame: Buffer;
  /** MSH-10: what MSA-2 of the reply must be. */
  readonly controlId: string;
  readonly expects: Expects;
  /** Epoch milliseconds. */
  readonly deadline: number;
  /** Written to a connection: from now on a write may happen. */
  sent: boolean;
  /** Set when its connection was found dead and it went to another: not more than once. */
  resent: boolean;
  /** Settled: nobody waits any more. */
  done: boolean;
  readonly resolve: (reply: Message) => void;
  readonly reject: (error: unknown) => void;
  /** Stops listening to the caller's signal. */
  release: (() => void) | undefined;
}

/** Ends an exchange, whose reply is there: nothing else can end it from now on. `resolve` tells who waits. */
export function endExchange(exchange: Exchange): void {
  exchange.done = true;
  exchange.release?.();
}

/** Ends an exchange without one. */
export function rejectExchange(exchange: Exchange, error: unknown): void {
  if (exchange.done) return;
  exchange.done = true;
  exchange.release?.();
  exchange.reject(error);
}

/** The deadline passed, or the caller gave up, before anything was written: the core knows nothing of it. */
export function neverSent(cause?: unknown): FicusError {
  return new FicusError(
    'timeout',
    'The legacy system was too busy: the message was not sent before the deadline.',
    { cause },
  );
}

/** The caller gave up. Its own reason where it has one to show, unless a write is out there. */
export function abandoned(exchange: Exchange, reason: unknown): FicusError {
  if (exchange.sent && exchange.expects === 'write') return unknownOutcome(reason);
  if (reason instanceof FicusError) return reason;
  return exchange.sent ? unanswered(exchange.expects, reason) : neverSent(reason);
}

/** No connection. `retryAfterMs`: when the next attempt is due. Nothing was written. */
export function unreachable(retryAfterMs: number, cause?: unknown): FicusError {
  return new FicusError('unavailable', 'The legacy system cannot be reached: the message was not sent.', {
    cause,
    retryAfter: Math.max(1, Math.ceil(retryAfterMs / 1000)),
  });
}

/** The queue is full, or the pool is closing. Nothing was written. */
export function refused(reason: string): FicusError {
  return new FicusError('unavailable', `${reason}: the message was not sent.`, { retryAfter: 1 });
}

/** Sent, and no acknowledgement by the deadline. */
export function unanswered(expects: Expects, cause?: unknown): FicusError {
  if (expects === 'write') return unknownOutcome(cause);
  return new FicusError('timeout', 'The legacy system did not answer in time.', { cause });
}

/** Sent, and the connection ended without an acknowledgement. */
export function lost(expects: Expects, cause?: unknown): FicusError {
  if (expects === 'write') return unknownOutcome(cause);
  return new FicusError('unavailable', 'The connection to the legacy system was lost before it answered.', {
    cause,
    retryAfter: 1,
  });
}

function unknownOutcome(cause: unknown): FicusError {
  return new FicusError(
    'outcome-unknown',
    'The legacy system did not acknowledge the message: it may or may not have been applied.',
    {
      cause,
    },
  );
}

/**
 * Something came in answer that is no acknowledgement of anything. For a write that leaves its outcome unknown, and the
 * text says so.
 */
export function malformed(expects: Expects, cause?: unknown): FicusError {
  const doubt = expects === 'write' ? ' Whether the message was applied is not known.' : '';
  return new FicusError('legacy-malformed', `The answer of the legacy system cannot be read.${doubt}`, {
    cause,
  });
}

/**
 * MSH-10 of a message to be sent.
 * @throws {FicusError} `unmappable` without one: no reply could be matched.
 */
export function controlIdOf(message: Message | Uint8Array, choice: CharsetChoice): string {
  const controlId = asMessage(message, choice).value('MSH', 10);
  if (controlId) return controlId;
  throw new FicusError(
    'unmappable',
    'A message without MSH-10 cannot be sent: no reply could be matched to it.',
  );
}

function asMessage(message: Message | Uint8Array, choice: CharsetChoice): Message {
  return message instanceof Message ? message : parseMessage(message, choice);
}

/**
 * Whether an application acknowledgement follows the accept acknowledgement: MSH-16 is AL (HL7 v2.5.1 §2.9.3, table
 * 0155). With ER and SU it may never come, so the accept acknowledgement is the last word.
 */
export function wantsApplicationAck(message: Message | Uint8Array, choice: CharsetChoice): boolean {
  return asMessage(message, choice).value('MSH', 16) === 'AL';
}
