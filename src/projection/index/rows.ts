import { decimalText, isJsonObject } from '../../fhir/json.ts';
import { parseReference } from '../../fhir/reference.ts';
import type { SearchParamType } from '../../fhir/search-query.ts';
import type { Json } from '../../fhir/types.ts';
import { timeRangeOf } from '../../search/match/date.ts';
import { decimalOf, intervalIn, unitOf, unitsOf } from '../../search/match/quantity.ts';
import { someStringPart } from '../../search/match/string.ts';
import { CASE_SENSITIVE_SYSTEMS } from '../../search/match/token.ts';
import { sortUnit, textsOf } from '../../search/sort.ts';
import { searchForms } from '../../search/text.ts';
import type { TimeZone } from '../../search/time-zone.ts';
import { decimalKey, FIRST, LAST, timeKey } from '../order-key.ts';
import type { IndexedParameter } from './parameters.ts';

/** Systems of tokens and quantities that are no URL. All of them but `FOREIGN` are what `|code` finds, and are below 1 in the file. */
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

/** What one parameter finds in one resource, as rows of the index. */
export interface ParameterRows {
  readonly tokens: readonly TokenRow[];
  /** Of `:identifier`. */
  readonly identifiers: readonly TokenRow[];
  readonly references: readonly { readonly type: string; readonly id: string }[];
  readonly texts: readonly string[];
  readonly dates: readonly { readonly low: string; readonly high: string }[];
  readonly numbers: readonly NumberRow[];
}

export interface RowContext {
  /** Zone of dates without an offset. */
  readonly zone: TimeZone;
  /** This server's own base address, without a slash at its end. */
  readonly base?: string;
}

interface Builder {
  tokens: TokenRow[];
  identifiers: TokenRow[];
  references: { type: string; id: string }[];
  texts: string[];
  dates: { low: string; high: string }[];
  numbers: NumberRow[];
}

type Add = (rows: Builder, item: Json, indexed: IndexedParameter, context: RowContext) => void;

const ADD: Readonly<Partial<Record<SearchParamType, Add>>> = {
  token: (rows, item, { parameter }) => addTokens(rows.tokens, item, parameter.codeSystems),
  string: (rows, item, { family }) => addStrings(rows.texts, item, family),
  uri(rows, item) {
    if (typeof item === 'string') rows.texts.push(item);
  },
  date(rows, item, _indexed, { zone }) {
    const range = timeRangeOf(item, zone);
    if (range) rows.dates.push({ low: timeKey(range.low), high: timeKey(range.high) });
  },
  number: (rows, item) => addNumbers(rows.numbers, item),
  quantity: (rows, item) => addNumbers(rows.numbers, item),
  reference: (rows, item, _indexed, { base }) => addReference(rows, item, base),
};

/** The rows of a parameter for the values it found; rows may repeat. */
export function rowsOf(
  indexed: IndexedParameter,
  items: readonly Json[],
  context: RowContext,
): ParameterRows {
  const rows: Builder = { tokens: [], identifiers: [], references: [], texts: [], dates: [], numbers: [] };
  const add = ADD[indexed.type];
  if (add) for (const item of items) add(rows, item, indexed, context);
  return rows;
}

function addTokens(
  rows: TokenRow[],
  item: Json,
  codeSystems: ReadonlyMap<string, ReadonlySet<string>> | undefined,
): void {
  if (typeof item === 'string') {
    const bound = codeSystems !== undefined && [...codeSystems.values()].some((codes) => codes.has(item));
    rows.push({ code: item.toLowerCase(), system: bound ? SYSTEM.bound : SYSTEM.plain });
  } else if (typeof item === 'boolean') {
    rows.push({ code: CASED + String(item), system: SYSTEM.plain });
  } else if (isJsonObject(item)) {
    const { coding } = item;
    if (Array.isArray(coding)) {
      for (const inner of coding) addTokens(rows, inner, codeSystems);
      return;
    }
    const system = item['system'];
    const code = item['value'] ?? item['code'];
    const cased = typeof system === 'string' && CASE_SENSITIVE_SYSTEMS.has(system);
    rows.push({
      code: typeof code !== 'string' ? '' : cased ? CASED + code : code.toLowerCase(),
      system: system === undefined ? SYSTEM.none : typeof system === 'string' ? system : FOREIGN,
    });
  }
}

function addStrings(rows: string[], item: Json, family: boolean): void {
  someStringPart(item, family, (part, isFamily) => {
    const forms = searchForms(part);
    // What has neither a letter nor a digit is found by `:exact` alone.
    if (forms.length === 0) rows.push('');
    for (const form of forms) {
      rows.push(form);
      if (!isFamily) continue;
      for (let at = form.indexOf(' '); at >= 0; at = form.indexOf(' ', at + 1)) rows.push(form.slice(at + 1));
    }
    return false;
  });
}

function addReference(rows: Builder, item: Json, base: string | undefined): void {
  const element = isJsonObject(item) ? item : undefined;
  if (element?.['identifier'] !== undefined) addTokens(rows.identifiers, element['identifier'], undefined);
  const reference = element ? element['reference'] : item;
  if (typeof reference !== 'string') return;
  const parsed = parseReference(reference);
  if (parsed?.kind === 'relative' || (parsed?.kind === 'absolute' && parsed.base === base)) {
    rows.references.push({ type: parsed.type, id: parsed.id });
  }
  if (parsed?.kind === 'relative' || parsed?.kind === 'contained') return;
  rows.texts.push(reference);
  if (parsed?.kind === 'absolute') rows.texts.push(`${parsed.base}/${parsed.type}/${parsed.id}`);
  else if (reference.includes('|')) rows.texts.push(reference.split('|', 1)[0]!);
}

function addNumbers(rows: NumberRow[], item: Json): void {
  const interval = intervalIn(item);
  if (!interval) return;
  const { low, high, lowOpen, highOpen } = interval;
  const ends = {
    low: low ? decimalKey(low) : FIRST,
    high: high ? decimalKey(high) : LAST,
    open: (lowOpen === true ? 1 : 0) + (highOpen === true ? 2 : 0),
  };
  for (const unit of unitRows(item)) rows.push({ ...ends, ...unit });
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

/** The smallest and the largest key by which a resource is sorted; undefined: nothing to sort by. Dates are sorted by their rows. */
export function sortKeys(
  type: SearchParamType,
  items: readonly Json[],
): readonly [string, string] | undefined {
  const keys =
    type === 'number' || type === 'quantity'
      ? items.flatMap(quantityKey)
      : type === 'string' || type === 'token' || type === 'uri'
        ? items.flatMap(textsOf)
        : [];
  const [first] = keys;
  if (first === undefined) return undefined;
  let low = first;
  let high = first;
  for (const key of keys) {
    if (key < low) low = key;
    if (key > high) high = key;
  }
  return [low, high];
}

function quantityKey(item: Json): string[] {
  const value = decimalOf(isJsonObject(item) ? item['value'] : item);
  return value ? [`${sortUnit(item)}\u0001${decimalKey(value)}`] : [];
}
