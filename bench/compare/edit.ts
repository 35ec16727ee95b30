import { isJsonObject } from '../../src/fhir/json.ts';
import type { Json, JsonObject, Resource } from '../../src/fhir/types.ts';
import { copyOf } from './resources.ts';

/** A change of a value at a place. */
export type Edit = (value: Json) => Json | undefined;

/**
 * A copy of a resource with one place changed: `name[0].given[1]`. An edit that gives undefined takes the place away. Throws when the place
 * is not there: a case that changes nothing would test nothing.
 */
export function edited(resource: Resource, path: string, edit: Edit): Resource {
  const copy = copyOf(resource);
  const steps = path.match(/[^.[\]]+/g) ?? [];
  const last = steps.pop()!;
  let holder: Json = copy;
  for (const step of steps) holder = memberAt(holder, step, path);
  const value = edit(memberAt(holder, last, path));
  if (Array.isArray(holder)) holder.splice(Number(last), 1, ...(value === undefined ? [] : [value]));
  else if (value === undefined) delete (holder as JsonObject)[last];
  else (holder as JsonObject)[last] = value;
  return copy;
}

/** A copy of a resource with a member of one of its objects set, which was not there. */
export function added(resource: Resource, path: string, name: string, value: Json): Resource {
  if (path === '') return { ...copyOf(resource), [name]: copyOf(value) };
  return edited(resource, path, (holder) => ({ ...(holder as JsonObject), [name]: copyOf(value) }));
}

/** Exchanges the values at two places. */
export function swapped(resource: Resource, one: string, other: string): Resource {
  let first: Json = null;
  let second: Json = null;
  edited(resource, one, (value) => (first = value));
  edited(resource, other, (value) => (second = value));
  return edited(
    edited(resource, one, () => copyOf(second)),
    other,
    () => copyOf(first),
  );
}

function memberAt(holder: Json, step: string, path: string): Json {
  const value = Array.isArray(holder)
    ? holder[Number(step)]
    : isJsonObject(holder)
      ? holder[step]
      : undefined;
  if (value === undefined) throw new Error(`there is no ${path} to change`);
  return value;
}

/** Every object of a value, rewritten from the inside out. */
export function everyObject(value: Json, rewrite: (object: JsonObject) => JsonObject): Json {
  if (Array.isArray(value)) return value.map((item) => everyObject(item, rewrite));
  if (!isJsonObject(value)) return value;
  const inner = Object.entries(value).map(([name, member]) => [
    name,
    member === undefined ? member : everyObject(member, rewrite),
  ]);
  return rewrite(Object.fromEntries(inner) as JsonObject);
}
