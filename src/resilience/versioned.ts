import { weakEtag, withContentVersion } from '../fhir/version.ts';
import type { JsonObject, Resource } from '../fhir/types.ts';
import type { Backend, FhirResponse, Layer } from '../ports.ts';

/**
 * Gives every resource of an answer a version: the backend's own, else one made from content (FHIR R4
 * http.html#versioning). The ETag and `meta.versionId` agree. Goes above the identity Layer and below single-flight, so
 * that a shared answer is hashed once.
 */
export function versioned(): Layer {
  return (next: Backend): Backend => ({
    async handle(request, context) {
      return withVersions(await next.handle(request, context));
    },
  });
}

function withVersions(response: FhirResponse): FhirResponse {
  const { body } = response;
  if (body.kind === 'searchset') {
    const matches = body.set.matches.map(withVersion);
    const included = body.set.included.map(withVersion);
    return { ...response, body: { kind: 'searchset', set: { ...body.set, matches, included } } };
  }
  if (body.kind !== 'resource' || response.headers['etag'] !== undefined) return response;
  const resource = withVersion(body.resource);
  const versionId = versionIdOf(resource);
  if (versionId === undefined) return response;
  return {
    ...response,
    headers: { ...response.headers, etag: weakEtag(versionId) },
    body: { kind: 'resource', resource },
  };
}

/** What frozen resources became, kept as long as they are: whoever may give one again freezes it. */
const versions = new WeakMap<Resource, Resource>();

/** Only what has an id is a version of something: an OperationOutcome is not. */
function withVersion(resource: Resource): Resource {
  if (resource.id === undefined || versionIdOf(resource) !== undefined) return resource;
  const known = versions.get(resource);
  if (known) return known;
  const made = withContentVersion(resource).resource;
  if (Object.isFrozen(resource)) versions.set(resource, Object.freeze(made));
  return made;
}

/** `meta.versionId`. */
export function versionIdOf(resource: Resource): string | undefined {
  const versionId = (resource['meta'] as JsonObject | undefined)?.['versionId'];
  return typeof versionId === 'string' ? versionId : undefined;
}
