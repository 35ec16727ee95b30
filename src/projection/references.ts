import type { Json, JsonObject } from '../fhir/types.ts';

/**
 * The value with its references changed; what has none to change is given back as it is. `to` gives the same text for
 * one that stays. `identified` gives the `identifier` beside a reference that is changed.
 */
export function mapRelativeReferences<T extends Json | undefined>(
  value: T,
  to: (reference: string) => string,
  identified: (identifier: Json | undefined) => Json | undefined = (it) => it,
): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    let items: Json[] | undefined;
    for (let index = 0; index < value.length; index += 1) {
      const item = value[index] as Json;
      if (typeof item !== 'object') continue;
      const mapped = mapRelativeReferences(item, to, identified);
      if (mapped !== item) (items ??= [...value])[index] = mapped;
    }
    return (items ?? value) as T;
  }
  // A decimal that kept its digits has one member, and that is none of these.
  const object = value as JsonObject;
  let copy: JsonObject | undefined;
  for (const name in object) {
    const member = object[name];
    const mapped =
      typeof member === 'object'
        ? mapRelativeReferences(member, to, identified)
        : name === 'reference' && typeof member === 'string'
          ? to(member)
          : member;
    if (mapped === member) continue;
    copy ??= { ...object };
    copy[name] = mapped;
    if (name !== 'reference') continue;
    const identifier = identified(object['identifier']);
    if (identifier === undefined) delete copy['identifier'];
    else copy['identifier'] = identifier;
  }
  return (copy ?? value) as T;
}
