import type { Signal } from '../cancellation.ts';
import { FicusError, toFicusError } from '../errors.ts';
import type { Clock, FhirRequest, RequestContext } from '../ports.ts';

/** Whether an interaction changes something. Reads, vreads and searches may be asked again; a write never blindly. */
export function isWrite(request: FhirRequest): boolean {
  return request.interaction === 'create' || request.interaction === 'update';
}

/**
 * Marks errors that Ficus made itself without asking the backend: they say nothing of its health and are not tried
 * again.
 */
const UNASKED = { name: 'unasked' } as const;

/** An error for a request that the backend never saw: nothing was sent, nothing is unknown. */
export function unasked(code: 'unavailable' | 'timeout', words: string, retryAfter?: number): FicusError {
  return new FicusError(code, words, { cause: UNASKED, ...(retryAfter === undefined ? {} : { retryAfter }) });
}

/** Whether the backend never saw the request that failed with this. */
export function wasUnasked(error: unknown): boolean {
  return error instanceof FicusError && error.cause === UNASKED;
}

/** Marks what failed while a write was still being prepared by reads and searches. */
class NothingWritten extends Error {}

/** The same failure, known to come from before the write: whatever it says of the backend, nothing was written. */
export function beforeWrite(error: unknown): FicusError {
  const { code, message, issues, retryAfter, headers } = toFicusError(error);
  const cause = new NothingWritten('nothing was written', { cause: error });
  return new FicusError(code, message, {
    issues,
    headers,
    cause,
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
}

export function wasBeforeWrite(error: FicusError): boolean {
  return error.cause instanceof NothingWritten;
}

/** Why a request that waited for its turn left: time is up for a query; a write was not sent and may be tried again. */
export function leftQueue(request: FhirRequest): FicusError {
  return isWrite(request)
    ? unasked('unavailable', 'The write waited for its turn until its time was up; nothing was sent.', 1)
    : unasked('timeout', 'The request waited for its turn until its time was up.');
}

/** Timers may fire a little before the time they stand for. */
const TIMER_SLACK_MS = 20;

/** Whether the signal means that the client went away, rather than that time is up. */
export function clientLeft(context: RequestContext, clock: Clock): boolean {
  return context.signal.aborted && clock.now() + TIMER_SLACK_MS < context.deadline;
}

/** Why a request that was sent is given up without an answer of the backend's. */
export function noAnswer(request: FhirRequest): FicusError {
  return isWrite(request)
    ? new FicusError(
        'outcome-unknown',
        'There was no answer in time; whether the write took effect is not known. Ask before sending it again.',
      )
    : new FicusError('timeout', 'The backend did not answer in time.');
}

/** Settles with `promise`, or fails with `leave()` as soon as the signal aborts. */
export function orAborted<T>(promise: Promise<T>, signal: Signal, leave: () => Error): Promise<T> {
  if (signal.aborted) return Promise.reject(leave());
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(leave());
    const onValue = (value: T) => {
      signal.removeEventListener('abort', onAbort);
      resolve(value);
    };
    const onError = (error: Error) => {
      signal.removeEventListener('abort', onAbort);
      reject(error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(onValue, onError);
  });
}
