import { isDeepStrictEqual } from 'node:util';
import { FicusError, type Issue } from '../errors.ts';
import type { SearchFilter, SearchQuery, SearchSet } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import type { Backend, FhirRequest, FhirResponse, Layer, RequestContext } from '../ports.ts';
import type { Access } from '../security-ports.ts';
import { followed, setOf } from './ask.ts';
import { resolveChains } from './chain.ts';
import { reverseTargets } from './federate-reverse.ts';
import type { HasOptions } from './has.ts';
import { includeTargets } from './include.ts';
import { pageBinding, type PageSealer } from './page.ts';

/** What federation must know of a caller who may not see everything. */
export interface CallersSight {
  /**
   * Whether every resource of a type may be seen. What leads through another type is asked through the same Backend, so
   * that only what may be seen is followed.
   */
  seesAll(access: Access, type: string): boolean;
  /** Whether a resource may be asked for by its id. */
  mayName(access: Access, type: string, id: string): boolean;
}

export interface FederateOptions {
  readonly pages: PageSealer;
  /** This server's own base address, without a slash at its end. */
  readonly base?: string;
  /** Whether resources of a type can be read here: what an `_include` can follow. */
  readonly serves: (type: string) => boolean;
  /**
   * Whether searches of a type are answered where chains are followed without being asked of others, and resources of
   * the type are found there. Default: none are.
   */
  readonly followsChains?: (type: string) => boolean;
  /**
   * What a caller may see, where that is not everything; absent: who has `access` sees nothing whole, and may name
   * everything.
   */
  readonly sight?: CallersSight;
  /** Types whose searches fail (503) rather than answer in part, e.g. AllergyIntolerance. */
  readonly failClosed: ReadonlySet<string>;
  /** Most resources that one chained parameter may stand for; default 50. */
  readonly maxChained?: number;
  /**
   * Most resources that one `_has` may stand for, and most that are looked at to find them; the same for a chain where
   * one that follows chains is asked; default 200.
   */
  readonly maxReferred?: number;
  /** Most resources included in one page; default 200. */
  readonly maxIncluded?: number;
  /** Reads for `_include` at a time; default 4. */
  readonly concurrency?: number;
  /** Largest answer of a modern service that is taken apart, in bytes; default 16 MiB. */
  readonly maxBytes?: number;
}

type SearchRequest = FhirRequest & { readonly query: SearchQuery };

/** Marks tokens that carry the `next` link of a modern service whose answer was taken apart. */
const UPSTREAM = 'u.';

/**
 * The Layer for what spans endpoints, asked through the same Backend: a chained parameter is resolved to references
 * first, and the targets of `_include` are read afterwards. `next` sees plain searches only.
 *
 * An answer that is piped stays untouched unless something has to be added to it. A target that cannot be had makes the
 * set `incomplete`, without a total; where the type must not be answered in part, the search fails. FHIR R4
 * search.html#chaining, #include
 */
export function federate(options: FederateOptions): Layer {
  const { pages, base, serves, failClosed, sight } = options;
  const { maxChained = 50, maxReferred = 200, maxIncluded = 200, concurrency = 4 } = options;
  const { maxBytes = 16 * 1024 * 1024 } = options;
  const home = base === undefined ? {} : { base };
  const including = { serves, maxIncluded, concurrency, maxBytes, ...home };

  return (next) => {
    const layer: Backend = {
      handle(request, context) {
        const { query } = request;
        if (request.interaction !== 'search' || !query) return next.handle(request, context);
        return search({ ...request, query }, context);
      },
    };
    return layer;

    async function search(request: SearchRequest, context: RequestContext): Promise<FhirResponse> {
      const { query } = request;
      const { access } = context.principal;
      const whole = !access || crossed(query).every((type) => sight?.seesAll(access, type));
      const isOne = isFollowed(query);
      const chains =
        whole && isOne
          ? ({ kind: 'resolved', query, issues: [] } as const)
          : await resolveChains(query, layer, context, {
              // Who holds all of it is asked for many at once, too.
              maxChained: isOne ? maxReferred : maxChained,
              maxBytes,
              ...(whole ? {} : { has: reversing(access) }),
            });
      if (failClosed.has(request.type)) refusePart(chains.issues);
      if (chains.kind === 'nothing') {
        const nothing: SearchSet = { matches: [], included: [], total: 0, issues: [] };
        return answer(withIssues(nothing, chains.issues, isComplete(chains.issues)), chains.servedBy, {});
      }
      const binding = UPSTREAM + pageBinding(query, context.principal.key);
      const resumed = resume(query, binding);
      const { revinclude, ...resolved } = chains.query;
      const apart: readonly string[] = whole ? ['_include'] : ['_include', '_revinclude'];
      const applied = resolved.applied.filter(([name]) => !apart.includes(name));
      const reverse = whole && revinclude ? { revinclude } : {};
      const plain = { ...resolved, ...reverse, include: [], ignored: [], applied };
      const asked = resumed ? followed(plain, resumed) : plain;
      const response = await next.handle({ ...request, query: asked }, context);
      const { body, status, servedBy, headers } = response;
      if (body.kind === 'pipe' && !resumed) refuseForeignPage(query, body);
      const includes = query.include.length > 0 || (revinclude !== undefined && !whole);
      const adds = includes || query.ignored.length > 0 || chains.issues.length > 0;
      if (body.kind !== 'searchset' && (body.kind !== 'pipe' || status !== 200 || !(adds || resumed)))
        return response;
      const { set, link } = await setOf(response, maxBytes);
      if (failClosed.has(request.type)) refusePart(set.issues);
      const continued = link === undefined ? set : { ...set, next: UPSTREAM + pages.seal(link, binding) };
      const explained = withIssues(continued, chains.issues, isComplete(chains.issues));
      const complete = await include(request, explained, context);
      return answer(whole ? complete : await reverseInclude(request, complete, context), servedBy, headers);
    }

    /** What a caller may see of what refers to the matches. */
    async function reverseInclude(
      { query }: SearchRequest,
      set: SearchSet,
      context: RequestContext,
    ): Promise<SearchSet> {
      if (!query.revinclude || set.matches.length === 0) return set;
      const found = await reverseTargets(query, set.matches, next, context, { maxIncluded, maxBytes });
      const known = new Set(set.included.map(nameOf));
      const more = found.included.filter((it) => !known.has(nameOf(it)));
      return withIssues(
        { ...set, included: [...set.included, ...more] },
        found.issues,
        found.missing.size === 0,
      );
    }

    async function include(
      { type, query }: SearchRequest,
      set: SearchSet,
      context: RequestContext,
    ): Promise<SearchSet> {
      if (query.include.length === 0 || set.matches.length === 0) return set;
      const found = await includeTargets(query.include, set.matches, next, context, including);
      if ([type, ...found.missing].some((it) => failClosed.has(it))) refusePart(found.issues);
      const all = { ...set, included: [...set.included, ...found.included] };
      return withIssues(all, found.issues, found.missing.size === 0);
    }
  };

  function reversing(access: Access): HasOptions {
    const mayName = (type: string, id: string): boolean => sight?.mayName(access, type, id) ?? true;
    return { maxReferred, maxBytes, mayName, ...home };
  }

  /** Whether the one that answers holds everything that the chains lead through. */
  function isFollowed({ type, filters }: SearchQuery): boolean {
    const { followsChains = () => false } = options;
    const leadsThrough = ({ chain }: SearchFilter): readonly string[] =>
      chain ? [chain.targetType, ...leadsThrough(chain.filter)] : [];
    return followsChains(type) && filters.flatMap(leadsThrough).every(followsChains);
  }

  /** The parameters with which a modern service goes on; undefined: this is no page of one that was taken apart. */
  function resume({ page, applied }: SearchQuery, binding: string): [string, string][] | undefined {
    // A service's own token may begin the same way.
    if (!page?.startsWith(UPSTREAM) || applied.some(([, value]) => value === page)) return undefined;
    return pages.open(page.slice(UPSTREAM.length), binding) as [string, string][];
  }
}

/**
 * Types that a search leads through, by chains, `_has` and `_revinclude`; what comes with the matches is found by the
 * matches, so its own, too.
 */
function crossed({ type, filters, revinclude = [] }: SearchQuery): readonly string[] {
  const through = ({ chain, has }: SearchFilter): readonly string[] => [
    ...(chain ? [chain.targetType, ...through(chain.filter)] : []),
    ...(has ? [has.source, ...through(has.filter)] : []),
  ];
  return [...filters.flatMap(through), ...revinclude.flatMap(({ source }) => [source, type])];
}

function nameOf({ resourceType, id }: Resource): string {
  return `${resourceType}/${id}`;
}

/** @throws FicusError `incomplete` (503) when something could not be had. */
export function refusePart(issues: readonly Issue[]): void {
  const missed = issues.filter(({ code }) => code === 'incomplete');
  if (missed.length === 0) return;
  throw new FicusError(
    'incomplete',
    'A part of this answer could not be had, and it must not be given in part.',
    {
      issues: missed.map((issue) => ({ ...issue, severity: 'error' })),
    },
  );
}

/** A token of a legacy source means nothing to a modern service: it would answer with its first page. */
function refuseForeignPage(
  { page, applied }: SearchQuery,
  body: Extract<FhirResponse['body'], { kind: 'pipe' }>,
): void {
  if (page === undefined || applied.some(([, value]) => value === page)) return;
  body.discard();
  throw new FicusError(
    'page-expired',
    'Another system answers this search now. Start it again without the page token.',
    {
      expression: ['_page'],
    },
  );
}

/** The set with more to say about it; one that may lack something has no total. */
function withIssues(set: SearchSet, issues: readonly Issue[], complete: boolean): SearchSet {
  if (issues.length === 0 && complete) return set;
  const { total, ...rest } = set;
  return {
    ...rest,
    ...(complete && total !== undefined ? { total } : {}),
    issues: distinct([...set.issues, ...issues]),
  };
}

/** Each once: what is said of every answer is said of those that one is made of, too. */
function distinct(issues: readonly Issue[]): readonly Issue[] {
  return issues.filter((issue, at) => issues.findIndex((other) => isDeepStrictEqual(other, issue)) === at);
}

function isComplete(issues: readonly Issue[]): boolean {
  return issues.every(({ severity }) => severity === 'information');
}

/** Headers that described the body which was taken apart do not describe the new one. */
function answer(set: SearchSet, servedBy: string, headers: FhirResponse['headers']): FhirResponse {
  const kept = Object.entries(headers).filter(
    ([name]) => !name.startsWith('content-') && name !== 'etag' && name !== 'last-modified',
  );
  return { status: 200, headers: Object.fromEntries(kept), body: { kind: 'searchset', set }, servedBy };
}
