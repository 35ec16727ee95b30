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
  const [left, right] = [a, b];
  let members = 0;
  for (const name in left) {
    if (left[name] === undefined) continue;
    members += 1;
    if (!sameJson(left[name], right[name])) return false;
  }
  for (const name in right) if (right[name] !== undefined) members -= 1;
  return members === 0;
}

/** Whether two resources say the same but for `meta.versionId` and `meta.lastUpdated`. */
export function sameContent(a: Resource, b: Resource): boolean {
  if (a === b) return true;
  return sameJson({ ...a, meta: keptMeta(a) }, { ...b, meta: keptMeta(b) });
}

/** `meta` without what the projection writes itself; undefined when nothing is left. */
export function keptMeta(resource: Resource): JsonObject | undefined {
  const { meta } = resource;
  if (!isJsonObject(meta)) return undefined;
  const { versionId: _version, lastUpdated: _updated, ...kept } = meta;
  return Object.keys(kept).length === 0 ? undefined : kept;
}

/** The resource as its version `version` of `at` (epoch milliseconds) is served. */
export function stamped(resource: Resource, version: number, at: number): Resource {
  const { resourceType, id, meta: _meta, ...rest } = resource;
  return {
    resourceType,
    ...(id === undefined ? {} : { id }),
    meta: { versionId: String(version), lastUpdated: new Date(at).toISOString(), ...keptMeta(resource) },
    ...rest,
  };
}

/** The resource without what the projection wrote into its `meta`. */
export function unstamped(resource: Resource): Resource {
  const { meta: _meta, ...rest } = resource;
  const meta = keptMeta(resource);
  return meta === undefined ? rest : { ...rest, meta };
}
