import { FicusError, type Issue } from '../../../src/errors.ts';
import type { SearchFilter } from '../../../src/fhir/search-query.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import { compileFilter, compileFilters, type Match, type MatchOptions } from '../../../src/search/match.ts';
import { tooCostly } from '../../../src/search/plan.ts';
import type { Ask, Criterion, Way } from './criteria.ts';
import type { Endpoint } from './endpoint.ts';

/** A search endpoint with its parameters compiled. */
export interface SearchEndpoint {
  readonly endpoint: Endpoint;
  readonly asks: ReadonlyMap<string, Ask>;
  /** The systems that are known, by the parameters that take a number. */
  readonly systems: ReadonlyMap<string, readonly string[]>;
}

/** A search as queries to the core, asked one after another. */
export interface WayPlan {
  /** The criteria of each query. */
  readonly ways: readonly (readonly Criterion[])[];
  /**
   * Whose it is to give a resource that query `way` found: its own, that of another one, which finds it as well, or,
   * although the search is for it, nobody's.
   */
  readonly turnOf: (way: number, resource: Resource) => 'own' | 'another' | 'nobody';
  readonly issues: readonly Issue[];
}

/** More queries than this for one search are not asked. */
const MOST_WAYS = 12;

/**
 * Filters that hold in one way go into every query. One that holds in several (a number in any authority, a name as
 * family or given name) makes a query of each, and only where the search is not bounded without it: what comes back is
 * checked anyway.
 * @throws {FicusError} `too-costly` when no anchor is reached.
 */
export function planWays(
  { endpoint, asks, systems }: SearchEndpoint,
  filters: readonly SearchFilter[],
  matching: MatchOptions,
): WayPlan {
  const { anchors } = endpoint.file;
  const asked = filters.flatMap((filter) => {
    const ways = asks.get(filter.name)?.(filter);
    return ways && ways.length > 0 ? [{ filter, ways }] : [];
  });
  const single = asked.filter(({ ways }) => ways.length === 1);
  const several = asked.filter(({ ways }) => ways.length > 1);
  const reached = new Set(single.map(({ filter }) => filter.name));
  const choices = anchors.flatMap((anchor) => {
    const lacking = anchor.filter((name) => !reached.has(name));
    const found = lacking.map((name) => several.find(({ filter }) => filter.name === name));
    return found.every((it) => it !== undefined) ? [found] : [];
  });
  const cost = (choice: typeof several) => choice.reduce((product, { ways }) => product * ways.length, 1);
  const [split] = choices.toSorted((a, b) => cost(a) - cost(b));
  if (!split || cost(split) > MOST_WAYS)
    throw unknownSystem(filters, asks, systems) ?? tooCostly(endpoint.type, anchors);
  const common = single.flatMap(({ ways }) => ways[0]!.criteria);
  const combined = split.reduce<readonly (readonly Way[])[]>(
    (all, { ways }) => all.flatMap((before) => ways.map((way) => [...before, way])),
    [[]],
  );
  return {
    ways: combined.map((ways) => [...common, ...ways.flatMap(({ criteria }) => criteria)]),
    turnOf: compileTurns(endpoint.type, { filters, combined }, matching),
    issues: split.flatMap(({ filter }) => hintOf(filter)),
  };
}

/** More of them are not listed in an error. */
const MOST_LISTED = 12;

/** A number in a system that nobody here gives numbers in; it is not repeated, for it may be anything. */
function unknownSystem(
  filters: readonly SearchFilter[],
  asks: SearchEndpoint['asks'],
  systems: SearchEndpoint['systems'],
): FicusError | undefined {
  const unknown = filters.find((filter) => {
    const [value] = filter.values;
    // Negated, or without a system or a number, it is another matter.
    const isNumber = filter.modifier === undefined && value?.code !== undefined && value.code !== '';
    if (!isNumber || value.system === undefined || value.system === '') return false;
    return systems.has(filter.name) && asks.get(filter.name)?.(filter) === undefined;
  });
  const known = systems.get(unknown?.name ?? '') ?? [];
  if (!unknown || known.length === 0) return undefined;
  const more = known.length > MOST_LISTED ? ` and ${known.length - MOST_LISTED} more` : '';
  return new FicusError(
    'too-costly',
    `The system of ${unknown.name} is not one that this search knows. It knows ${known.slice(0, MOST_LISTED).join(', ')}${more}.`,
    { expression: [unknown.name] },
  );
}

/**
 * Who holds in several ways is given by the first of them: the core may find in one way (`*a*` as a family name)
 * whoever holds in another only. Who matches the search but holds in none of them (by a prefix or a suffix of the name)
 * may come in any, or in several. What does not match is left to the check of what comes back.
 */
function compileTurns(
  type: string,
  { filters, combined }: { readonly filters: readonly SearchFilter[]; readonly combined: readonly (readonly Way[])[] }, // prettier-ignore
  matching: MatchOptions,
): WayPlan['turnOf'] {
  if (combined.length < 2) return () => 'own';
  const matchesAll = compileFilters(type, filters, matching);
  const matches = new Map<Way, Match>();
  for (const way of combined.flat())
    if (way.filter) matches.set(way, compileFilter(type, way.filter, matching));
  return (at, resource) => {
    const own = combined[at] ?? [];
    const first = combined.findIndex((ways) =>
      ways.every((way, part) => matches.get(way)?.(resource) ?? way === own[part]),
    );
    if (first < 0) return matchesAll(resource) ? 'nobody' : 'own';
    return first === at ? 'own' : 'another';
  };
}

/** A number without its system is looked for where the core can be asked, which the client should know. */
function hintOf({ name, values }: SearchFilter): Issue[] {
  if (name !== 'identifier' || values[0]?.system !== undefined) return [];
  return [
    {
      severity: 'information',
      code: 'informational',
      diagnostics: 'identifier without a system: looked up in the registered numbering systems.',
      expression: ['identifier'],
    },
  ];
}
