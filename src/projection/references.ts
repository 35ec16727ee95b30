import type { Json, JsonObject, Resource } from '../fhir/types.ts';

/** Every relative reference of a resource (`Patient/1`), once. */
export function relativeReferences(resource: Resource): ReadonlySet<string> {
  const found = new Set<string>();
  collect(resource, found);
  return found;
}

const RELATIVE = /^[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/;

function collect(value: Json | undefined, found: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') collect(item, found);
    return;
  }
  const object = value as JsonObject;
  for (const name in object) {
    const member = object[name];
    if (typeof member === 'object') collect(member, found);
    else if (name === 'reference' && typeof member === 'string' && RELATIVE.test(member)) found.add(member);
  }
}

/** The value with its references changed; what has none to change is given back as it is. `to` gives the same text for one that stays. */
export function mapRelativeReferences<T extends Json | undefined>(
  value: T,
  to: (reference: string) => string,
): T {
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return value;
  if (Array.isArray(value)) {
    let changed = false;
    const items = value.map((item) => {
      const mapped = mapRelativeReferences(item, to);
      changed ||= mapped !== item;
      return mapped;
    });
    return changed ? (items as T) : value;
  }
  const object: JsonObject = value;
  let copy: JsonObject | undefined;
  for (const name in object) {
    const member = object[name];
    const mapped =
      name === 'reference' && typeof member === 'string' ? to(member) : mapRelativeReferences(member, to);
    if (mapped === member) continue;
    copy ??= { ...object };
    copy[name] = mapped;
  }
  return (copy ?? value) as T;
}
