import { linksOf } from '../fhir/bundle.ts';
import type { SearchQuery } from '../fhir/search-query.ts';
import type { JsonObject, Resource } from '../fhir/types.ts';
import { weakEtag } from '../fhir/version.ts';
import type { FoundVersion } from './search/reading.ts';

/** Versions of one resource, the newest first. */
export interface VersionPage {
  readonly versions: readonly FoundVersion[];
  /** Of all pages. */
  readonly total: number;
  /** Token of the next page; absent: nothing follows. */
  readonly next?: string;
}

/**
 * A page of the versions of one resource as a Bundle (FHIR R4 http.html#history). The first version was made, the later
 * ones changed it; what the feed has told is never deleted.
 * @param base FHIR base address that clients see, without a slash at its end.
 */
export function historyBundle(page: VersionPage, query: SearchQuery, base: string): Resource {
  const { versions, total } = page;
  return {
    resourceType: 'Bundle',
    type: 'history',
    total,
    link: linksOf(page, query, base),
    ...(versions.length === 0 ? {} : { entry: versions.map((it) => entryOf(it, base)) }),
  };
}

function entryOf({ resource, version, updatedAt }: FoundVersion, base: string): JsonObject {
  const { resourceType, id } = resource;
  const made = version === 1;
  return {
    fullUrl: `${base}/${resourceType}/${id}`,
    resource,
    request: { method: 'PUT', url: `${resourceType}/${id}` },
    response: {
      status: made ? '201' : '200',
      etag: weakEtag(String(version)),
      lastModified: new Date(updatedAt).toISOString(),
    },
  };
}
