import { FicusError } from '../errors.ts';
import { compileExpression, type TypedValue } from '../fhir/path.ts';
import type { SearchFilter, SearchParamType, SearchValue } from '../fhir/search-query.ts';
import type { Json, Resource } from '../fhir/types.ts';
import { compileDate } from './match/date.ts';
import { compileQuantity } from './match/quantity.ts';
import { compileReference } from './match/reference.ts';
import { compileString } from './match/string.ts';
import { compileToken } from './match/token.ts';
import { evaluable, type SearchParameter } from './parameter.ts';
import type { TimeZone } from './time-zone.ts';
import { parseValue, splitEscaped } from './values.ts';

export interface MatchOptions {
  /** Zone of dates without an offset, in the query and in resources (FHIR R4 search.html#date). */
  readonly zone: TimeZone;
  /** Epoch milliseconds: what `ap` on dates measures from. */
  readonly now: number;
  /** This server's own base address, without a slash at its end: absolute references below it are relative ones. */
  readonly base?: string;
}

export type Match = (resource: Resource) => boolean;

type ItemTest = (item: Json) => boolean;

/**
 * One filter of a search as a function of a resource: the one evaluator every answer of a legacy source passes through.
 * A resource matches when any value the parameter finds in it stands to any of the filter's values as asked; `:not`
 * reverses that for the whole resource; `:missing` asks whether the parameter finds anything.
 * @throws FicusError `search-unsupported` for a chain, or a parameter or modifier that has no evaluation.
 * FHIR R4 search.html
 */
export function compileFilter(type: string, filter: SearchFilter, options: MatchOptions): Match {
  const parameter = evaluable(type, filter.name);
  if (!parameter || filter.chain) throw unsupported(filter);
  const { extract } = parameter;
  if (filter.modifier === 'missing') {
    const wanted = filter.values[0]?.text === 'true';
    return (resource) => (extract(resource).length === 0) === wanted;
  }
  if (parameter.definition.type === 'composite') return compileComposite(type, filter, parameter, options);
  const tests = filter.values.map((value) => itemTest(parameter, filter, value, options));
  const some: Match = (resource) => {
    const items = extract(resource);
    return items.some((item) => tests.some((test) => test(item)));
  };
  return filter.modifier === 'not' ? (resource) => !some(resource) : some;
}

/** All filters of a search at once (AND). */
export function compileFilters(type: string, filters: readonly SearchFilter[], options: MatchOptions): Match {
  const matches = filters.map((filter) => compileFilter(type, filter, options));
  return (resource) => matches.every((match) => match(resource));
}

/**
 * The modifiers that the evaluator knows for a parameter type, besides `missing` and the resource types of references.
 */
export const MODIFIERS: Readonly<Record<SearchParamType, readonly string[]>> = {
  string: ['exact', 'contains'],
  token: ['not'],
  reference: ['identifier'],
  date: [],
  number: [],
  quantity: [],
  uri: [],
  composite: [],
  special: [],
};

function itemTest(
  parameter: SearchParameter,
  filter: SearchFilter,
  value: SearchValue,
  options: MatchOptions,
): ItemTest {
  const { definition } = parameter;
  const modifier = filter.modifier ?? '';
  if (modifier !== '' && !MODIFIERS[definition.type].includes(modifier)) throw unsupported(filter);
  const make = TESTS[definition.type];
  if (!make) throw unsupported(filter);
  return make(value, { filter, parameter, modifier, options });
}

interface TestContext {
  readonly filter: SearchFilter;
  readonly parameter: SearchParameter;
  readonly modifier: string;
  readonly options: MatchOptions;
}

const TESTS: Readonly<
  Partial<Record<SearchParamType, (value: SearchValue, context: TestContext) => ItemTest>>
> = {
  token: (value, { filter, parameter: { codeSystems } }) =>
    compileToken(value, { caseSensitive: filter.name === '_id', ...(codeSystems ? { codeSystems } : {}) }),
  string: (value, { modifier, parameter: { definition } }) =>
    compileString(value, modifier, definition.expression?.endsWith('.family') === true),
  date: (value, { options: { zone, now } }) => compileDate(value, zone, now),
  number: compileQuantity,
  quantity: compileQuantity,
  reference: (value, { modifier, options: { base } }) => compileReference(value, modifier, base),
  uri: (value) => (item) => item === value.text,
};

/** Each value is `a$b`: one element must satisfy every component (FHIR R4 search.html#composite). */
function compileComposite(
  type: string,
  filter: SearchFilter,
  parameter: SearchParameter,
  options: MatchOptions,
): Match {
  const { definition, extract } = parameter;
  const components = (definition.components ?? []).map(({ code, expression }) => {
    const part = evaluable(type, code);
    if (!part) throw unsupported(filter);
    const select = new Map(extract.types.map((context) => [context, compileExpression(expression, context)]));
    return { part, code, select };
  });
  const alternatives = filter.values.map((value) => {
    const raws = splitEscaped(value.text, '$');
    return components.map(({ part, code, select }, index) => {
      const partValue = parseValue({
        name: filter.name,
        type: part.definition.type,
        raw: raws[index] ?? '',
      });
      const partFilter = { name: code, type: part.definition.type, values: [partValue] };
      const test = itemTest(part, partFilter, partValue, options);
      return (element: TypedValue, resource: Resource) =>
        select.get(element.type)?.at(element.value, resource).some(test) === true;
    });
  });
  return (resource) =>
    extract
      .typed(resource)
      .some((element) => alternatives.some((tests) => tests.every((test) => test(element, resource))));
}

function unsupported(filter: SearchFilter): FicusError {
  const modifier = filter.modifier === undefined ? '' : `:${filter.modifier}`;
  return new FicusError(
    'search-unsupported',
    `The search parameter ${filter.name}${modifier} cannot be evaluated here.`,
    { expression: [filter.name] },
  );
}
