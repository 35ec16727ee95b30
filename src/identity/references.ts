import type { Json, JsonObject, Resource } from '../fhir/types.ts';

/**
 * The resource with every `Reference.reference` replaced by what `map` gives; whatever does not change is shared,
 * nothing is mutated.
 */
export function mapReferences(resource: Resource, map: (reference: string) => string): Resource {
  return mapValue(resource, map, false) as Resource;
}

/** As mapReferences, with the addresses of attachments (`url`) too. */
export function mapAddresses(resource: Resource, map: (address: string) => string): Resource {
  return mapValue(resource, map, true) as Resource;
}

function mapValue(value: Json, map: (reference: string) => string, urls: boolean): Json {
  if (Array.isArray(value)) {
    let copy: Json[] | undefined;
    for (let index = 0; index < value.length; index++) {
      const item = value[index] as Json;
      const mapped = mapValue(item, map, urls);
      if (mapped !== item) (copy ??= [...value])[index] = mapped;
    }
    return copy ?? value;
  }
  if (!isObject(value)) return value;
  let copy: JsonObject | undefined;
  for (const name in value) {
    const child = value[name];
    let mapped = child;
    if (typeof child === 'object') mapped = mapValue(child, map, urls);
    else if (typeof child === 'string' && (name === 'reference' || (urls && name === 'url')))
      mapped = map(child);
    if (mapped !== child) (copy ??= { ...value })[name] = mapped;
  }
  return copy ?? value;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value);
}
