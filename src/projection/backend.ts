import { FicusError } from '../errors.ts';
import type { SearchQuery, SearchSet } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import { weakEtag } from '../fhir/version.ts';
import { setOfWritten } from '../fhir/written.ts';
import type { Backend, Clock, FhirRequest, FhirResponse, RequestContext } from '../ports.ts';
import { includeTargets, type Inclusion } from '../search/include.ts';
import { pageBinding, type PageSealer } from '../search/page.ts';
import type { TimeZone } from '../search/time-zone.ts';
import { historyBundle } from './history.ts';
import type { IndexedNames } from './index/parameters.ts';
import type { Found, FoundVersion, Reading } from './search/reading.ts';
import { createProjectionSearch, type PageStart } from './search/search.ts';

export interface ProjectionBackendOptions {
  readonly clock: Clock;
  readonly pages: PageSealer;
  /** Zone of dates without an offset: the writer's. */
  readonly zone: TimeZone;
  /** This server's own base address, without a slash at its end: the writer's. */
  readonly base?: string;
  /** The parameters that the writer indexes; absent: all. */
  readonly indexed?: IndexedNames;
  /** Matches on a page when `_count` says nothing. */
  readonly defaultCount: number;
  /** Most resources that `_include` and `_revinclude` add to a page; default 200. */
  readonly maxIncluded?: number;
  /** Most resources looked at one by one for a search whose index rows do not tell all; default 20,000. */
  readonly maxChecked?: number;
  /**
   * How old what is answered may be, in seconds: the `Age` header. Zero while nothing waits to be applied, and the feed
   * lives; else the age of the oldest message that waits, or the time since the feed last said anything. Absent: the
   * time since a message was last applied.
   */
  readonly age?: () => number | undefined;
}

const SERVED_BY = 'projection';

/**
 * The Backend of what the feed has told: reads, versions, history and searches of one file. Ids are FHIR ids. A search
 * follows merged identities to their survivors, and says so; chains, `_has`, `_include` and `_revinclude` are answered
 * here. Unsorted results come in the order in which the resources became known. FHIR R4 http.html#read, #vread, #history,
 * search.html
 */
export function createProjectionBackend(reading: Reading, options: ProjectionBackendOptions): Backend {
  const { clock, pages, maxIncluded = 200 } = options;
  const search = createProjectionSearch(reading, {
    ...options,
    indexed: options.indexed ?? (() => undefined),
  });

  const backend: Backend = {
    async handle(request, context) {
      const { interaction, type } = request;
      if (interaction === 'read') return resourceAnswer(read(request));
      if (interaction === 'vread') return resourceAnswer(version(request));
      if (interaction === 'history') return history(request, context);
      if (interaction === 'search') {
        const set = await searchset(queryOf(request), context);
        return { status: 200, headers: ageHeader(), body: { kind: 'searchset', set }, servedBy: SERVED_BY };
      }
      throw new FicusError(
        'not-implemented',
        `The projection cannot do ${type}.${interaction}: it is fed by messages.`,
      );
    },
  };
  return backend;

  function ageHeader(): Record<string, string> {
    const applied = options.age ? undefined : reading.appliedAt();
    const seconds = options.age
      ? options.age()
      : applied === undefined
        ? undefined
        : (clock.now() - applied) / 1000;
    return seconds === undefined ? {} : { age: String(Math.max(0, Math.floor(seconds))) };
  }

  function resourceAnswer({ resource, version: number, updatedAt }: FoundVersion): FhirResponse {
    const headers = {
      etag: weakEtag(String(number)),
      'last-modified': new Date(updatedAt).toUTCString(),
      ...ageHeader(),
    };
    return { status: 200, headers, body: { kind: 'resource', resource }, servedBy: SERVED_BY };
  }

  function read({ type, id }: FhirRequest): Found {
    const found = id === undefined ? undefined : reading.read(type, id);
    if (!found) throw new FicusError('not-found', `There is no ${type} with this id.`);
    return found;
  }

  function version(request: FhirRequest): FoundVersion {
    const found = reading.version(read(request).rid, request.versionId ?? '');
    if (!found) throw new FicusError('not-found', `There is no such version of this ${request.type}.`);
    return found;
  }

  function history(request: FhirRequest, context: RequestContext): FhirResponse {
    const query = queryOf(request);
    const binding = historyBinding(request, context);
    const { since = 0 } = request;
    const count = query.count ?? options.defaultCount;
    const page = reading.consistently(() => {
      const { rid, version: newest } = read(request);
      const { top, from } =
        query.page === undefined
          ? { top: newest, from: newest }
          : (pages.open(query.page, binding) as HistoryStart);
      // One more than is given says whether anything follows.
      const found = reading.versions(rid, { since, upTo: from, limit: count + 1 });
      const following = found[count];
      const next: HistoryStart | undefined = following && { top, from: following.version };
      return {
        versions: found.slice(0, count),
        total: reading.versionCount(rid, { since, upTo: top }),
        ...(next ? { next: pages.seal(next, binding) } : {}),
      };
    });
    const resource = historyBundle(page, query, options.base ?? '');
    return { status: 200, headers: ageHeader(), body: { kind: 'resource', resource }, servedBy: SERVED_BY };
  }

  async function searchset(query: SearchQuery, context: RequestContext): Promise<SearchSet> {
    // Pages of whoever else answers this search go on elsewhere, and mean nothing here.
    const binding = `projection:${pageBinding(query, context.principal.key)}`;
    const now = clock.now();
    if (query.summary === 'count' || query.count === 0) {
      const { total, issues } = search.count(query, now);
      return { matches: [], included: [], total, issues };
    }
    const start = query.page === undefined ? undefined : (pages.open(query.page, binding) as PageStart);
    const count = query.count ?? options.defaultCount;
    const { page, matches, referring } = reading.consistently(() => {
      const found = search.page(query, start, count, query.total === 'accurate', now);
      return {
        page: found,
        matches: reading.byRids(found.rids),
        referring: search.referring(query, found.rids, maxIncluded),
      };
    });
    const complete = start === undefined && page.next === undefined && query.total !== 'none';
    const total = page.total ?? (complete ? matches.length : undefined);
    const targets = await included(query, matches, context);
    const known = new Set([...matches, ...targets.included].map(nameOf));
    const whole = referring.complete && targets.missing.size === 0 && total !== undefined;
    return setOfWritten(matches, {
      included: [...targets.included, ...referring.resources.filter((it) => !known.has(nameOf(it)))],
      issues: [...page.issues, ...targets.issues, ...referring.issues],
      ...(whole ? { total } : {}),
      ...(page.next ? { next: pages.seal(page.next, binding) } : {}),
    });
  }

  async function included(
    { include }: SearchQuery,
    matches: readonly Found[],
    context: RequestContext,
  ): Promise<Inclusion> {
    if (include.length === 0) return NOTHING_INCLUDED;
    const resources = matches.map(({ resource }) => resource);
    return includeTargets(include, resources, backend, context, {
      serves: () => true,
      maxIncluded,
      concurrency: 4,
      maxBytes: Number.MAX_SAFE_INTEGER,
      ...(options.base === undefined ? {} : { base: options.base }),
    });
  }
}

/** Where a page of a history begins. */
interface HistoryStart {
  /** The newest version when the first page was given: what came after it is not among the versions of these pages. */
  readonly top: number;
  readonly from: number;
}

/** What the pages of a history are good for: this resource, from this instant on, for this caller. */
function historyBinding({ type, id, since }: FhirRequest, { principal }: RequestContext): string {
  return JSON.stringify(['history', principal.key, type, id, since]);
}

const NOTHING_INCLUDED: Inclusion = { included: [], issues: [], missing: new Set() };

function nameOf({ resourceType, id }: Pick<Resource, 'resourceType' | 'id'>): string {
  return `${resourceType}/${id}`;
}

function queryOf({ query }: FhirRequest): SearchQuery {
  if (!query) throw new FicusError('internal', 'A search came without a query.');
  return query;
}
