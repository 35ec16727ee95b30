import type { Json, JsonObject, Resource } from '../fhir/types.ts';

/**
 * The resource with every `Reference.reference` replaced by what `map` gives; whatever does not change is shared,
 * nothing is mutated.
 */
export function mapReferences(resource: Resource, map: (reference: string) => string): Resource {
  return mapValue(resource, map, false) as Resource;
}

/**
 * As mapReferences, with the addresses of attachments (`url`) too; always a copy, `resourceType` and `id` in front.
 */
export function copyWithAddresses(resource: Resource, map: (address: string) => string): Resource {
  const { resourceType, id } = resource;
  const copy: Resource = id === undefined ? { resourceType } : { resourceType, id };
  for (const name in resource)
    if (name !== 'resourceType' && name !== 'id') copy[name] = mapMember(name, resource[name], map, true);
  return copy;
}

function mapMember(
  name: string,
  value: Json | undefined,
  map: (reference: string) => string,
  urls: boolean,
): Json | undefined {
  if (typeof value === 'object') return mapValue(value, map, urls);
  return typeof value === 'string' && (name === 'reference' || (urls && name === 'url')) ? map(value) : value;
}

function mapValue(value: Json, map: (reference: string) => string, urls: boolean): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    let copy: Json[] | undefined;
    for (let index = 0; index < value.length; index++) {
      const item = value[index] as Json;
      const mapped = mapValue(item, map, urls);
      if (mapped !== item) (copy ??= [...value])[index] = mapped;
    }
    return copy ?? value;
  }
  // A raw number has one member, which is no reference.
  const members = value as JsonObject;
  let copy: JsonObject | undefined;
  for (const name in members) {
    const child = members[name];
    const mapped = mapMember(name, child, map, urls);
    if (mapped !== child) (copy ??= { ...members })[name] = mapped;
  }
  return copy ?? value;
}
