import type { Issue } from '../errors.ts';
import type { SearchFilter } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import { compileFilters, type Match, type MatchOptions } from './match.ts';

/** What a source gave, checked against the whole query. */
export interface Recheck {
  /** Whether a resource answers the search. */
  readonly keeps: Match;
  /** What the client has to know about the resources that were checked so far. */
  issues(): readonly Issue[];
}

/**
 * Checks every resource a source returns against all filters. A resource that does not say when it was last updated
 * cannot be found by `_lastUpdated`; that it was passed over is said, not kept silent.
 */
export function createRecheck(
  type: string,
  filters: readonly SearchFilter[],
  options: MatchOptions,
): Recheck {
  const byUpdate = filters.filter(({ name, modifier }) => name === '_lastUpdated' && modifier !== 'missing');
  const others = filters.filter((filter) => !byUpdate.includes(filter));
  const matchesOthers = compileFilters(type, others, options);
  const matchesUpdate = compileFilters(type, byUpdate, options);
  let undated = false;
  return {
    keeps(resource) {
      if (resource.resourceType !== type || !matchesOthers(resource)) return false;
      if (matchesUpdate(resource)) return true;
      undated ||= lastUpdated(resource) === undefined;
      return false;
    },
    issues: () => (undated ? [UNDATED] : []),
  };
}

/** Said of a search by `_lastUpdated` that passed over what does not say when it was last updated. */
export const UNDATED: Issue = {
  severity: 'warning',
  code: 'incomplete',
  diagnostics:
    'The system that holds the data does not say of every resource when it was last updated; those it does not say it of were left out.',
  expression: ['_lastUpdated'],
};

/** Whether an issue says that something was passed over because it does not say when it was last updated. */
export function isUndated({ code, expression }: Issue): boolean {
  return code === UNDATED.code && expression?.includes('_lastUpdated') === true;
}

function lastUpdated(resource: Resource): unknown {
  const meta = resource['meta'];
  return meta !== null && typeof meta === 'object' && 'lastUpdated' in meta ? meta['lastUpdated'] : undefined;
}
