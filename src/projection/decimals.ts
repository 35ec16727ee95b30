import type { Json, JsonObject } from '../fhir/types.ts';

/** Where a decimal stands that JavaScript's numbers would not give back, and its digits. */
type Kept = readonly [path: readonly (string | number)[], digits: string];

/**
 * The decimals of a resource that keep their digits as text, for `parseKept`: looking for them in the JSON again would
 * cost more than all the rest of reading it. null: it has none.
 */
export function keptDecimals(resource: JsonObject): string | null {
  const found: Kept[] = [];
  collect(resource, [], found);
  return found.length === 0 ? null : JSON.stringify(found);
}

/** @param path where `value` stands; as it was again afterwards */
function collect(value: Json | undefined, path: (string | number)[], found: Kept[]): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      if (typeof value[index] !== 'object') continue;
      path.push(index);
      collect(value[index], path, found);
      path.pop();
    }
  } else if (JSON.isRawJSON(value)) {
    found.push([[...path], value.rawJSON]);
  } else {
    for (const name in value) {
      if (typeof value[name] !== 'object') continue;
      path.push(name);
      collect(value[name], path, found);
      path.pop();
    }
  }
}

/** A resource of its JSON text, as it was written here, and of what `keptDecimals` said of it. */
export function parseKept(json: string, kept: unknown): JsonObject {
  const resource = JSON.parse(json) as JsonObject;
  if (typeof kept !== 'string') return resource;
  for (const [path, digits] of JSON.parse(kept) as Kept[]) {
    let holder = resource as unknown as Record<string | number, unknown>;
    for (const step of path.slice(0, -1)) holder = holder[step] as Record<string | number, unknown>;
    holder[path.at(-1)!] = JSON.rawJSON(digits);
  }
  return resource;
}
