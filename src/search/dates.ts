import type { SearchPrefix } from '../fhir/search-query.ts';
import type { TimeZone } from './time-zone.ts';

/** A stretch of time in nanoseconds since the epoch: `low` belongs to it, `high` does not. */
export interface TimeRange {
  readonly low: bigint;
  readonly high: bigint;
}

/** Before and after any date there is: what a Period without a start or an end has there. */
export const BEGINNING = -(10n ** 30n);
export const END = 10n ** 30n;

const DATE = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/;
const MILLISECOND = 1_000_000n;
const SECOND = 1000n * MILLISECOND;

/**
 * The time a FHIR date, dateTime or instant covers at the precision it is written with: `1980-03` is all of March 1980.
 * Without an offset it is local time of `zone`. Fractions count to the nanosecond. undefined: not a date, or no such
 * day. FHIR R4 search.html#date
 */
export function parseTimeRange(text: string, zone: TimeZone): TimeRange | undefined {
  const match = DATE.exec(text);
  if (!match) return undefined;
  const [, yyyy, mm, dd, hour, minute, second, fraction, offset] = match;
  const year = Number(yyyy);
  const month = mm === undefined ? 0 : Number(mm) - 1;
  const day = dd === undefined ? 1 : Number(dd);
  if (year === 0 || month < 0 || month > 11 || day < 1 || day > daysIn(year, month)) return undefined;
  if (hour === undefined) {
    const next =
      mm === undefined
        ? utc(year + 1, 0, 1)
        : dd === undefined
          ? utc(year, month + 1, 1)
          : utc(year, month, day + 1);
    return { low: nanoseconds(zone.toUtc(utc(year, month, day))), high: nanoseconds(zone.toUtc(next)) };
  }
  const clock = clockTime(hour, minute, second);
  const shift = offset === undefined ? 0 : offsetMilliseconds(offset);
  if (clock === undefined || shift === undefined) return undefined;
  const local = utc(year, month, day) + clock;
  const start = nanoseconds(offset === undefined ? zone.toUtc(local) : local - shift);
  if (second === undefined) return { low: start, high: start + 60n * SECOND };
  if (fraction === undefined) return { low: start, high: start + SECOND };
  const kept = fraction.slice(0, 9);
  const unit = 10n ** BigInt(9 - kept.length);
  const low = start + BigInt(kept) * unit;
  return { low, high: low + unit };
}

/**
 * Whether what a resource says (`target`) stands to what was asked for (`search`) as the prefix demands. The range
 * above a search value begins where the value's own range ends: `gt2013-01-14` begins on the 15th.
 * @param now epoch milliseconds; `ap` allows a tenth of the distance from now.
 * FHIR R4 search.html#prefix
 */
export function compareTimes(
  prefix: SearchPrefix,
  search: TimeRange,
  target: TimeRange,
  now: number,
): boolean {
  return COMPARE[prefix](search, target, now);
}

const COMPARE: Readonly<
  Record<SearchPrefix, (search: TimeRange, target: TimeRange, now: number) => boolean>
> = {
  eq: contains,
  ne: (search, target) => !contains(search, target),
  gt: (search, target) => target.high > search.high,
  lt: (search, target) => target.low < search.low,
  ge: (search, target) => target.high > search.high || contains(search, target),
  le: (search, target) => target.low < search.low || contains(search, target),
  sa: (search, target) => target.low >= search.high,
  eb: (search, target) => target.high <= search.low,
  ap(search, target, now) {
    const slack = distance(nanoseconds(now), search) / 10n;
    return target.high > search.low - slack && target.low < search.high + slack;
  },
};

function contains(outer: TimeRange, inner: TimeRange): boolean {
  return outer.low <= inner.low && inner.high <= outer.high;
}

function distance(moment: bigint, range: TimeRange): bigint {
  if (moment < range.low) return range.low - moment;
  return moment < range.high ? 0n : moment - range.high;
}

function nanoseconds(milliseconds: number): bigint {
  return BigInt(milliseconds) * MILLISECOND;
}

/** `Date.UTC` without its reading of the years 0 to 99 as 1900 to 1999. */
function utc(year: number, month: number, day: number): number {
  return new Date(0).setUTCFullYear(year, month, day);
}

function daysIn(year: number, month: number): number {
  return new Date(utc(year, month + 1, 0)).getUTCDate();
}

/** Milliseconds since midnight; second 60 is a leap second, as FHIR allows it. */
function clockTime(hour: string, minute: string | undefined, second: string | undefined): number | undefined {
  const [h, m, s] = [Number(hour), Number(minute), Number(second ?? 0)];
  if (h > 23 || m > 59 || s > 60) return undefined;
  return ((h * 60 + m) * 60 + s) * 1000;
}

function offsetMilliseconds(offset: string): number | undefined {
  if (offset === 'Z') return 0;
  const [h, m] = [Number(offset.slice(1, 3)), Number(offset.slice(4, 6))];
  if (h > 14 || m > 59) return undefined;
  return (offset.startsWith('-') ? -1 : 1) * (h * 60 + m) * 60_000;
}
