import type { Issue } from '../../errors.ts';
import type { SearchFilter, SearchQuery, SearchValue } from '../../fhir/search-query.ts';
import type { Resource } from '../../fhir/types.ts';
import { compileFilters, type Match } from '../../search/match.ts';
import { sortResources } from '../../search/sort.ts';
import type { TimeZone } from '../../search/time-zone.ts';
import { indexedParameters, type IndexedNames, type IndexedParameter } from '../index/parameters.ts';
import {
  allOf,
  isDistinct,
  joined,
  NOTHING,
  rankOf,
  ridsOf,
  testOf,
  type Bound,
  type Condition,
  type Sql,
} from './condition.ts';
import { ALL, knownUpTo, newestKnown } from './bound.ts';
import { filterCondition, type FilterContext } from './filter.ts';
import { newestFirst, type NewestFirst } from './newest-first.ts';
import { orderOf } from './order.ts';
import { revIncluded, type RevIncluded } from './revinclude.ts';
import { canBeMerged, type Reading } from './reading.ts';
import { followedTo, tooCostly } from './words.ts';

export interface ProjectionSearchOptions {
  readonly zone: TimeZone;
  readonly base?: string;
  readonly indexed: IndexedNames;
  /** Most resources that are looked at one by one, where rows do not tell all; default 20,000. */
  readonly maxChecked?: number;
}

/**
 * Where a page begins: after a resource, in the order in which they became known; or at a place of what is sorted, of
 * those that were known, or referred to, when the first page was given (`upTo`; absent: of all): what comes later is on
 * none of the pages, and moves none.
 */
export type PageStart = { readonly after: number } | { readonly offset: number; readonly upTo?: string };

export interface SearchPage {
  readonly rids: readonly number[];
  readonly next?: PageStart;
  /** Only when it was asked for. */
  readonly total?: number;
  readonly issues: readonly Issue[];
}

type Asked = Pick<SearchQuery, 'type' | 'filters' | 'sort'>;

/** A search as it is carried out. */
interface Plan {
  /** `SELECT rid …`, each once: where the search begins. */
  readonly driver: Sql;
  /** What else each resource must meet, in SQL, its rid being `x.rid`. */
  readonly tests: Sql;
  /** What rows do not tell; undefined: they tell all. */
  readonly check: Match | undefined;
  /** For one patient's resources, the latest first. */
  readonly newest: NewestFirst | undefined;
}

export interface ProjectionSearch {
  /** One page of a search; `count` resources at most. @throws FicusError `too-costly`, `search-unsupported`. */
  page(
    query: SearchQuery,
    start: PageStart | undefined,
    count: number,
    withTotal: boolean,
    now: number,
  ): SearchPage;
  /** What refers to the resources of a page, by `_revinclude`. */
  referring(query: SearchQuery, page: readonly number[], limit: number): RevIncluded;
  /** How many resources a search finds. */
  count(query: SearchQuery, now: number): { readonly total: number; readonly issues: readonly Issue[] };
}

export function createProjectionSearch(reading: Reading, options: ProjectionSearchOptions): ProjectionSearch {
  const { zone, base, maxChecked = 20_000 } = options;
  const byType = new Map<string, ReadonlyMap<string, IndexedParameter>>();
  const number = (name: string): number | undefined => reading.names.find(name);
  const indexed = (type: string, code: string): IndexedParameter | undefined => {
    let parameters = byType.get(type);
    if (!parameters) {
      parameters = new Map(indexedParameters(type, options.indexed).map((it) => [it.code, it]));
      byType.set(type, parameters);
    }
    return parameters.get(code);
  };

  function contextOf(now: number, follow: (from: number, to: number) => void): FilterContext {
    const context: FilterContext = {
      number,
      indexed,
      zone,
      now,
      targets(type, id) {
        const rids = type === undefined ? reading.ridsOfId(id) : [reading.ridOf(type, id)];
        return rids.flatMap((rid) => {
          if (rid === undefined) return [];
          const survivor = type === undefined || canBeMerged(type) ? reading.survivorOf(rid) : undefined;
          if (survivor === undefined) return rid;
          follow(rid, survivor);
          return survivor;
        });
      },
      resolve(type, filter) {
        const plan = planOf({ type, filters: [filter], sort: [] }, context);
        return [...candidates(plan, 0)];
      },
    };
    return context;
  }

  function planOf({ type, filters, sort }: Asked, context: FilterContext, bound = ALL): Plan {
    const typeNumber = number(type);
    const compiled = filters.map((filter) => ({ filter, ...filterCondition(type, filter, context) }));
    const all: Condition = typeNumber === undefined ? NOTHING : allOf(typeNumber);
    const conditions = compiled.map(({ condition }) => condition);
    const [best] = conditions.toSorted((a, b) => rankOf(a) - rankOf(b));
    const driver = best === undefined || rankOf(best) > 9 ? all : best;
    const tests = conditions.filter((it) => it !== driver).map((it) => testOf(it, 'x.rid'));
    const unsure = compiled.filter(({ exact }) => !exact).map(({ filter }) => followed(filter, context));
    const start = ridsOf(driver);
    return {
      driver: isDistinct(driver) ? start : { ...start, text: `SELECT DISTINCT rid FROM (${start.text})` },
      tests: joined([bound, ...tests], ' AND '),
      newest:
        unsure.length === 0 ? newestFirst({ type, filters, sort }, conditions, context, bound) : undefined,
      check:
        unsure.length === 0
          ? undefined
          : compileFilters(type, unsure, { zone, now: context.now, ...(base === undefined ? {} : { base }) }),
    };
  }

  /** References of a filter as they stand in the resources that are checked against it. */
  function followed(filter: SearchFilter, { targets }: FilterContext): SearchFilter {
    if (filter.type !== 'reference' || filter.modifier !== undefined) return filter;
    const values = filter.values.flatMap((value): SearchValue[] => {
      if (value.refId === undefined) return [value];
      const found = targets(value.refType, value.refId).map((rid) => reading.nameOf(rid));
      return [value, ...found.map((text) => ({ text, ...namedBy(text) }))];
    });
    return { ...filter, values };
  }

  /** A statement over `x`, all resources that meet what SQL can tell. */
  function over(plan: Plan, select: string, rest: string, more: readonly Bound[] = [], join = ''): Sql {
    const { driver, tests } = plan;
    return {
      text: `SELECT ${select} FROM (${driver.text}) x ${join} WHERE ${tests.text} ${rest}`,
      values: [...driver.values, ...tests.values, ...more],
    };
  }

  /** Rids in their order, after one; checked where rows do not tell all. */
  function* candidates(plan: Plan, after: number): Generator<number> {
    yield* checked(
      plan,
      reading.iterate(over(plan, 'x.rid AS rid', 'AND x.rid > ? ORDER BY x.rid', [after])),
    );
  }

  function* checked({ check }: Plan, rids: Iterable<number>): Generator<number> {
    let looked = 0;
    for (const rid of rids) {
      if (check) {
        looked += 1;
        if (looked > maxChecked) throw tooCostly(maxChecked);
        const resource = reading.byRid(rid)?.resource;
        if (!resource || !check(resource)) continue;
      }
      yield rid;
    }
  }

  function total(plan: Plan): number {
    if (plan.check) {
      let count = 0;
      for (const _rid of candidates(plan, 0)) count += 1;
      return count;
    }
    return reading.count(over(plan, 'count(*)', ''));
  }

  /** The resources of a sorted search, in their order, from a place of them. */
  function sorted(
    type: string,
    plan: Plan,
    sort: SearchQuery['sort'],
    offset: number,
    limit: number,
  ): readonly number[] {
    if (plan.newest) return latest(plan, plan.newest, offset, limit);
    const order = orderOf(type, sort, number, indexed);
    if (!order) return sortedByContent(type, plan, sort).slice(offset, offset + limit);
    const join = 'CROSS JOIN resource r ON r.rid = x.rid';
    if (plan.check) {
      const rows = reading.iterate(over(plan, 'x.rid AS rid', `ORDER BY ${order}`, [], join));
      return taken(checked(plan, rows), offset, limit);
    }
    const page = over(plan, 'x.rid AS rid', `ORDER BY ${order} LIMIT ? OFFSET ?`, [limit, offset], join);
    return reading.rids(page);
  }

  function latest(plan: Plan, newest: NewestFirst, offset: number, limit: number): readonly number[] {
    const rids = reading.rids(newest.dated(limit, offset));
    if (rids.length === limit) return rids;
    const dated = rids.length > 0 ? offset + rids.length : reading.count(newest.datedTotal);
    const { text, values } = newest.undated;
    const more = [...values, limit - rids.length, Math.max(0, offset - dated)];
    const join = 'CROSS JOIN resource r ON r.rid = x.rid';
    const rest = over(plan, 'x.rid AS rid', `AND ${text} ORDER BY r.id LIMIT ? OFFSET ?`, more, join);
    return [...rids, ...reading.rids(rest)];
  }

  /** Sorted by what the resources say, where the index does not hold it. */
  function sortedByContent(type: string, plan: Plan, sort: SearchQuery['sort']): number[] {
    const rids = new Map<Resource, number>();
    for (const rid of candidates(plan, 0)) {
      const resource = reading.byRid(rid)?.resource;
      if (resource) rids.set(resource, rid);
      if (rids.size > maxChecked) throw tooCostly(maxChecked);
    }
    return sortResources(type, [...rids.keys()], sort, zone).flatMap((resource) => rids.get(resource) ?? []);
  }

  function explained(
    query: SearchQuery,
    now: number,
    bound = ALL,
  ): { readonly plan: Plan; readonly issues: readonly Issue[] } {
    const followed = new Map<number, number>();
    const plan = planOf(
      query,
      contextOf(now, (from, to) => void followed.set(from, to)),
      bound,
    );
    const issues = [...followed].map(([from, to]) => followedTo(reading.nameOf(from), reading.nameOf(to)));
    return { plan, issues };
  }

  return {
    referring: (query, page, limit) => revIncluded(reading, query, page, limit, indexed),
    count: (query, now) =>
      reading.consistently(() => {
        const { plan, issues } = explained(query, now);
        return { total: total(plan), issues };
      }),
    page: (query, start, count, withTotal, now) =>
      reading.consistently(() => {
        const place = start && 'offset' in start ? start : undefined;
        const { plan, issues } = explained(query, now, knownUpTo(place?.upTo));
        const counted = withTotal ? { total: total(plan) } : {};
        if (query.sort.length > 0) {
          const offset = place?.offset ?? 0;
          const rids = sorted(query.type, plan, query.sort, offset, count + 1);
          const more = rids.length > count;
          return {
            rids: rids.slice(0, count),
            issues,
            ...counted,
            ...(more ? { next: { offset: offset + count, upTo: place?.upTo ?? newestKnown(reading) } } : {}),
          };
        }
        const after = start && 'after' in start ? start.after : 0;
        const rids = firstOf(plan, after, count + 1);
        const last = rids[count - 1];
        const more = rids.length > count && last !== undefined;
        return { rids: rids.slice(0, count), issues, ...counted, ...(more ? { next: { after: last } } : {}) };
      }),
  };

  /** The first resources after one, in the order in which they became known. */
  function firstOf(plan: Plan, after: number, limit: number): readonly number[] {
    if (plan.check) return taken(candidates(plan, after), 0, limit);
    const page = over(plan, 'x.rid AS rid', 'AND x.rid > ? ORDER BY x.rid LIMIT ?', [after, limit]);
    return reading.rids(page);
  }
}

function taken(rids: Iterable<number>, offset: number, limit: number): number[] {
  const page: number[] = [];
  let at = 0;
  for (const rid of rids) {
    if (at++ < offset) continue;
    page.push(rid);
    if (page.length === limit) break;
  }
  return page;
}

function namedBy(text: string): Pick<SearchValue, 'refType' | 'refId'> {
  const [refType = '', refId = ''] = text.split('/');
  return { refType, refId };
}
