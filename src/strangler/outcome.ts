import { FicusError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import type { Answered } from '../migration-ports.ts';
import type { FhirResponse, Route, Side } from '../ports.ts';

/** How a side answered. */
export interface Outcome {
  readonly side: Side;
  readonly outcome: Answered['outcome'];
  /** It stands in for the side that was asked first. */
  readonly inPlace?: true;
}

/** What a side gave. */
export function ended({ outcome }: Outcome): FhirResponse | FicusError {
  return 'error' in outcome ? outcome.error : outcome.response;
}

const ABSENT: ReadonlySet<number> = new Set([404, 410]);

/** Whether a side says that there is no such resource. */
export function isAbsent({ status }: FhirResponse | FicusError): boolean {
  return ABSENT.has(status);
}

const NOT_IMPLEMENTED = 501;
const BEYOND: ReadonlySet<ErrorCode> = new Set(['search-unsupported', 'too-costly']);

/**
 * Whether legacy has no answer that would do for modern's: it does not know the resource, which may be modern's all the
 * same, or it can never be asked this (it keeps no versions, it cannot search so).
 */
export function cannotSay(result: FhirResponse | FicusError): boolean {
  return (
    isAbsent(result) ||
    result.status === NOT_IMPLEMENTED ||
    (result instanceof FicusError && BEYOND.has(result.code))
  );
}

/** Modern has failed, and legacy cannot answer in its place: that is no fault of the request. */
export function unanswered(first: Outcome, { endpoint, modern }: Route): Outcome {
  if ('error' in first.outcome) return first;
  const words = `${modern} failed to answer ${endpoint}, and legacy cannot in its place.`;
  return { ...first, outcome: { error: new FicusError('unavailable', words, { retryAfter: 5 }) } };
}

/** Gives up what nobody will read. */
export function discard({ outcome }: Outcome): void {
  if ('response' in outcome && outcome.response.body.kind === 'pipe') outcome.response.body.discard();
}
