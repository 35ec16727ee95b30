import { FicusError, type Issue } from '../errors.ts';
import { endpointNamed } from '../fhir/endpoint.ts';
import type { SearchQuery, SearchSet } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import type { Backend, Clock, FhirRequest, FhirResponse, RequestContext } from '../ports.ts';
import { fetchAll, fetchByIds, fetchPage, repeatsOf, type Fetch, type Position } from './fetch.ts';
import type { MatchOptions } from './match.ts';
import { pageBinding, type PageSealer } from './page.ts';
import { planSearch, tooCostly } from './plan.ts';
import { createRecheck, type Recheck } from './recheck.ts';
import { sortResources } from './sort.ts';
import type { LegacySource } from './source.ts';
import type { TimeZone } from './time-zone.ts';

export interface SourceBackendOptions {
  readonly clock: Clock;
  readonly pages: PageSealer;
  /** Zone of dates without an offset. */
  readonly zone: TimeZone;
  /** This server's own base address, without a slash at its end. */
  readonly base?: string;
  /** Matches on a page when `_count` says nothing. */
  readonly defaultCount: number;
  /** Most resources read to sort or count one search; default 1000. */
  readonly maxGathered?: number;
  /** Most native searches or reads that one search becomes where the source cannot OR; default 50. */
  readonly maxBranches?: number;
}

/** Where the next page begins: in the source, or in what is gathered again. */
type PageState =
  | { readonly at: Position; readonly branches: number }
  /** In what is gathered anew for each page. */
  | { readonly offset: number };

/**
 * A Backend of what a legacy adapter offers: reads and writes go to the source, a search is planned, fetched,
 * re-checked in full, sorted and paged. Ids and references are legacy keys here.
 *
 * Without `_sort`, `_total=accurate` or a count, one page is at most one page of each native search, and `total` is
 * said only when that was all. With them everything is gathered first, up to `maxGathered`, and `total` is exact. Each
 * later page of a sorted search gathers anew and goes on at an offset: what changes in the core between two pages may
 * show twice or not at all.
 */
export function createSourceBackend(source: LegacySource, options: SourceBackendOptions): Backend {
  const servedBy = `legacy:${source.name}`;
  return {
    async handle(request, context) {
      const { interaction, type } = request;
      if (interaction === 'history') {
        throw new FicusError(
          'not-implemented',
          `${source.name} keeps no versions: what a ${type} was before cannot be told.`,
        );
      }
      if (!source.endpoints.includes(endpointNamed(type, interaction))) {
        throw new FicusError('not-implemented', `${source.name} cannot do ${type}.${interaction}.`);
      }
      if (interaction === 'read')
        return resourceAnswer(200, await source.read(type, keyOf(request), context));
      if (interaction === 'create' || interaction === 'update') return write(request, context);
      if (interaction === 'search') {
        const set = await search(source, options, queryOf(request), context);
        return { status: 200, headers: {}, body: { kind: 'searchset', set }, servedBy };
      }
      throw new FicusError('not-implemented', `${source.name} keeps no versions.`);
    },
  };

  async function write(request: FhirRequest, context: RequestContext): Promise<FhirResponse> {
    const { interaction, type, attempt } = request;
    const resource = resourceOf(request);
    let issues: readonly Issue[] = [];
    const leftOut = request.lossy ? (lost: readonly Issue[]) => void (issues = lost) : undefined;
    const told = () => (issues.length > 0 ? { issues } : {});
    if (interaction === 'update') {
      const updated = await source.update(type, keyOf(request), resource, context, leftOut, attempt);
      return { ...resourceAnswer(200, updated), ...told() };
    }
    const created = await source.create(type, resource, context, leftOut, attempt);
    const location = created.id === undefined ? {} : { location: `${type}/${created.id}` };
    return { ...resourceAnswer(201, created), headers: location, ...told() };
  }

  function resourceAnswer(status: number, resource: Resource): FhirResponse {
    return { status, headers: {}, body: { kind: 'resource', resource }, servedBy };
  }
}

async function search(
  source: LegacySource,
  options: SourceBackendOptions,
  query: SearchQuery,
  context: RequestContext,
): Promise<SearchSet> {
  const { type, filters } = query;
  refuseReverse(query);
  const { clock, zone, base, maxGathered = 1000, maxBranches = 50 } = options;
  const matching: MatchOptions = { zone, now: clock.now(), ...(base === undefined ? {} : { base }) };
  const recheck = createRecheck(type, filters, matching);
  const native = source.searchOf(type);
  const canRead = source.endpoints.includes(`${type}.read`);
  const plan = planSearch(filters, native, { maxBranches, canRead });
  const paging = createPaging(query, options, context);
  if (plan.kind === 'unbounded') throw tooCostly(type, plan.anchors);
  if (plan.kind === 'read') {
    const found = await fetchByIds(source, type, plan.ids, recheck.keeps, context);
    return paging.gathered(found, [], recheck);
  }
  const { branches } = plan;
  const repeats = repeatsOf(type, branches, matching);
  const fetch: Fetch = {
    source,
    type,
    branches,
    maxPage: native?.maxPage ?? 1,
    keeps: recheck.keeps,
    repeats,
  };
  if (!paging.needsAll) return paging.passing(fetch, recheck);
  const { resources, issues } = await fetchAll(fetch, maxGathered, context);
  return paging.gathered(resources, issues, recheck);
}

/** What refers to a resource cannot be asked of a source. @throws FicusError `search-unsupported` */
function refuseReverse({ revinclude, filters }: SearchQuery): void {
  const reverse = filters.some(({ has }) => has) ? '_has' : revinclude ? '_revinclude' : undefined;
  if (reverse === undefined) return;
  throw new FicusError('search-unsupported', `The system that holds the data cannot answer ${reverse}.`, {
    expression: [reverse],
  });
}

/** The two ways a result becomes pages. */
function createPaging(query: SearchQuery, options: SourceBackendOptions, context: RequestContext) {
  const { type, sort } = query;
  const { pages, zone } = options;
  const binding = pageBinding(query, context.principal.key);
  const state = query.page === undefined ? undefined : (pages.open(query.page, binding) as PageState);
  const countOnly = query.summary === 'count' || query.count === 0;
  const count = query.count || options.defaultCount;
  const seal = (next: PageState): string => pages.seal(next, binding);

  return {
    needsAll: countOnly || sort.length > 0 || query.total === 'accurate',

    /** All that matches is here: sorted, cut to the page asked for. */
    gathered(found: readonly Resource[], sourceIssues: readonly Issue[], recheck: Recheck): SearchSet {
      if (state && !('offset' in state)) throw moved();
      const issues = [...sourceIssues, ...recheck.issues()];
      const total = query.total === 'none' && !countOnly ? {} : totalOf(found.length, issues);
      if (countOnly) return { matches: [], included: [], issues, ...total };
      const ordered = sortResources(type, found, sort, zone);
      const start = state?.offset ?? 0;
      const end = start + count;
      const next = end < ordered.length ? { next: seal({ offset: end }) } : {};
      return { matches: ordered.slice(start, end), included: [], issues, ...total, ...next };
    },

    /** One page of the source, as it comes. */
    async passing(fetch: Fetch, recheck: Recheck): Promise<SearchSet> {
      const branches = fetch.branches.length;
      if (state && (!('at' in state) || state.branches !== branches)) throw moved();
      const {
        resources,
        issues: sourceIssues,
        next,
      } = await fetchPage(fetch, state?.at ?? { branch: 0 }, count, context);
      const issues = [...sourceIssues, ...recheck.issues()];
      return {
        matches: resources,
        included: [],
        issues,
        ...(state || next || query.total === 'none' ? {} : totalOf(resources.length, issues)),
        ...(next ? { next: seal({ at: next, branches }) } : {}),
      };
    },
  };
}

/** Exact, or absent: what a source says it could not give completely has no total. */
function totalOf(total: number, issues: readonly Issue[]): { total?: number } {
  return issues.every(({ severity }) => severity === 'information') ? { total } : {};
}

function moved(): FicusError {
  return new FicusError(
    'page-expired',
    'How this search is carried out has changed. Start it again without the page token.',
    {
      expression: ['_page'],
    },
  );
}

function keyOf({ id }: FhirRequest): string {
  if (id === undefined) throw new FicusError('internal', 'A request for one resource came without an id.');
  return id;
}

function resourceOf({ resource }: FhirRequest): Resource {
  if (!resource)
    throw new FicusError('internal', 'A write came to a legacy source without a decoded resource.');
  return resource;
}

function queryOf({ query }: FhirRequest): SearchQuery {
  if (!query) throw new FicusError('internal', 'A search came without a query.');
  return query;
}
