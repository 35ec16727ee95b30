import type { Resource } from '../fhir/types.ts';
import { weakEtag } from '../fhir/version.ts';
import type { FhirResponse } from '../ports.ts';
import { versionIdOf } from './versioned.ts';

/** An answer to a write that is known to be done, with where the resource is and its version. */
export function answerWith(resource: Resource, status: number, servedBy: string): FhirResponse {
  const versionId = versionIdOf(resource);
  const headers = {
    ...(resource.id === undefined ? {} : { location: `${resource.resourceType}/${resource.id}` }),
    ...(versionId === undefined ? {} : { etag: weakEtag(versionId) }),
  };
  return { status, headers, body: { kind: 'resource', resource }, servedBy };
}
