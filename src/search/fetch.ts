import { isDeepStrictEqual } from 'node:util';
import { FicusError, type Issue } from '../errors.ts';
import type { SearchFilter } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import type { RequestContext } from '../ports.ts';
import { mapBounded } from './bounded.ts';
import { compileFilters, type Match, type MatchOptions } from './match.ts';
import type { LegacySource } from './source.ts';

/** Where a search stands: which native search, which of its pages, and where in it. */
export interface Position {
  readonly branch: number;
  readonly cursor?: string;
  /** Resources of that page that were given already, and the size it was asked for with. */
  readonly skip?: number;
  readonly size?: number;
}

export interface Fetched {
  readonly resources: readonly Resource[];
  readonly issues: readonly Issue[];
  /** Absent: there is no more. */
  readonly next?: Position;
}

/** One search of one source, as its plan has it. */
export interface Fetch {
  readonly source: LegacySource;
  readonly type: string;
  readonly branches: readonly (readonly SearchFilter[])[];
  /** Largest page of the source. */
  readonly maxPage: number;
  readonly keeps: Match;
  /** For each branch, what an earlier one has given already. */
  readonly repeats: (branch: number) => Match;
}

const CONCURRENT_READS = 4;

/**
 * Which resources a branch must not give: those that stand in an earlier one, and those that a source gave although
 * they do not match this branch (another will give them). So each resource is given once, without remembering what was
 * given.
 */
export function repeatsOf(
  type: string,
  branches: readonly (readonly SearchFilter[])[],
  options: MatchOptions,
): (branch: number) => Match {
  if (branches.length === 1) return () => () => false;
  const matches = branches.map((filters) => compileFilters(type, filters, options));
  return (branch) => (resource) => matches.findIndex((match) => match(resource)) !== branch;
}

/**
 * One page of the source, re-checked: at most `count` matches, possibly fewer or none although there is more. Where
 * that ends a native search, the next one goes on filling: whoever asks for two numbers gets both at once.
 */
export async function fetchPage(
  fetch: Fetch,
  at: Position,
  count: number,
  context: RequestContext,
): Promise<Fetched> {
  const resources: Resource[] = [];
  const issues: Issue[] = [];
  let position = at;
  for (;;) {
    const page = await fetchFrom(fetch, position, count - resources.length, context);
    resources.push(...page.resources);
    addIssues(issues, page.issues);
    const { next } = page;
    if (!next) return { resources, issues };
    if (next.branch === position.branch || resources.length === count) return { resources, issues, next };
    position = next;
  }
}

/** One page of one native search. */
async function fetchFrom(
  fetch: Fetch,
  at: Position,
  count: number,
  context: RequestContext,
): Promise<Fetched> {
  const { source, type, branches, maxPage, keeps } = fetch;
  const { branch, cursor, skip = 0, size = Math.min(count, maxPage) } = at;
  const repeats = fetch.repeats(branch);
  const page = await source.search(
    type,
    branches[branch] ?? [],
    { count: size, ...(cursor === undefined ? {} : { cursor }) },
    context,
  );
  const kept = new Map<string, Resource>();
  let seen = skip;
  for (; seen < page.resources.length && kept.size < count; seen++) {
    const resource = page.resources[seen]!;
    if (keeps(resource) && !repeats(resource)) kept.set(resource.id ?? `#${seen}`, resource);
  }
  const dropped = seen - skip - kept.size;
  if (dropped > 0)
    context.log.debug('left out what does not match', {
      backend: source.name,
      resourceType: type,
      count: dropped,
    });
  const issues = page.issues ?? [];
  const resources = [...kept.values()];
  // A source may give more than it was asked for; the client does not get more than it asked for.
  if (seen < page.resources.length) return { resources, issues, next: { ...at, skip: seen, size } };
  if (page.next !== undefined) return { resources, issues, next: { branch, cursor: page.next } };
  return { resources, issues, ...(branch + 1 < branches.length ? { next: { branch: branch + 1 } } : {}) };
}

/**
 * Everything that matches, from all pages of all branches.
 * @param limit most resources that may be read for it.
 * @throws FicusError `too-costly` beyond the limit; what the source throws. The source is told of the cursor given up.
 */
export async function fetchAll(
  fetch: Fetch,
  limit: number,
  context: RequestContext,
): Promise<{ readonly resources: Resource[]; readonly issues: Issue[] }> {
  const { source, type, maxPage, keeps, branches } = fetch;
  const resources = new Map<string, Resource>();
  const issues: Issue[] = [];
  let read = 0;
  let pages = 0;
  for (const filters of branches) {
    let cursor: string | undefined;
    do {
      try {
        if (context.signal.aborted)
          throw new FicusError('timeout', 'The search took longer than is allowed.');
        const page = await source.search(
          type,
          filters,
          { count: maxPage, ...(cursor === undefined ? {} : { cursor }) },
          context,
        );
        cursor = page.next;
        read += page.resources.length;
        pages += 1;
        addIssues(issues, page.issues ?? []);
        const more = cursor !== undefined;
        // An empty page costs the source as much as a full one.
        if (read > limit || (more && (read === limit || pages > limit))) throw tooMany(type, limit);
        for (const resource of page.resources) {
          if (keeps(resource)) resources.set(resource.id ?? `#${resources.size}`, resource);
        }
      } catch (error) {
        if (cursor !== undefined) source.abandon(type, cursor);
        throw error;
      }
    } while (cursor !== undefined);
  }
  return { resources: [...resources.values()], issues };
}

/** Each issue once, however many searches tell it. */
function addIssues(issues: Issue[], more: readonly Issue[]): void {
  for (const issue of more) if (!issues.some((known) => isDeepStrictEqual(known, issue))) issues.push(issue);
}

/** The resources behind ids that exist and match. */
export async function fetchByIds(
  source: LegacySource,
  type: string,
  ids: readonly string[],
  keeps: Match,
  context: RequestContext,
): Promise<Resource[]> {
  const found = await mapBounded(ids, CONCURRENT_READS, async (id) => {
    try {
      return await source.read(type, id, context);
    } catch (error) {
      if (error instanceof FicusError && error.code === 'not-found') return undefined;
      throw error;
    }
  });
  const resources = found.filter((resource) => resource !== undefined && keeps(resource)) as Resource[];
  return [...new Map(resources.map((resource) => [resource.id, resource])).values()];
}

function tooMany(type: string, limit: number): FicusError {
  return new FicusError(
    'too-costly',
    `To sort or count this search, more than ${limit} resources of type ${type} would have to be read. Narrow it down, or leave out _sort and _total.`,
  );
}
