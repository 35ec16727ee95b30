import { number, roughly } from './words.ts';
import type { Tally } from './tally.ts';

const DAY_MS = 86_400_000;
/** The rate of so many days is the present one. */
const RECENT_DAYS = 7;
/** A pause of so many usual gaps between calls is no coincidence. */
const GAPS = 20;

export type Counted = 'trials' | 'calls';

/**
 * How many trials or calls of clients there are in a day, at the present rate: over the run, or the last seven days
 * when it is older. What was replayed came at somebody's wish, and does not count. undefined: too little was seen to
 * tell.
 * @param now epoch milliseconds
 */
export function perDay(tally: Tally, counted: Counted, now: number): number | undefined {
  const first = counted === 'trials' ? tally.trials.firstLive : firstCall(tally);
  if (first === undefined || first >= now) return undefined;
  const today = Math.floor(now / DAY_MS);
  const oldest = today - RECENT_DAYS;
  let count = 0;
  for (const [day, counts] of tally.days) if (day >= oldest) count += counts[counted];
  if (count === 0) return undefined;
  const from = Math.max(first, oldest * DAY_MS);
  return (count * DAY_MS) / (now - from);
}

/** When so many more will have come: `about 12 days at 20 calls a day`; `at the present rate, never`. */
export function expected(needed: number, tally: Tally, counted: Counted, now: number): string {
  if (!Number.isFinite(needed)) return 'never';
  const rate = perDay(tally, counted, now);
  const noun = counted === 'trials' ? 'comparisons' : 'calls';
  if (rate === undefined) return `at a time that cannot be told: no ${noun} of late`;
  return `${roughly((needed / rate) * DAY_MS)} at ${paceInWords(rate, noun)}`;
}

/** In the unit that makes a figure which people can read. */
function paceInWords(rate: number, noun: string): string {
  if (rate < 1) return `${rate.toFixed(2)} ${noun} a day`;
  const [count, unit] =
    rate < 10_000 ? [rate, 'day'] : rate < 240_000 ? [rate / 24, 'hour'] : [rate / 1_440, 'minute'];
  return `${number(count)} ${noun} ${unit === 'hour' ? 'an' : 'a'} ${unit}`;
}

/**
 * After how many milliseconds without a newer one evidence is stale: `minutes`, or twenty times the mean gap between
 * calls where they are few.
 */
export function staleAfter(tally: Tally, minutes: number): number {
  const { legacy, modern } = tally.calls;
  const count = legacy.client.count + modern.client.count;
  const first = firstCall(tally);
  const last = Math.max(legacy.client.last ?? 0, modern.client.last ?? 0);
  const gap = first === undefined || count < 2 ? 0 : (last - first) / (count - 1);
  return Math.max(minutes * 60_000, GAPS * gap);
}

function firstCall(tally: Tally): number | undefined {
  const { legacy, modern } = tally.calls;
  const firsts = [legacy.client.first, modern.client.first].filter((at) => at !== undefined);
  return firsts.length === 0 ? undefined : Math.min(...firsts);
}
