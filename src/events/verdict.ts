import { FicusError, toFicusError } from '../errors.ts';
import type { Clock, FhirResponse, Side } from '../ports.ts';

/** Why a write did not get through, and what follows. */
export interface Setback {
  /**
   * `outage`: the side does not take anything now, which says nothing of this write: it does not count; `failure`: it
   * counts; `refusal`: the same write will never be taken.
   */
  readonly kind: 'outage' | 'failure' | 'refusal';
  /** Without patient data. */
  readonly words: string;
}

const REFUSALS: ReadonlySet<string> = new Set([
  'malformed',
  'invalid',
  'not-found',
  'not-promised',
  'duplicate',
  'multiple-matches',
  'too-large',
  'unsupported-media',
  'unprocessable',
  'unmappable',
  'value-required',
  'value-invalid',
  'code-invalid',
  'not-implemented',
]);

/** What an error says of a write that is not the client's any more. */
export function setbackOf(error: unknown): Setback {
  if (error instanceof SetbackError) return error.setback;
  const { code, message, issues, retryable } = toFicusError(error);
  const paths = issues.flatMap(({ expression }) => expression ?? []);
  const words = paths.length === 0 ? message : `${message} (${paths.join(', ')})`;
  if (retryable) return { kind: 'outage', words };
  return { kind: REFUSALS.has(code) ? 'refusal' : 'failure', words };
}

const OUTAGES: ReadonlySet<number> = new Set([408, 423, 425, 429, 503, 504]);
const REFUSED: ReadonlySet<number> = new Set([400, 410, 412, 413, 415, 422]);

/** What an answer says, when it is none of success. */
export function setbackOfAnswer({ status }: FhirResponse, side: Side): Setback | undefined {
  if (status < 300) return undefined;
  const words = `the ${side} side answered with HTTP status ${status}`;
  if (OUTAGES.has(status)) return { kind: 'outage', words };
  return { kind: REFUSED.has(status) ? 'refusal' : 'failure', words };
}

/** A setback to throw. */
export class SetbackError extends FicusError {
  readonly setback: Setback;

  constructor(setback: Setback) {
    super('unavailable', setback.words);
    this.name = 'SetbackError';
    this.setback = setback;
  }
}

export interface BackOff {
  /** Pause after the first failure, in milliseconds; it doubles. */
  readonly firstRetryMs: number;
  /** Longest pause. */
  readonly maxRetryMs: number;
}

/** When to try again after so many failures: half of the pause is certain, half is chance. Epoch milliseconds. */
export function nextTry(
  { firstRetryMs, maxRetryMs }: BackOff,
  failures: number,
  clock: Clock,
  random: () => number,
): number {
  const pause = Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
  return clock.now() + Math.ceil(pause / 2 + (random() * pause) / 2);
}
