import { isJsonObject } from '../../fhir/json.ts';
import type { SearchValue } from '../../fhir/search-query.ts';
import type { Json, JsonObject } from '../../fhir/types.ts';
import { BEGINNING, compareTimes, END, parseTimeRange, type TimeRange } from '../dates.ts';
import type { TimeZone } from '../time-zone.ts';

/**
 * Tests one value that a date parameter's expression found: date, dateTime, instant, Period or Timing.
 * @param now epoch milliseconds, for `ap`.
 */
export function compileDate(value: SearchValue, zone: TimeZone, now: number): (item: Json) => boolean {
  const search = parseTimeRange(value.text, zone);
  if (!search) return () => false;
  const prefix = value.prefix ?? 'eq';
  return (item) => {
    const target = timeRangeOf(item, zone);
    return target !== undefined && compareTimes(prefix, search, target, now);
  };
}

/**
 * The time that an element covers. A Period without a start or an end is open there; of a Timing only the outer limits
 * matter (FHIR R4 search.html#date). undefined: it says no time at all.
 */
export function timeRangeOf(item: Json, zone: TimeZone): TimeRange | undefined {
  if (typeof item === 'string') return parseTimeRange(item, zone);
  if (!isJsonObject(item)) return undefined;
  const { event, repeat } = item;
  if (event === undefined && repeat === undefined) return periodRange(item, zone);
  const ranges = (Array.isArray(event) ? event : []).map((it) => timeRangeOf(it, zone));
  if (isJsonObject(repeat)) ranges.push(timeRangeOf(repeat['boundsPeriod'] ?? null, zone));
  const found = ranges.filter((it) => it !== undefined);
  const [first] = found;
  if (!first) return undefined;
  return found.reduce((all, it) => ({
    low: it.low < all.low ? it.low : all.low,
    high: it.high > all.high ? it.high : all.high,
  }));
}

function periodRange(period: JsonObject, zone: TimeZone): TimeRange | undefined {
  const { start, end } = period;
  if (start === undefined && end === undefined) return undefined;
  const from = typeof start === 'string' ? parseTimeRange(start, zone) : undefined;
  const to = typeof end === 'string' ? parseTimeRange(end, zone) : undefined;
  if ((start !== undefined && !from) || (end !== undefined && !to)) return undefined;
  return { low: from?.low ?? BEGINNING, high: to?.high ?? END };
}
