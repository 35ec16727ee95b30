import { FicusError } from '../../errors.ts';
import type { SearchFilter, SearchParamType, SearchValue } from '../../fhir/search-query.ts';
import { MODIFIERS } from '../../search/match.ts';
import { evaluable, type SearchParameter } from '../../search/parameter.ts';
import type { TimeZone } from '../../search/time-zone.ts';
import { parseValue, splitEscaped } from '../../search/values.ts';
import { parameterName, type Derived, type IndexedParameter } from '../index/parameters.ts';
import { allOf, anyOf, NOTHING, type Condition, type Rows } from './condition.ts';
import {
  dateClause,
  dateCondition,
  type DateColumns,
  numberCondition,
  stringCondition,
  tokenCondition,
  uriCondition,
  type Compiled,
  type ValueContext,
} from './values.ts';

/** What a filter needs to know of the file. */
export interface FilterContext {
  /** Number of a type, parameter or code system; undefined: nothing in the file has that name. */
  readonly number: (name: string) => number | undefined;
  /** A parameter of a type as the index has it; undefined: it is not in the index. */
  readonly indexed: (type: string, code: string) => IndexedParameter | undefined;
  /** Rids of a resource by its id; without a type those of all types. A retired one is its survivor. */
  readonly targets: (type: string | undefined, id: string) => readonly number[];
  /** Rids of the resources of a type that a filter finds, where SQL alone does not tell. */
  readonly resolve: (type: string, filter: SearchFilter) => readonly number[];
  readonly zone: TimeZone;
  /** Epoch milliseconds. */
  readonly now: number;
}

/**
 * One filter of a search on `type` as a condition on rows of the index.
 * @throws FicusError `search-unsupported` for what has no evaluation, as compileFilter of search/match.ts.
 */
export function filterCondition(type: string, filter: SearchFilter, context: FilterContext): Compiled {
  const { number } = context;
  const typeNumber = number(type);
  if (typeNumber === undefined) return { condition: NOTHING, exact: true };
  if (filter.has) return hasCondition(type, typeNumber, filter.has, context);
  const parameter = evaluable(type, filter.name);
  if (!parameter) throw unsupported(filter);
  if (filter.chain) return chainCondition(type, filter, filter.chain, context);
  const own = ownColumn(typeNumber, filter, context);
  if (own) return own;
  const modifier = filter.modifier ?? '';
  const { definition } = parameter;
  if (modifier !== '' && modifier !== 'missing' && !MODIFIERS[definition.type].includes(modifier))
    throw unsupported(filter);
  if (definition.type === 'composite') return compositeCondition(type, filter, parameter, context);
  const indexed = context.indexed(type, filter.name);
  if (!indexed) return { condition: allOf(typeNumber), exact: false };
  const param = number(parameterName(type, filter.name));
  if (param === undefined) return none(typeNumber, modifier, filter);
  if (modifier === 'missing') {
    const present = presence(typeNumber, param);
    return {
      condition: filter.values[0]?.text === 'true' ? { kind: 'not', of: present } : present,
      exact: true,
    };
  }
  const compiled = indexed.derived
    ? derivedConditions(type, filter, indexed.derived, context)
    : valueConditions(type, filter, { ...context, system: number, param, parameter });
  const condition = anyOf(compiled.map((it) => it.condition));
  const exact = compiled.every((it) => it.exact);
  if (modifier !== 'not') return { condition, exact };
  // What lets too much through would, turned round, hold too much back.
  return exact
    ? { condition: { kind: 'not', of: condition }, exact }
    : { condition: allOf(typeNumber), exact };
}

function valueConditions(type: string, filter: SearchFilter, context: Values): readonly Compiled[] {
  const conditionOf = CONDITIONS[context.parameter.definition.type];
  if (!conditionOf) throw unsupported(filter);
  return filter.values.map((value) => conditionOf(type, filter, value, context));
}

/** Asked of the parameters that a derived one consists of. */
function derivedConditions(
  type: string,
  filter: SearchFilter,
  derived: Derived,
  context: FilterContext,
): readonly Compiled[] {
  const { modifier: _not, ...plain } = filter;
  if (derived.kind === 'union') {
    return derived.parts.map((name) => filterCondition(type, { ...plain, name }, context));
  }
  const { part, target } = derived;
  if (filter.modifier !== undefined) {
    return [{ ...filterCondition(type, { ...filter, name: part }, context), exact: false }];
  }
  return filter.values.map((value) => {
    const { refId, refType = target } = value;
    if (refType !== target) return { condition: NOTHING, exact: true };
    const asked = refId === undefined ? value : { ...value, refType };
    const { condition } = filterCondition(type, { ...plain, name: part, values: [asked] }, context);
    // Elsewhere there may be a resource of another type under that address.
    return { condition, exact: refId !== undefined };
  });
}

/** Number of the parameter whose rows say what refers to resources of `target` by `code`; undefined: nothing does. */
export function referenceRows(
  type: string,
  code: string,
  target: string,
  { indexed, number }: Pick<FilterContext, 'indexed' | 'number'>,
): number | undefined {
  const parameter = indexed(type, code);
  if (parameter?.type !== 'reference') throw unsupported({ name: code, type: 'reference', values: [] });
  const { derived } = parameter;
  if (derived?.kind !== 'narrowed') return number(parameterName(type, code));
  return derived.target === target ? number(parameterName(type, derived.part)) : undefined;
}

/** No resource of the file has a value of that parameter. */
function none(type: number, modifier: string, filter: SearchFilter): Compiled {
  const all = modifier === 'not' || (modifier === 'missing' && filter.values[0]?.text === 'true');
  return { condition: all ? allOf(type) : NOTHING, exact: true };
}

function presence(type: number, param: number): Rows {
  const where = 'type = ? AND version > 0 AND instr(params, ?) > 0';
  return {
    kind: 'rows',
    table: 'resource',
    where,
    values: [type, `,${param},`],
    direct: true,
    unique: true,
    rank: 9,
  };
}

/** `_id` and `_lastUpdated` stand in the resource's own row. */
function ownColumn(type: number, filter: SearchFilter, { zone, now }: FilterContext): Compiled | undefined {
  const { name, modifier, values } = filter;
  if (name !== '_id' && name !== '_lastUpdated') return undefined;
  if (modifier === 'missing') {
    return { condition: values[0]?.text === 'true' ? NOTHING : allOf(type), exact: true };
  }
  if (name === '_lastUpdated' && modifier !== undefined) throw unsupported(filter);
  const shape = { direct: true, unique: true };
  const conditions = values.map((value): Condition => {
    if (name === '_id') {
      const where = 'id = ? AND type = ? AND version > 0';
      const bound = [value.code ?? '', type];
      return value.system
        ? NOTHING
        : { kind: 'rows', table: 'resource', where, values: bound, ...shape, rank: 0 };
    }
    const clause = dateClause(value, zone, now, UPDATED);
    if (!clause) return NOTHING;
    const where = `type = ? AND version > 0 AND ${clause.where}`;
    return { kind: 'rows', table: 'resource', where, values: [type, ...clause.values], ...shape, rank: 6 };
  });
  const condition = anyOf(conditions);
  return { condition: modifier === 'not' ? { kind: 'not', of: condition } : condition, exact: true };
}

/** `updated_at` is whole milliseconds, and lasts one: anything between two of them may stand for what a search names there. */
const UPDATED: DateColumns = {
  low: 'updated_at',
  high: 'updated_at',
  lowKey: milliseconds,
  highKey: (nanoseconds) => milliseconds(nanoseconds) - 1,
};

function milliseconds(nanoseconds: bigint): number {
  const whole = nanoseconds / 1_000_000n;
  const rest = nanoseconds % 1_000_000n;
  if (rest === 0n) return Number(whole);
  return Number(whole) + (rest > 0n ? 0.5 : -0.5);
}

type Values = ValueContext & Pick<FilterContext, 'number' | 'targets'>;

type ConditionOf = (type: string, filter: SearchFilter, value: SearchValue, context: Values) => Compiled;

const CONDITIONS: Readonly<Partial<Record<SearchParamType, ConditionOf>>> = {
  token: (_type, _filter, value, context) => tokenCondition(value, context),
  string: (_type, filter, value, context) => stringCondition(value, filter.modifier ?? '', context),
  date: (_type, _filter, value, context) => dateCondition(value, context),
  number: (_type, _filter, value, context) => numberCondition(value, context),
  quantity: (_type, _filter, value, context) => numberCondition(value, context),
  uri: (_type, _filter, value, context) => uriCondition(value, context),
  reference: referenceCondition,
};

function referenceCondition(
  type: string,
  filter: SearchFilter,
  value: SearchValue,
  context: Values,
): Compiled {
  const { param, parameter, number, targets, system } = context;
  if (filter.modifier === 'identifier') {
    const identifier = number(`${parameterName(type, filter.name)}:identifier`);
    if (identifier === undefined) return { condition: NOTHING, exact: true };
    const { codeSystems: _none, ...plain } = parameter;
    return tokenCondition(value, { param: identifier, parameter: plain, system });
  }
  if (value.refId === undefined) return uriCondition(value, context);
  const rows = targets(value.refType, value.refId).map((target): Rows => ({
    kind: 'rows',
    table: 'reference_value',
    where: 'param = ? AND target = ?',
    values: [param, target],
    direct: true,
    unique: true,
    rank: 2,
  }));
  return { condition: anyOf(rows), exact: true };
}

/** A part whose values are not those of the parameter of its name (Group.characteristic.value) says nothing of the index. */
const ANY_VALUE = 'value';

/** Each part is asked of the whole resource; that one element meets them all is checked on the resource. */
function compositeCondition(
  type: string,
  filter: SearchFilter,
  { definition }: SearchParameter,
  context: FilterContext,
): Compiled {
  const typeNumber = context.number(type) ?? 0;
  const components = definition.components ?? [];
  const alternatives = filter.values.map((value): Condition => {
    const raws = splitEscaped(value.text, '$');
    const parts = components.flatMap(({ code, expression }, index): Condition[] => {
      const part = evaluable(type, code);
      if (!part) throw unsupported(filter);
      if (expression === ANY_VALUE) return [];
      const parsed = parseValue({ name: filter.name, type: part.definition.type, raw: raws[index] ?? '' });
      const own = { name: code, type: part.definition.type, values: [parsed] };
      return [filterCondition(type, own, context).condition];
    });
    // One part narrows enough; the others are checked with it.
    return parts[0] ?? allOf(typeNumber);
  });
  return { condition: anyOf(alternatives), exact: false };
}

function chainCondition(
  type: string,
  filter: SearchFilter,
  { targetType, filter: inner }: NonNullable<SearchFilter['chain']>,
  context: FilterContext,
): Compiled {
  const param = referenceRows(type, filter.name, targetType, context);
  if (param === undefined) return { condition: NOTHING, exact: true };
  return { condition: { kind: 'refers', param, to: resolved(targetType, inner, context) }, exact: true };
}

function hasCondition(
  type: string,
  typeNumber: number,
  { source, param: code, filter: inner }: NonNullable<SearchFilter['has']>,
  context: FilterContext,
): Compiled {
  const param = referenceRows(source, code, type, context);
  if (param === undefined) return { condition: NOTHING, exact: true };
  const by = resolved(source, inner, context);
  return { condition: { kind: 'referred', param, by, type: typeNumber }, exact: true };
}

/** The condition behind a chain: what SQL does not tell exactly is looked up first. */
function resolved(type: string, inner: SearchFilter, context: FilterContext): Condition {
  const { condition, exact } = filterCondition(type, inner, context);
  if (exact && condition.kind !== 'not') return condition;
  const rids = context.resolve(type, inner);
  const where = 'rid IN (SELECT value FROM json_each(?))';
  return {
    kind: 'rows',
    table: 'resource',
    where,
    values: [JSON.stringify(rids)],
    direct: true,
    unique: true,
    rank: rids.length < 10 ? 1 : 5,
  };
}

export function unsupported(filter: SearchFilter): FicusError {
  return new FicusError(
    'search-unsupported',
    `The search parameter ${filter.name} cannot be evaluated here.`,
    {
      expression: [filter.name],
    },
  );
}
