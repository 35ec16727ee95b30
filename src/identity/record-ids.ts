import type { Resource } from '../fhir/types.ts';
import { mapAddresses } from './references.ts';

/**
 * A resource of the feed with its id, its references and the addresses of its attachments sealed: `Binary/HOSP|4711`
 * becomes `Binary/<id>`. What is no legacy key (`#contained`, `urn:`, an absolute address) stays as it is.
 */
export function sealRecord(resource: Resource, sealId: (type: string, key: string) => string): Resource {
  const { resourceType, id, ...content } = mapAddresses(resource, (text) => {
    const [, type, key] = LEGACY_KEY.exec(text) ?? [];
    return type === undefined ? text : `${type}/${sealId(type, key!)}`;
  });
  return { resourceType, ...(id === undefined ? {} : { id: sealId(resourceType, id) }), ...content };
}

const LEGACY_KEY = /^([A-Z][A-Za-z]+)\/([^/|]+\|.+)$/s;
