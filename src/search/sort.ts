import { FicusError } from '../errors.ts';
import { isJsonObject } from '../fhir/json.ts';
import type { SortKey } from '../fhir/search-query.ts';
import type { Json, Resource } from '../fhir/types.ts';
import { compareDecimals, type Decimal } from './decimal.ts';
import { timeRangeOf } from './match/date.ts';
import { decimalOf } from './match/quantity.ts';
import { evaluable } from './parameter.ts';
import { compareText, foldCase } from './text.ts';
import type { TimeZone } from './time-zone.ts';

type Compare<T> = (a: T, b: T) => number;

interface Ordering<T> {
  /** The keys a value can be sorted by, for either direction. */
  readonly keys: (item: Json, descending: boolean) => readonly T[];
  readonly compare: Compare<T>;
}

/**
 * The resources in the order of `_sort`. Of several values of one resource the one that comes first in that order
 * counts; a resource without a value comes last in either direction; equal ones are in the order of their ids. FHIR R4
 * search.html#sort
 */
export function sortResources(
  type: string,
  resources: readonly Resource[],
  sort: readonly SortKey[],
  zone: TimeZone,
): Resource[] {
  const columns = sort.map((key) => column(type, key, zone));
  const order: Compare<Resource> = (a, b) => {
    for (const compare of columns) {
      const side = compare(a, b);
      if (side !== 0) return side;
    }
    return compareText(a.id ?? '', b.id ?? '');
  };
  return resources.toSorted(order);
}

function column(type: string, { name, descending }: SortKey, zone: TimeZone): Compare<Resource> {
  // Ids are told apart by case, and say nothing of what they are made of: this order is a way through all of them.
  if (name === '_id') return byKey(({ id }) => (id === undefined ? [] : [id]), descending, IDS);
  const parameter = evaluable(type, name);
  const paramType = parameter?.definition.type;
  if (parameter && (paramType === 'string' || paramType === 'token' || paramType === 'uri')) {
    return byKey(parameter.extract, descending, TEXT);
  }
  if (parameter && paramType === 'date') return byKey(parameter.extract, descending, times(zone));
  if (parameter && (paramType === 'number' || paramType === 'quantity')) {
    return byKey(parameter.extract, descending, QUANTITY);
  }
  throw new FicusError('search-unsupported', `Results cannot be sorted by ${name}.`, {
    expression: ['_sort'],
  });
}

function byKey<T>(
  extract: (resource: Resource) => Json[],
  descending: boolean,
  { keys, compare }: Ordering<T>,
): Compare<Resource> {
  const directed: Compare<T> = descending ? (a, b) => compare(b, a) : compare;
  const remembered = new Map<Resource, T | undefined>();
  const keyOf = (resource: Resource): T | undefined => {
    if (remembered.has(resource)) return remembered.get(resource);
    const all = extract(resource).flatMap((item) => keys(item, descending));
    const first = all.reduce<T | undefined>(
      (best, key) => (best === undefined || directed(key, best) < 0 ? key : best),
      undefined,
    );
    remembered.set(resource, first);
    return first;
  };
  return (a, b) => {
    const [left, right] = [keyOf(a), keyOf(b)];
    if (left === undefined || right === undefined)
      return Number(left === undefined) - Number(right === undefined);
    return directed(left, right);
  };
}

const IDS: Ordering<string> = {
  keys: (id) => (typeof id === 'string' ? [id] : []),
  compare: compareText,
};

const TEXT: Ordering<string> = { keys: textsOf, compare: compareText };

/** Strings as they are; names by their family name, addresses and codes by what stands first in them. */
export function textsOf(item: Json): readonly string[] {
  if (typeof item === 'string') return [foldCase(item)];
  if (typeof item === 'boolean') return [String(item)];
  if (!isJsonObject(item)) return [];
  if (Array.isArray(item['coding'])) return item['coding'].flatMap(textsOf);
  let text: string | undefined;
  for (const name of PARTS) {
    const part = item[name];
    if (typeof part === 'string') text = joined(text, part);
    else if (Array.isArray(part)) for (const it of part) if (typeof it === 'string') text = joined(text, it);
  }
  return text === undefined || text === '' ? [] : [foldCase(text)];
}

const PARTS = ['family', 'given', 'line', 'city', 'text', 'value', 'code'] as const;

const joined = (text: string | undefined, part: string): string =>
  text === undefined ? part : `${text} ${part}`;

/** By when a time begins; from the latest on, by when it ends. */
function times(zone: TimeZone): Ordering<bigint> {
  return {
    keys: (item, descending) => {
      const range = timeRangeOf(item, zone);
      return range ? [descending ? range.high : range.low] : [];
    },
    compare: (a, b) => (a < b ? -1 : a > b ? 1 : 0),
  };
}

/** The unit that quantities stand together by. */
export function sortUnit(item: Json): string {
  const unit = isJsonObject(item) ? (item['code'] ?? item['unit']) : undefined;
  return typeof unit === 'string' ? unit : '';
}

/** Units are not converted: quantities of one unit stand together, in the order of their values. */
const QUANTITY: Ordering<{ readonly unit: string; readonly value: Decimal }> = {
  keys: (item) => {
    const quantity = isJsonObject(item) ? item : undefined;
    const value = decimalOf(quantity ? quantity['value'] : item);
    return value ? [{ value, unit: sortUnit(item) }] : [];
  },
  compare: (a, b) => compareText(a.unit, b.unit) || compareDecimals(a.value, b.value),
};
