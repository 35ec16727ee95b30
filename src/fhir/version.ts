import { hash } from 'node:crypto';
import type { Json, JsonObject, Resource } from './types.ts';

/**
 * A version made from content, for a core that has none: 16 hex digits of SHA-256 over the resource's content in one
 * order of members, without `meta.versionId` and `meta.lastUpdated`. Equal content, equal version, on every replica;
 * `1.0` and `1.00` are different content.
 */
export function contentVersion(resource: Resource): string {
  return hash('sha256', canonical(withoutVersion(resource)), 'hex').slice(0, 16);
}

/**
 * The resource with `meta.versionId` made from its content, and the ETag that says the same (FHIR R4
 * http.html#versioning).
 */
export function withContentVersion(resource: Resource): {
  readonly resource: Resource;
  readonly etag: string;
} {
  const versionId = contentVersion(resource);
  const { resourceType, id, meta, ...rest } = resource;
  const versioned: Resource = {
    resourceType,
    ...(id === undefined ? {} : { id }),
    meta: { ...(meta as JsonObject | undefined), versionId },
    ...rest,
  };
  return { resource: versioned, etag: weakEtag(versionId) };
}

/** `W/"3"`: how FHIR writes a version as an ETag. */
export function weakEtag(versionId: string): string {
  return `W/"${versionId}"`;
}

function withoutVersion(resource: Resource): JsonObject {
  const { meta, ...rest } = resource;
  if (meta === undefined) return resource;
  const { versionId: _version, lastUpdated: _updated, ...kept } = meta as JsonObject;
  return Object.keys(kept).length === 0 ? rest : { ...rest, meta: kept };
}

const MOST_BY_INSERTION = 32;

/**
 * An unambiguous text of a value, the members of every object sorted. Not JSON, but as good for a hash and a third of
 * the price: strings carry their length instead of escapes.
 */
function canonical(value: Json): string {
  if (typeof value === 'string') return `${value.length}"${value}`;
  if (typeof value !== 'object' || value === null) return `${value},`;
  if (JSON.isRawJSON(value)) return `${value.rawJSON},`;
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value) text += canonical(item);
    return `[${text}]`;
  }
  for (const name of sortedNames(value)) {
    const member = value[name];
    if (member !== undefined) text += `${name.length}:${name}${canonical(member)}`;
  }
  return `{${text}}`;
}

/** By insertion: the members of an object are few, and mostly in order. */
function sortedNames(object: JsonObject): readonly string[] {
  const names = Object.keys(object);
  if (names.length > MOST_BY_INSERTION) return names.sort();
  for (let index = 1; index < names.length; index += 1) {
    const name = names[index]!;
    let at = index;
    for (; at > 0 && names[at - 1]! > name; at -= 1) names[at] = names[at - 1]!;
    names[at] = name;
  }
  return names;
}
