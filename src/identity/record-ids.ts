import type { Resource } from '../fhir/types.ts';
import { copyWithAddresses } from './references.ts';

/**
 * A resource of the feed with its id, its references and the addresses of its attachments sealed: `Binary/HOSP|4711`
 * becomes `Binary/<id>`. What is no legacy key (`#contained`, `urn:`, an absolute address) stays as it is.
 */
export function sealRecord(resource: Resource, sealId: (type: string, key: string) => string): Resource {
  const sealed = copyWithAddresses(resource, (text) => sealAddress(text, sealId));
  if (sealed.id !== undefined) sealed.id = sealId(sealed.resourceType, sealed.id);
  return sealed;
}

/** `Type/authority|value`, sealed; any other text as it is. */
function sealAddress(text: string, sealId: (type: string, key: string) => string): string {
  const slash = text.indexOf('/');
  if (slash < 2) return text;
  const bar = text.indexOf('|', slash + 1);
  if (bar <= slash + 1 || bar === text.length - 1) return text;
  // The authority of a key has no slash: this is the path of some address.
  const second = text.indexOf('/', slash + 1);
  if (second !== -1 && second < bar) return text;
  const type = text.slice(0, slash);
  return TYPE.test(type) ? `${type}/${sealId(type, text.slice(slash + 1))}` : text;
}

const TYPE = /^[A-Z][A-Za-z]+$/;
