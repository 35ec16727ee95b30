import type { SearchPrefix, SearchValue } from '../../fhir/search-query.ts';
import { parseTimeRange } from '../../search/dates.ts';
import { approximateRange, impliedRange, type DecimalRange } from '../../search/decimal.ts';
import type { SearchParameter } from '../../search/parameter.ts';
import { CASE_SENSITIVE_SYSTEMS } from '../../search/match/token.ts';
import { searchForms } from '../../search/text.ts';
import type { TimeZone } from '../../search/time-zone.ts';
import { CASED, SYSTEM } from '../index/rows.ts';
import { decimalKey, timeKey } from '../order-key.ts';
import { anyOf, NOTHING, type Bound, type Condition, type Rows } from './condition.ts';

/** A condition, and whether it says all of what was asked. */
export interface Compiled {
  readonly condition: Condition;
  /** False: it lets through more than was asked, and what it gives is to be checked. */
  readonly exact: boolean;
}

export interface ValueContext {
  /** Number of the parameter. */
  readonly param: number;
  readonly parameter: SearchParameter;
  /** Number of a code system; undefined: none of the resources has it. */
  readonly system: (system: string) => number | undefined;
  readonly zone: TimeZone;
  /** Epoch milliseconds. */
  readonly now: number;
}

function rows(
  table: string,
  where: string,
  values: readonly Bound[],
  shape: Pick<Rows, 'direct' | 'unique' | 'rank'>,
): Rows {
  return { kind: 'rows', table, where, values, ...shape };
}

/** One value of a token: a row a code, with the number of its system. */
export function tokenCondition(value: SearchValue, context: Omit<ValueContext, 'zone' | 'now'>): Compiled {
  const { param, parameter, system } = context;
  const { code } = value;
  const shape = { direct: true, unique: false, rank: value.system ? 3 : 5 };
  const token = (where: string, ...values: Bound[]): Rows =>
    rows('token_value', `param = ? AND ${where}`, [param, ...values], shape);
  if (!value.system) {
    if (code === undefined) return { condition: NOTHING, exact: true };
    const codes = 'code IN (?, ?)';
    const both = [code.toLowerCase(), CASED + code];
    const condition =
      value.system === undefined ? token(codes, ...both) : token(`${codes} AND system <= 0`, ...both);
    return { condition, exact: true };
  }
  const number = system(value.system);
  const bound = boundCodes(value.system, code, parameter.codeSystems);
  const cased = CASE_SENSITIVE_SYSTEMS.has(value.system);
  const conditions: Condition[] = [];
  if (number !== undefined && code !== undefined)
    conditions.push(token('code = ? AND system = ?', cased ? CASED + code : code.toLowerCase(), number));
  if (number !== undefined && code === undefined)
    conditions.push({ ...token('system = ?', number), direct: false, rank: 7 });
  if (bound.codes.length > 0) {
    const marks = bound.codes.map(() => '?').join(', ');
    conditions.push(token(`code IN (${marks}) AND system = ?`, ...bound.codes, SYSTEM.bound));
  }
  return { condition: anyOf(conditions), exact: bound.exact };
}

/**
 * The plain codes that stand in a code system, in lower case as the index has them; not exact where another system
 * spells one in another case.
 */
function boundCodes(
  system: string,
  code: string | undefined,
  codeSystems: SearchParameter['codeSystems'],
): { readonly codes: readonly string[]; readonly exact: boolean } {
  const all = codeSystems?.get(system);
  if (!codeSystems || !all) return { codes: [], exact: true };
  const wanted = code?.toLowerCase();
  const meant = [...all].filter((it) => wanted === undefined || it.toLowerCase() === wanted);
  const codes = new Set(meant.map((it) => it.toLowerCase()));
  const foreign = [...codeSystems].some(
    ([other, theirs]) =>
      other !== system && [...theirs].some((it) => codes.has(it.toLowerCase()) && !all.has(it)),
  );
  return { codes: [...codes], exact: !foreign };
}

/** One value of a string: rows are its normal forms, so that "starts with" is a range of them. */
export function stringCondition(value: SearchValue, modifier: string, { param }: ValueContext): Compiled {
  const forms = searchForms(value.text);
  const shape = { direct: false, unique: false, rank: 4 };
  if (modifier === 'exact') {
    const [form = ''] = forms;
    const condition = rows('text_value', 'param = ? AND text = ?', [param, form], { ...shape, direct: true });
    return { condition, exact: false };
  }
  const conditions = forms.map((form) =>
    modifier === 'contains'
      ? rows('text_value', 'param = ? AND instr(text, ?) > 0', [param, form], { ...shape, rank: 8 })
      : rows('text_value', 'param = ? AND text >= ? AND text < ?', [param, form, `${form}\u{10FFFF}`], shape),
  );
  return { condition: anyOf(conditions), exact: true };
}

export function uriCondition(value: SearchValue, { param }: ValueContext): Compiled {
  const shape = { direct: true, unique: true, rank: 3 };
  return { condition: rows('text_value', 'param = ? AND text = ?', [param, value.text], shape), exact: true };
}

interface Clause {
  readonly where: string;
  readonly values: readonly Bound[];
}

/** One value of a date: rows are ranges, `low` belongs to them and `high` does not (FHIR R4 search.html#prefix). */
export function dateCondition(value: SearchValue, { param, zone, now }: ValueContext): Compiled {
  const clause = dateClause(value, zone, now, DATE_ROWS);
  if (!clause) return { condition: NOTHING, exact: true };
  const shape = { direct: true, unique: false, rank: 6 };
  const dates = (where: string, ...more: Bound[]): Rows =>
    rows('date_value', `param = ? AND ${where}`, [param, ...clause.values, ...more], shape);
  if ((value.prefix ?? 'eq') !== 'eq') return { condition: dates(clause.where), exact: true };
  // What lies inside begins before the end: said for the sake of the index. Of a Period that ends before it begins that
  // is not so.
  const before = parseTimeRange(value.text, zone)?.high ?? 0n;
  const condition = anyOf([
    dates(`${clause.where} AND low <= ?`, timeKey(before)),
    dates(`${clause.where} AND high < low`),
  ]);
  return { condition, exact: true };
}

/** Where a range of time stands, and how a moment (nanoseconds since the epoch) is written there. */
export interface DateColumns {
  readonly low: string;
  readonly high: string;
  readonly lowKey: (nanoseconds: bigint) => Bound;
  readonly highKey: (nanoseconds: bigint) => Bound;
}

const DATE_ROWS: DateColumns = { low: 'low', high: 'high', lowKey: timeKey, highKey: timeKey };

/** What a date and its prefix ask of a range, as compareTimes of search/dates.ts; undefined: it is no date. */
export function dateClause(
  value: SearchValue,
  zone: TimeZone,
  now: number,
  { low, high, lowKey, highKey }: DateColumns,
): Clause | undefined {
  const search = parseTimeRange(value.text, zone);
  if (!search) return undefined;
  const clause = (where: string, ...values: Bound[]): Clause => ({ where, values });
  const inside = `(${low} >= ? AND ${high} <= ?)`;
  const ends = [lowKey(search.low), highKey(search.high)];
  const clauses: Readonly<Record<SearchPrefix, () => Clause>> = {
    eq: () => clause(inside, ...ends),
    ne: () => clause(`NOT ${inside}`, ...ends),
    gt: () => clause(`${high} > ?`, highKey(search.high)),
    lt: () => clause(`${low} < ?`, lowKey(search.low)),
    ge: () => clause(`(${high} > ? OR ${inside})`, highKey(search.high), ...ends),
    le: () => clause(`(${low} < ? OR ${inside})`, lowKey(search.low), ...ends),
    sa: () => clause(`${low} >= ?`, lowKey(search.high)),
    eb: () => clause(`${high} <= ?`, highKey(search.low)),
    ap() {
      const slack = distance(BigInt(now) * 1_000_000n, search) / 10n;
      return clause(`${high} > ? AND ${low} < ?`, highKey(search.low - slack), lowKey(search.high + slack));
    },
  };
  return clauses[value.prefix ?? 'eq']();
}

function distance(moment: bigint, range: { readonly low: bigint; readonly high: bigint }): bigint {
  if (moment < range.low) return range.low - moment;
  return moment < range.high ? 0n : moment - range.high;
}

/** `low` and `high` as ends of the interval: an open end does not belong to it (see index/rows.ts, `open`). */
const TOUCHES_LOW = '(low = ? AND open & 1 = 0)';
const TOUCHES_HIGH = '(high = ? AND open & 2 = 0)';

/** One value of a number or quantity: rows are intervals with a unit (FHIR R4 search.html#number, #quantity). */
export function numberCondition(value: SearchValue, context: ValueContext): Compiled {
  const { param, system } = context;
  const [text = ''] = value.text.split('|', 1);
  const range = impliedRange(text);
  if (!range) return { condition: NOTHING, exact: true };
  const clause = numberClause(value.prefix ?? 'eq', range);
  const unit: string[] = [];
  const values: Bound[] = [param, ...clause.values];
  if (value.system) {
    const number = system(value.system);
    unit.push(' AND (system = ? OR system = ?)');
    values.push(number ?? Number.MAX_SAFE_INTEGER, SYSTEM.number);
  }
  if (value.code !== undefined) {
    unit.push(' AND (code = ? OR system = ?)');
    values.push(value.code, SYSTEM.number);
  }
  const shape = { direct: true, unique: false, rank: 7 };
  const where = `param = ? AND ${clause.where}${unit.join('')}`;
  return { condition: rows('number_value', where, values, shape), exact: true };
}

function numberClause(prefix: SearchPrefix, range: DecimalRange): Clause {
  const at = decimalKey(range.value);
  const [low, high] = [decimalKey(range.low), decimalKey(range.high)];
  const within = '(low >= ? AND (high < ? OR (high = ? AND open & 2 = 2)))';
  const near = approximateRange(range.value);
  const [from, to] = [decimalKey(near.low), decimalKey(near.high)];
  const clauses: Readonly<Record<SearchPrefix, Clause>> = {
    eq: { where: within, values: [low, high, high] },
    ne: { where: `NOT ${within}`, values: [low, high, high] },
    gt: { where: 'high > ?', values: [at] },
    ge: { where: `(high > ? OR ${TOUCHES_HIGH})`, values: [at, at] },
    lt: { where: 'low < ?', values: [at] },
    le: { where: `(low < ? OR ${TOUCHES_LOW})`, values: [at, at] },
    sa: { where: `low >= ? AND NOT ${TOUCHES_LOW}`, values: [at, at] },
    eb: { where: `high <= ? AND NOT ${TOUCHES_HIGH}`, values: [at, at] },
    ap: {
      where: `(low < ? OR ${TOUCHES_LOW}) AND (high > ? OR ${TOUCHES_HIGH})`,
      values: [to, to, from, from],
    },
  };
  return clauses[prefix];
}
