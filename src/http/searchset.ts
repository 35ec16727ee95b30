import type { Json, Resource } from '../fhir/types.ts';
import type { SearchQuery, SearchSet } from '../fhir/search-query.ts';
import { operationOutcome } from './outcome.ts';
import { encodePairs } from './url.ts';

export function searchsetOf(
  set: SearchSet,
  query: SearchQuery | undefined,
  type: string,
  publicBase: string,
): Resource {
  const pairs = query?.applied ?? [];
  const link = (extra: readonly (readonly [string, string])[]): string => {
    const text = encodePairs([...pairs, ...extra]);
    return `${publicBase}/${type}${text === '' ? '' : `?${text}`}`;
  };
  const entry: Json[] = [
    ...set.matches.map((resource) => ({
      fullUrl: `${publicBase}/${resource.resourceType}/${resource.id}`,
      resource,
      search: { mode: 'match' },
    })),
    ...set.included.map((resource) => ({
      fullUrl: `${publicBase}/${resource.resourceType}/${resource.id}`,
      resource,
      search: { mode: 'include' },
    })),
  ];
  const issues = [...(query?.ignored ?? []), ...set.issues];
  if (issues.length > 0) entry.push({ resource: operationOutcome(issues), search: { mode: 'outcome' } });
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    ...(set.total === undefined ? {} : { total: set.total }),
    link: [
      { relation: 'self', url: link([]) },
      ...(set.next === undefined ? [] : [{ relation: 'next', url: link([['_page', set.next]]) }]),
    ],
    ...(entry.length > 0 ? { entry } : {}),
  };
}
