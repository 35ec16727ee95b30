import type { Json, JsonObject, Resource } from '../fhir/types.ts';
import { isJsonObject } from '../fhir/json.ts';

/** Whether two values say the same, whatever the order of their members; `1.0` and `1.00` do not. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
  }
  if (Array.isArray(b)) return false;
  if (JSON.isRawJSON(a) || JSON.isRawJSON(b)) {
    return JSON.isRawJSON(a) && JSON.isRawJSON(b) && a.rawJSON === b.rawJSON;
  }
  return sameMembers(a, b);
}

/** @param but a member that is not looked at */
function sameMembers(a: JsonObject, b: JsonObject, but?: string): boolean {
  let members = 0;
  for (const name in a) {
    if (a[name] === undefined || name === but) continue;
    members += 1;
    if (!sameJson(a[name], b[name])) return false;
  }
  for (const name in b) if (b[name] !== undefined && name !== but) members -= 1;
  return members === 0;
}

/** Whether two resources say the same but for `meta.versionId` and `meta.lastUpdated`. */
export function sameContent(a: Resource, b: Resource): boolean {
  return a === b || (sameMembers(a, b, 'meta') && sameJson(keptMeta(a), keptMeta(b)));
}

/** `meta` without what the projection writes itself; undefined when nothing is left. */
export function keptMeta(resource: Resource): JsonObject | undefined {
  const { meta } = resource;
  if (!isJsonObject(meta)) return undefined;
  const { versionId: _version, lastUpdated: _updated, ...kept } = meta;
  return Object.keys(kept).length === 0 ? undefined : kept;
}

/**
 * The JSON text of a resource as its version `version` of `updated` (an instant) is served.
 * @param text the JSON text of the resource as it is
 */
export function stampedText(
  resource: Resource,
  version: number,
  updated: string,
  text = JSON.stringify(resource),
): string {
  const { resourceType, id } = resource;
  if (resource['meta'] === undefined) {
    // As nearly all are: the stamp is put into the text, no object is made for it. An id with characters that JSON
    // writes otherwise is not found there.
    const head = `{"resourceType":"${resourceType}","id":"${id}"`;
    const meta = `"meta":{"versionId":"${version}","lastUpdated":"${updated}"}`;
    if (text.startsWith(head)) return `${head},${meta}${text.slice(head.length)}`;
  }
  const stamp = { versionId: String(version), lastUpdated: updated };
  const { resourceType: _type, id: _id, meta: _meta, ...rest } = resource;
  return JSON.stringify({ resourceType, id, meta: { ...stamp, ...keptMeta(resource) }, ...rest });
}

/** The resource without what the projection wrote into its `meta`. */
export function unstamped(resource: Resource): Resource {
  const { meta: _meta, ...rest } = resource;
  const meta = keptMeta(resource);
  return meta === undefined ? rest : { ...rest, meta };
}
