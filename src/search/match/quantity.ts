import { decimalText, isJsonObject } from '../../fhir/json.ts';
import type { SearchPrefix, SearchValue } from '../../fhir/search-query.ts';
import type { Json, JsonObject } from '../../fhir/types.ts';
import { approximateRange, compareDecimals, impliedRange, parseDecimal } from '../decimal.ts';
import type { Decimal, DecimalRange } from '../decimal.ts';

/**
 * What a resource says, as an interval. A bound that is missing is open to infinity; `open` bounds do not belong to it.
 */
export interface Interval {
  readonly low?: Decimal;
  readonly high?: Decimal;
  readonly lowOpen?: boolean;
  readonly highOpen?: boolean;
}

const ISO_4217 = 'urn:iso:std:iso:4217';

/**
 * Tests one value that a number or quantity parameter's expression found: a number, Quantity, Range or Money. A
 * Quantity with a comparator (`<5`) is the open interval it stands for. Units are compared, not converted; sampled data
 * have no one value and match nothing. FHIR R4 search.html#number, #quantity
 */
export function compileQuantity(value: SearchValue): (item: Json) => boolean {
  const range = impliedRange(numberText(value));
  if (!range) return () => false;
  const compare = COMPARE[value.prefix ?? 'eq'];
  return (item) => {
    const interval = intervalOf(item, value);
    return interval !== undefined && compare(range, interval);
  };
}

/** The number of a JSON number, its digits kept; undefined when the value is none. */
export function decimalOf(item: Json | undefined): Decimal | undefined {
  const text = decimalText(item);
  return text === undefined ? undefined : parseDecimal(text);
}

function numberText(value: SearchValue): string {
  const [number = ''] = value.text.split('|', 1);
  return number;
}

function intervalOf(item: Json, unit: SearchValue): Interval | undefined {
  return unitsOf(item).every((quantity) => sameUnit(quantity, unit)) ? intervalIn(item) : undefined;
}

/** What a value says of its unit: the value itself, or both ends of a Range. */
export function unitsOf(item: Json): readonly JsonObject[] {
  if (!isJsonObject(item)) return [];
  if (item['low'] === undefined && item['high'] === undefined) return [item];
  return [item['low'], item['high']].filter((end) => isJsonObject(end));
}

/** The interval that a value stands for, in whatever unit; undefined when it is none. */
export function intervalIn(item: Json): Interval | undefined {
  const number = decimalOf(item);
  if (number) return { low: number, high: number };
  if (!isJsonObject(item)) return undefined;
  if (item['low'] !== undefined || item['high'] !== undefined) return rangeInterval(item);
  const value = decimalOf(item['value']);
  if (!value) return undefined;
  const { comparator } = item;
  if (comparator === '<') return { high: value, highOpen: true };
  if (comparator === '<=') return { high: value };
  if (comparator === '>') return { low: value, lowOpen: true };
  if (comparator === '>=') return { low: value };
  return { low: value, high: value };
}

function rangeInterval(range: JsonObject): Interval | undefined {
  const [lowEnd, highEnd] = [range['low'], range['high']].map((end) => (isJsonObject(end) ? end : undefined));
  const low = decimalOf(lowEnd?.['value']);
  const high = decimalOf(highEnd?.['value']);
  return low || high ? { ...(low ? { low } : {}), ...(high ? { high } : {}) } : undefined;
}

/** Unit of a Quantity or Money: its code, and the system that the code is of. */
export function unitOf(quantity: JsonObject): {
  readonly system: Json | undefined;
  readonly code: Json | undefined;
} {
  return {
    code: quantity['code'] ?? quantity['currency'],
    system: quantity['currency'] === undefined ? quantity['system'] : ISO_4217,
  };
}

function sameUnit(quantity: JsonObject, { system, code }: SearchValue): boolean {
  const { system: foundSystem, code: foundCode } = unitOf(quantity);
  if (system && foundSystem !== system) return false;
  if (code === undefined) return true;
  return foundCode === code || (!system && quantity['unit'] === code);
}

/** The prefixes other than eq, ne and ap take the number as exactly what is written (FHIR R4 search.html#number). */
const COMPARE: Readonly<Record<SearchPrefix, (search: DecimalRange, target: Interval) => boolean>> = {
  eq: within,
  ne: (search, target) => !within(search, target),
  gt: ({ value }, target) => highSide(target, value) > 0,
  ge: ({ value }, target) => highSide(target, value) > 0 || touchesHigh(target, value),
  lt: ({ value }, target) => lowSide(target, value) < 0,
  le: ({ value }, target) => lowSide(target, value) < 0 || touchesLow(target, value),
  sa: ({ value }, target) => lowSide(target, value) >= 0 && !touchesLow(target, value),
  eb: ({ value }, target) => highSide(target, value) <= 0 && !touchesHigh(target, value),
  ap({ value }, target) {
    const { low, high } = approximateRange(value);
    const startsInTime = lowSide(target, high) < 0 || touchesLow(target, high);
    return startsInTime && (highSide(target, low) > 0 || touchesHigh(target, low));
  },
};

/** Where the upper end of the interval lies, seen from `value`: below 0, at it, above it. */
function highSide({ high }: Interval, value: Decimal): number {
  return high === undefined ? 1 : compareDecimals(high, value);
}

function lowSide({ low }: Interval, value: Decimal): number {
  return low === undefined ? -1 : compareDecimals(low, value);
}

/** Whether the upper end is `value` itself, and belongs to the interval. */
function touchesHigh(target: Interval, value: Decimal): boolean {
  return highSide(target, value) === 0 && target.highOpen !== true;
}

function touchesLow(target: Interval, value: Decimal): boolean {
  return lowSide(target, value) === 0 && target.lowOpen !== true;
}

function within(search: DecimalRange, { low, high, highOpen }: Interval): boolean {
  if (low === undefined || high === undefined) return false;
  const top = compareDecimals(high, search.high);
  return compareDecimals(search.low, low) <= 0 && (top < 0 || (top === 0 && highOpen === true));
}
