import { decimalText, isJsonObject } from '../../fhir/json.ts';
import { parseReference } from '../../fhir/reference.ts';
import type { SearchParamType } from '../../fhir/search-query.ts';
import type { Json } from '../../fhir/types.ts';
import { timeRangeOf } from '../../search/match/date.ts';
import { decimalOf, intervalIn, unitOf, unitsOf } from '../../search/match/quantity.ts';
import { someStringPart } from '../../search/match/string.ts';
import { CASE_SENSITIVE_SYSTEMS } from '../../search/match/token.ts';
import { sortUnit, textsOf } from '../../search/sort.ts';
import { compareText, searchForms } from '../../search/text.ts';
import type { TimeZone } from '../../search/time-zone.ts';
import { decimalKey, FIRST, LAST, timeKey } from '../order-key.ts';
import type { IndexedParameter } from './parameters.ts';

/**
 * Systems of tokens and quantities that are no URL. All of them but `FOREIGN` are what `|code` finds, and are below 1
 * in the file.
 */
export const SYSTEM = {
  /** A coding or identifier that says no system. */
  none: 0,
  /** A plain code that stands in the value set its element is bound to, spelled as there. */
  bound: -1,
  /** Any other plain code, string or boolean. */
  plain: -2,
  /** quantity: the human-readable unit, or a code without regard to its system. */
  unit: -3,
  /** quantity: no unit is asked of a plain number. */
  number: -4,
} as const;

/** A system that is no string: nothing that names one can find it. */
export const FOREIGN = '\u0001';

/** Marks a code that is compared with its case; the others stand in lower case. */
export const CASED = '\u0001';

export interface TokenRow {
  readonly code: string;
  readonly system: number | string;
}

export interface NumberRow {
  readonly low: string;
  readonly high: string;
  /** 1: `low` does not belong to it; 2: `high` does not; 3: neither does. */
  readonly open: number;
  readonly system: number | string;
  readonly code: string;
}

/** Takes the rows of one parameter of one resource; they may repeat. */
export interface RowSink {
  token(code: string, system: number | string): void;
  /** Of `:identifier`. */
  identifier(code: string, system: number | string): void;
  reference(type: string, id: string): void;
  text(text: string): void;
  date(low: string, high: string): void;
  number(row: NumberRow): void;
}

export interface RowContext {
  /** Zone of dates without an offset. */
  readonly zone: TimeZone;
  /** This server's own base address, without a slash at its end. */
  readonly base?: string;
}

/** Finds the rows of a parameter for the values it found. */
export type RowFinder = (indexed: IndexedParameter, items: readonly Json[], sink: RowSink) => void;

/** Dates and references that are kept with what they say: a message says most of them many times. */
const REMEMBERED = 5_000;

export function createRowFinder({ zone, base }: RowContext): RowFinder {
  const rangeOf = remembering((text: string) => keysOf(text, zone));
  const parsed = remembering(parseReference);

  function addDate(sink: RowSink, item: Json): void {
    const range = typeof item === 'string' ? rangeOf(item) : keysOf(item, zone);
    if (range) sink.date(range.low, range.high);
  }

  function addReference(sink: RowSink, item: Json): void {
    const element = isJsonObject(item) ? item : undefined;
    if (element?.['identifier'] !== undefined)
      addTokens((code, system) => sink.identifier(code, system), element['identifier'], undefined);
    const reference = element ? element['reference'] : item;
    if (typeof reference !== 'string') return;
    const target = parsed(reference);
    if (target?.kind === 'relative' || (target?.kind === 'absolute' && target.base === base))
      sink.reference(target.type, target.id);
    if (target?.kind === 'relative' || target?.kind === 'contained') return;
    sink.text(reference);
    if (target?.kind === 'absolute') sink.text(`${target.base}/${target.type}/${target.id}`);
    else if (reference.includes('|')) sink.text(reference.split('|', 1)[0]!);
  }

  const add: Readonly<Partial<Record<SearchParamType, Add>>> = {
    token: (sink, item, { parameter }) =>
      addTokens((code, system) => sink.token(code, system), item, parameter.codeSystems),
    string: (sink, item, { family }) => addStrings(sink, item, family),
    uri(sink, item) {
      if (typeof item === 'string') sink.text(item);
    },
    date: addDate,
    number: addNumbers,
    quantity: addNumbers,
    reference: addReference,
  };
  return (indexed, items, sink) => {
    const addItem = add[indexed.type];
    if (addItem) for (const item of items) addItem(sink, item, indexed);
  };
}

type Add = (sink: RowSink, item: Json, indexed: IndexedParameter) => void;

function remembering<T>(work: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    if (known.has(text)) return known.get(text)!;
    const value = work(text);
    if (known.size >= REMEMBERED) known.clear();
    known.set(text, value);
    return value;
  };
}

function keysOf(item: Json, zone: TimeZone): { readonly low: string; readonly high: string } | undefined {
  const range = timeRangeOf(item, zone);
  return range && { low: timeKey(range.low), high: timeKey(range.high) };
}

function addTokens(
  add: RowSink['token'],
  item: Json,
  codeSystems: ReadonlyMap<string, ReadonlySet<string>> | undefined,
): void {
  if (typeof item === 'string') {
    add(item.toLowerCase(), isBound(item, codeSystems) ? SYSTEM.bound : SYSTEM.plain);
  } else if (typeof item === 'boolean') {
    add(CASED + String(item), SYSTEM.plain);
  } else if (isJsonObject(item)) {
    const { coding } = item;
    if (Array.isArray(coding)) {
      for (const inner of coding) addTokens(add, inner, codeSystems);
      return;
    }
    const system = item['system'];
    const code = item['value'] ?? item['code'];
    const cased = typeof system === 'string' && CASE_SENSITIVE_SYSTEMS.has(system);
    add(
      typeof code !== 'string' ? '' : cased ? CASED + code : code.toLowerCase(),
      system === undefined ? SYSTEM.none : typeof system === 'string' ? system : FOREIGN,
    );
  }
}

function isBound(code: string, codeSystems: ReadonlyMap<string, ReadonlySet<string>> | undefined): boolean {
  if (codeSystems) for (const codes of codeSystems.values()) if (codes.has(code)) return true;
  return false;
}

function addStrings(sink: RowSink, item: Json, family: boolean): void {
  someStringPart(item, family, (part, isFamily) => {
    const forms = searchForms(part);
    // What has neither a letter nor a digit is found by `:exact` alone.
    if (forms.length === 0) sink.text('');
    for (const form of forms) {
      sink.text(form);
      if (!isFamily) continue;
      for (let at = form.indexOf(' '); at >= 0; at = form.indexOf(' ', at + 1)) sink.text(form.slice(at + 1));
    }
    return false;
  });
}

function addNumbers(sink: RowSink, item: Json): void {
  const interval = intervalIn(item);
  if (!interval) return;
  const { low, high, lowOpen, highOpen } = interval;
  const ends = {
    low: low ? decimalKey(low) : FIRST,
    high: high ? decimalKey(high) : LAST,
    open: (lowOpen === true ? 1 : 0) + (highOpen === true ? 2 : 0),
  };
  for (const unit of unitRows(item)) sink.number({ ...ends, ...unit });
}

/** Every unit by which a value can be found: by system and code, and by code or human-readable unit alone. */
function unitRows(item: Json): readonly TokenRow[] {
  if (decimalText(item) !== undefined) return [{ system: SYSTEM.number, code: '' }];
  const ends = unitsOf(item).map((quantity) => ({ ...unitOf(quantity), unit: quantity['unit'] }));
  const [first] = ends;
  if (!first) return [{ system: SYSTEM.number, code: '' }];
  const rows: TokenRow[] = [];
  const { system, code } = first;
  const sameSystem = typeof system === 'string' && ends.every((end) => end.system === system);
  const sameCode = typeof code === 'string' && ends.every((end) => end.code === code);
  if (sameSystem) rows.push({ system, code: sameCode ? code : '' });
  for (const word of new Set([code, first.unit])) {
    if (typeof word !== 'string' || (word === code && sameSystem && sameCode)) continue;
    if (ends.every((end) => end.code === word || end.unit === word))
      rows.push({ system: SYSTEM.unit, code: word });
  }
  return rows.length > 0 ? rows : [{ system: SYSTEM.unit, code: '' }];
}

/**
 * The smallest and the largest key by which a resource is sorted; undefined: nothing to sort by. Dates are sorted by
 * their rows.
 */
export function sortKeys(
  type: SearchParamType,
  items: readonly Json[],
): readonly [string, string] | undefined {
  const keysOf =
    type === 'number' || type === 'quantity'
      ? quantityKeys
      : type === 'string' || type === 'token' || type === 'uri'
        ? textsOf
        : undefined;
  if (!keysOf) return undefined;
  let low: string | undefined;
  let high: string | undefined;
  for (const item of items) {
    for (const key of keysOf(item)) {
      if (low === undefined || high === undefined) low = high = key;
      else if (compareText(key, low) < 0) low = key;
      else if (compareText(key, high) > 0) high = key;
    }
  }
  return low === undefined || high === undefined ? undefined : [low, high];
}

function quantityKeys(item: Json): string[] {
  const value = decimalOf(isJsonObject(item) ? item['value'] : item);
  return value ? [`${sortUnit(item)}\u0001${decimalKey(value)}`] : [];
}
