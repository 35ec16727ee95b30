import { FicusError } from '../errors.ts';
import type { Issue } from '../errors.ts';
import type { SearchQuery } from '../fhir/search-query.ts';
import type { Backend, FhirResponse } from '../ports.ts';
import { askAll } from '../search/ask.ts';
import type { PageSealer } from '../search/page.ts';
import { UNDATED, isUndated } from '../search/recheck.ts';
import { Sieve } from './enforce-answer.ts';
import type { Turn } from './enforce-answer.ts';
import { noticesOf } from './enforce-notice.ts';
import { createPages } from './enforce-pages.ts';
import { narrow } from './narrow.ts';
import { allowancesFor, needsOf } from './permissions.ts';
import type { Sight } from './visible.ts';

export interface SearchOptions {
  readonly next: Backend;
  readonly sight: Sight;
  readonly pages: PageSealer;
  /** Matches on a page when `_count` says nothing. */
  readonly defaultCount: number;
  /** Most resources that are looked at to count what a caller may see. */
  readonly maxCounted: number;
  /** Largest answer of a modern service that is looked at, in bytes. */
  readonly maxBytes: number;
}

/**
 * What is done here and not by who answers: the whole of each resource is judged, and only what may be seen is counted.
 */
const SHAPING: readonly string[] = ['_summary', '_elements', '_total', '_revinclude'];
/** What a search that is counted is not asked with. */
const PAGING: readonly string[] = ['_count', '_sort'];
const COUNTED_PAGE = 100;

/** The searches of callers who may not see everything. */
export interface Searches {
  /**
   * @throws FicusError `forbidden` for another patient by name, `too-costly` for what cannot be counted,
   * `page-expired`, `parameter-invalid`
   */
  handle(turn: Turn, query: SearchQuery): Promise<FhirResponse>;
}

/**
 * A search is answered by what may be seen and by nothing else: its pages are as full, its total as great, its words
 * the same as if what is hidden were not there. A modern service is answered for with a set, too: its own links and
 * totals would tell of what was taken out.
 */
export function createSearches(options: SearchOptions): Searches {
  const { next, sight, pages: sealer, defaultCount, maxCounted, maxBytes } = options;
  const pages = createPages({ next, sealer, maxBytes });

  return {
    async handle(turn, query) {
      const { access, request } = turn;
      const permissions = needsOf('search', request.included);
      const narrowed = narrow(query, allowancesFor(access, request.type, permissions));
      if (query.summary === 'count' || query.count === 0) return counted(turn, narrowed);
      const sieve = sieveOf(turn);
      const wanted = query.count ?? defaultCount;
      const page = await pages.page({ turn, query: whole(narrowed), asked: query, wanted, sieve });
      if ('refused' in page) return page.refused;
      const { matches, next: token, servedBy, headers } = page;
      const issues = await issuesOf(turn, narrowed, page, sieve);
      const isAll = query.page === undefined && token === undefined && isComplete(issues);
      const total = isAll && query.total !== 'none' ? matches.length : await totalOf(turn, narrowed);
      const set = {
        matches,
        included: [],
        issues,
        ...(total === undefined ? {} : { total }),
        ...(token === undefined ? {} : { next: token }),
      };
      return { status: 200, headers, body: { kind: 'searchset', set }, servedBy };
    },
  };

  function sieveOf({ access, request }: Turn): Sieve {
    return new Sieve(sight, access, needsOf('search', request.included));
  }

  /** A total that was asked for, where it can be told. */
  async function totalOf(turn: Turn, query: SearchQuery): Promise<number | undefined> {
    if (query.total !== 'accurate' || query.page !== undefined) return undefined;
    return (await count(turn, query))?.total;
  }

  async function counted(turn: Turn, query: SearchQuery): Promise<FhirResponse> {
    const found = await count(turn, query);
    if (!found) {
      const words = `To count this search, more than ${maxCounted} resources of type ${query.type} would have to be looked at. Narrow it down.`;
      throw new FicusError('too-costly', words);
    }
    const { servedBy, ...said } = found;
    const set = { matches: [], included: [], ...said };
    return { status: 200, headers: {}, body: { kind: 'searchset', set }, servedBy };
  }

  /** How much a search finds of what may be seen; undefined: too much to look at. */
  async function count(turn: Turn, query: SearchQuery): Promise<Counted | undefined> {
    const { sort: _sort, page: _page, ...rest } = whole(query);
    const applied = rest.applied.filter(([name]) => !PAGING.includes(name));
    const asked: SearchQuery = {
      ...rest,
      sort: [],
      count: COUNTED_PAGE,
      applied: [...applied, ['_count', String(COUNTED_PAGE)]],
    };
    const found = await askAll(next, asked, turn.context, maxCounted, maxBytes);
    if (!found) return undefined;
    const { servedBy, set } = found;
    const sieve = sieveOf(turn);
    const matches = set.matches.filter((it) => sieve.keeps(it, set.matches));
    const issues = await issuesOf(turn, asked, { issues: set.issues, servedBy }, sieve);
    return { servedBy, issues, ...(isComplete(issues) ? { total: matches.length } : {}) };
  }

  /**
   * What is said of an answer: what whoever gave it said, as far as that is not about what is hidden, and what may be
   * kept back.
   */
  async function issuesOf(
    turn: Turn,
    query: SearchQuery,
    { issues, servedBy }: { readonly issues: readonly Issue[]; readonly servedBy: string },
    sieve: Sieve,
  ): Promise<readonly Issue[]> {
    const dated = issues.filter((issue) => !isUndated(issue));
    const asks = query.page === undefined && query.filters.some(isByUpdate) && servedBy.startsWith('legacy:');
    const undated = asks && (await findsUndated(turn, query)) ? [UNDATED] : [];
    return [...dated, ...undated, ...noticesOf(sieve, sight, turn)];
  }

  /**
   * Whether something that may be seen would be found but for not saying when it was last updated: who answers says so
   * of what is hidden, too.
   */
  async function findsUndated(turn: Turn, query: SearchQuery): Promise<boolean> {
    const { count: _count, ...rest } = whole(query);
    const asked: SearchQuery = {
      ...rest,
      sort: [],
      filters: [...query.filters.filter((it) => !isByUpdate(it)), WITHOUT_UPDATE],
      applied: [
        ...rest.applied.filter(([name]) => name !== '_lastUpdated' && !PAGING.includes(name)),
        ['_lastUpdated:missing', 'true'],
      ],
    };
    const page = await pages.page({ turn, query: asked, asked, wanted: 1, sieve: sieveOf(turn) });
    return 'refused' in page || page.matches.length > 0 || page.next !== undefined;
  }
}

interface Counted {
  readonly total?: number;
  readonly issues: readonly Issue[];
  readonly servedBy: string;
}

const WITHOUT_UPDATE: SearchQuery['filters'][number] = {
  name: '_lastUpdated',
  type: 'date',
  modifier: 'missing',
  values: [{ text: 'true', code: 'true' }],
};

function isByUpdate({ name, modifier }: SearchQuery['filters'][number]): boolean {
  return name === '_lastUpdated' && modifier !== 'missing';
}

/** Exact, or absent: what may lack something has no total. */
function isComplete(issues: readonly Issue[]): boolean {
  return issues.every(({ severity }) => severity === 'information');
}

/**
 * The search as it is asked for, so that each resource found can be judged: all of it. What comes with the matches is
 * asked for apart.
 */
function whole(query: SearchQuery): SearchQuery {
  const { summary: _summary, elements: _elements, total: _total, revinclude: _reverse, ...rest } = query;
  return { ...rest, applied: rest.applied.filter(([name]) => !SHAPING.includes(name)) };
}
