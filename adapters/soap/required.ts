import { typeDef } from '../../src/fhir/elements.ts';
import type { PropertyDef } from '../../src/fhir/elements.ts';
import { isJsonObject } from '../../src/fhir/json.ts';
import type { Json, JsonObject, Resource } from '../../src/fhir/types.ts';

const ABSENT: JsonObject = {
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }],
};

/**
 * Elements that FHIR R4 requires and a record does not say get the data-absent-reason extension (`unknown`), in place.
 *
 * @returns names of required elements of the resource itself whose absence cannot be said so: codes such as `status`,
 *   and whose record it is. Such a record must not be given.
 */
export function sayAbsent(resource: Resource): readonly string[] {
  const lacking: string[] = [];
  for (const property of requiredOf(resource.resourceType)) {
    if (isSaid(resource, property.name)) continue;
    if (property.type === 'code' || property.type === 'Reference') lacking.push(property.name);
    else putAbsent(resource, property);
  }
  for (const name of innerOf(resource.resourceType)) descend(resource[name], resource.resourceType, name);
  return lacking;
}

function complete(value: JsonObject, type: string): void {
  for (const property of requiredOf(type)) if (!isSaid(value, property.name)) putAbsent(value, property);
  for (const name of innerOf(type)) descend(value[name], type, name);
}

function descend(value: Json | undefined, type: string, name: string): void {
  const inner = typeDef(type)?.properties.get(name)?.type;
  if (inner === undefined || value === undefined) return;
  for (const item of Array.isArray(value) ? value : [value]) if (isJsonObject(item)) complete(item, inner);
}

function isSaid(value: JsonObject, name: string): boolean {
  return value[name] !== undefined || value[`_${name}`] !== undefined;
}

function putAbsent(value: JsonObject, { name, type, element }: PropertyDef): void {
  const isPrimitive = typeDef(type)?.kind === 'primitive';
  value[isPrimitive ? `_${name}` : name] = element.max > 1 ? [ABSENT] : ABSENT;
}

const required = new Map<string, readonly PropertyDef[]>();
const inner = new Map<string, readonly string[]>();

/** Required elements of a type; those with a choice of types are left to the maps. */
function requiredOf(type: string): readonly PropertyDef[] {
  return cached(required, type, () =>
    [...(typeDef(type)?.properties.values() ?? [])].filter(
      ({ element }) => element.min > 0 && element.types.length === 1,
    ),
  );
}

/** Elements of a type that are inner structures with elements of their own. */
function innerOf(type: string): readonly string[] {
  return cached(inner, type, () =>
    [...(typeDef(type)?.properties.values() ?? [])]
      .filter((property) => property.type.startsWith(`${type}.`))
      .map(({ name }) => name),
  );
}

function cached<Value>(cache: Map<string, Value>, key: string, make: () => Value): Value {
  let value = cache.get(key);
  if (value === undefined) cache.set(key, (value = make()));
  return value;
}
