import type { JsonObject, Resource } from '../fhir/types.ts';
import { weakEtag } from '../fhir/version.ts';
import type { FoundVersion } from './search/reading.ts';

/**
 * The versions of one resource as a Bundle, the newest first (FHIR R4 http.html#history). The first version was made,
 * the later ones changed it.
 * @param base FHIR base address that clients see, without a slash at its end.
 */
export function historyBundle(versions: readonly FoundVersion[], base: string): Resource {
  const [newest] = versions;
  const address = newest && `${newest.resource.resourceType}/${newest.resource.id}`;
  return {
    resourceType: 'Bundle',
    type: 'history',
    total: versions.length,
    link: [{ relation: 'self', url: `${base}/${address}/_history` }],
    entry: versions.map((it) => entryOf(it, base)),
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
