import type { Cause } from './records.ts';

/** A day in milliseconds: more than a zone that is not the sender's explains. */
const AHEAD_MS = 86_400_000;

/**
 * Whether something newer is known than what comes. What is known of a time that has not come counts against its like
 * alone: a wrong clock is not believed for ever.
 *
 * @param known epoch milliseconds of the event that is known
 */
export function isLate({ eventAt, now }: Cause, known: number): boolean {
  const latest = now + AHEAD_MS;
  return known > eventAt && (known <= latest || eventAt > latest);
}
