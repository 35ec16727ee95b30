import { isJsonObject } from '../../src/fhir/json.ts';
import type { Json, JsonObject, Resource } from '../../src/fhir/types.ts';

/**
 * A resource whose references say all that they stand for. One of the form `Patient/…` has that type (FHIR R4
 * references.html#Reference); one that the current record holds, too, has its identifier and display, so that leaving
 * them out changes nothing. A display of the client's own counts for nothing beside a reference or an identifier.
 */
export function fillReferences(resource: Resource, current: Resource | undefined): Resource {
  const known = new Map<string, JsonObject>();
  if (current) collect(current, known);
  return fill(resource, known) as Resource;
}

function collect(value: Json, known: Map<string, JsonObject>): void {
  if (Array.isArray(value)) for (const item of value) collect(item, known);
  else if (isJsonObject(value)) {
    for (const key of keysOf(value)) known.set(key, value);
    for (const member of Object.values(value)) if (member !== undefined) collect(member, known);
  }
}

function fill(value: Json, known: ReadonlyMap<string, JsonObject>): Json {
  if (Array.isArray(value)) return value.map((item) => fill(item, known));
  if (!isJsonObject(value)) return value;
  const keys = keysOf(value);
  const same = keys.map((key) => known.get(key)).find((it) => it !== undefined);
  const copy: JsonObject = {};
  for (const [name, member] of Object.entries(value))
    if (member !== undefined) copy[name] = fill(member, known);
  if (keys.length === 0) return copy;
  const type =
    typeof copy['reference'] === 'string' ? /^([A-Z][A-Za-z]+)\//.exec(copy['reference'])?.[1] : undefined;
  if (type !== undefined) copy['type'] ??= type;
  if (same === undefined) return copy;
  const { display, ...others } = same;
  return { ...others, ...copy, ...(display === undefined ? {} : { display }) };
}

/**
 * What a Reference is known by: where it points, and the identifier of what it points at. None for what is no
 * Reference.
 */
function keysOf({ reference, identifier }: JsonObject): string[] {
  const keys = typeof reference === 'string' ? [reference] : [];
  if (!isJsonObject(identifier) || typeof identifier['value'] !== 'string') return keys;
  return [...keys, JSON.stringify([identifier['system'] ?? '', identifier['value']])];
}
