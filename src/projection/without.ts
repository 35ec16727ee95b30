import { isJsonObject } from '../fhir/json.ts';
import type { Json, JsonObject, Resource } from '../fhir/types.ts';
import { parseFhirPath, passes, type FhirStep } from '../mapping/fhir-path.ts';
import { namesOf } from './element-names.ts';

/** Paths that name an item by its number are many; the others some hundred. */
const REMEMBERED = 10_000;
const paths = new Map<string, readonly FhirStep[]>();

/** The steps of `Patient.telecom.where(use='home')` below the resource. */
function stepsOf(path: string): readonly FhirStep[] {
  let steps = paths.get(path);
  if (!steps) {
    if (paths.size >= REMEMBERED) paths.clear();
    paths.set(path, (steps = parseFhirPath(path.slice(path.indexOf('.') + 1))));
  }
  return steps;
}

/**
 * The resource without the element at a path such as `Patient.contact.name`, in every item of a list on the way. Of
 * items that a `where` tells apart nothing is left when what they were for goes: `telecom.where(use='home')`,
 * `participant.where(…).individual`. Pure.
 */
export function without(resource: Resource, path: string): Resource {
  if (!path.startsWith(`${resource.resourceType}.`)) return resource;
  const [first, ...rest] = stepsOf(path);
  if (!first || ['id', 'resourceType', 'meta'].includes(first.name)) return resource;
  const names =
    rest.length === 0 && isWhole(first) ? namesOf(resource.resourceType, first.name) : [first.name];
  if (names.every((name) => resource[name] === undefined)) return resource;
  const result: JsonObject = { ...resource };
  for (const name of names) {
    const left = isWhole(first) && rest.length === 0 ? undefined : pruned(resource[name], first, rest);
    if (left === undefined) delete result[name];
    else if (left === resource[name]) return resource;
    else result[name] = left;
  }
  return result as Resource;
}

const isWhole = ({ where, index }: FhirStep): boolean => where.length === 0 && index === undefined;

/** What is left of the value at a step; undefined: nothing. */
function pruned(value: Json | undefined, step: FhirStep, rest: readonly FhirStep[]): Json | undefined {
  if (!Array.isArray(value)) return prunedItem(value, step, rest);
  const items = value.flatMap((item, at): Json[] => {
    const meant = passes(item, step.where) && (step.index === undefined || step.index === at);
    const left = meant ? prunedItem(item, step, rest) : item;
    return left === undefined ? [] : [left];
  });
  if (items.length === value.length && items.every((item, at) => item === value[at])) return value;
  return items.length > 0 ? items : undefined;
}

function prunedItem(
  item: Json | undefined,
  { where }: FhirStep,
  [next, ...rest]: readonly FhirStep[],
): Json | undefined {
  if (!next) return undefined;
  if (!isJsonObject(item)) return item;
  const name = next.name;
  if (item[name] === undefined && item[`_${name}`] === undefined) return item;
  if (rest.length === 0 && isWhole(next)) {
    if (where.length > 0) return undefined;
    return orNothing({ ...item, [name]: undefined, [`_${name}`]: undefined });
  }
  const left = pruned(item[name], next, rest);
  return left === item[name] ? item : orNothing({ ...item, [name]: left });
}

function orNothing(object: JsonObject): JsonObject | undefined {
  const kept = Object.entries(object).filter(([, value]) => value !== undefined);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
