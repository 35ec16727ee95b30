import { typeDef } from '../fhir/elements.ts';
import { isJsonObject } from '../fhir/json.ts';
import type { Json, JsonObject, Resource } from '../fhir/types.ts';
import type { ResourceChange } from '../feed-ports.ts';
import { keptMeta } from './content.ts';
import { mergeList } from './list-merge.ts';

/**
 * The resource after a change; `current` itself when nothing is to be done. Pure.
 *
 * - `snapshot`: what the message says is all there is.
 * - `update`: elements that the message does not say stay. Lists of identifiers, names, telecoms, addresses and
 *   extensions are merged by what tells their items apart (see list-merge.ts); every other element, and the whole of a
 *   choice (`deceased[x]`), is replaced. That something is not said (data-absent-reason, an attachment without a body)
 *   replaces nothing: a cancellation without the time leaves the time, a notice about a document its body.
 * - `mention`: makes what is not there yet, else changes nothing.
 *
 * `deleted` elements go first, so that what the message says of the same list stays (HL7 v2.5.1 §2.7.2, `""`).
 */
export function applyChange(current: Resource | undefined, change: ResourceChange): Resource {
  const { resource, mode, deleted = [] } = change;
  if (current === undefined || mode === 'snapshot') return resource;
  if (mode === 'mention') return current;
  const rest = deleted.reduce((left, path) => without(left, path), current);
  return merged(rest, resource);
}

function merged(current: Resource, said: Resource): Resource {
  const result: Resource = { ...current };
  for (const name of Object.keys(said)) {
    const value = said[name];
    if (value === undefined || name === 'resourceType' || name === 'id') continue;
    if (name === 'meta') {
      const meta = { ...keptMeta(current), ...keptMeta(said) };
      if (Object.keys(meta).length > 0) result['meta'] = meta;
      else delete result['meta'];
      continue;
    }
    const before = current[name];
    if (
      saysNothing(value) &&
      namesOf(current.resourceType, name).some((other) => current[other] !== undefined)
    )
      continue;
    if (Array.isArray(value) && Array.isArray(before)) {
      result[name] = mergeList(name, before, value);
      continue;
    }
    for (const other of namesOf(current.resourceType, name))
      if (said[other] === undefined) delete result[other];
    result[name] = value;
  }
  return result;
}

const ABSENT = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason';

/** Whether a value only says that nobody said it, all through. */
function saysNothing(value: Json | undefined, name?: string): boolean {
  if (Array.isArray(value)) return value.length > 0 && value.every((item) => saysNothing(item, name));
  if (!isJsonObject(value)) return false;
  if (name === 'attachment') return value['url'] === undefined && value['data'] === undefined;
  const members = Object.entries(value);
  return members.length > 0 && members.every(([of, member]) => saysNothingAs(of, member));
}

function saysNothingAs(name: string, member: Json | undefined): boolean {
  if (name !== 'extension') return saysNothing(member, name);
  return Array.isArray(member) && member.every((item) => isJsonObject(item) && item['url'] === ABSENT);
}

const names = new Map<string, readonly string[]>();

/** The JSON names that say the same element as `name`: its choices, and their `_name` for extensions of primitives. */
function namesOf(type: string, name: string): readonly string[] {
  const key = `${type}.${name}`;
  const known = names.get(key);
  if (known) return known;
  const def = typeDef(type);
  const plain = name.startsWith('_') ? name.slice(1) : name;
  const element = def?.properties.get(plain)?.element ?? def?.elements.get(plain);
  const properties = [...(def?.properties.values() ?? [])].filter((it) => it.element === element);
  const all = properties.length > 0 ? properties.map((it) => it.name) : [plain];
  const both = all.flatMap((it) => [it, `_${it}`]);
  names.set(key, both);
  return both;
}

/** The resource without the element at a path such as `Patient.contact.name`; in every item of a list on the way. */
function without(resource: Resource, path: string): Resource {
  const [root, ...steps] = path.split('.');
  if (root !== resource.resourceType || steps.length === 0) return resource;
  const [first = '', ...rest] = steps;
  if (first === 'id' || first === 'resourceType' || first === 'meta') return resource;
  if (rest.length === 0) {
    const result = { ...resource };
    for (const name of namesOf(resource.resourceType, first)) delete result[name];
    return result;
  }
  const value = resource[first];
  const left = value === undefined ? undefined : pruned(value, rest);
  if (left === value) return resource;
  const { [first]: _gone, ...others } = resource;
  return (left === undefined ? others : { ...resource, [first]: left }) as Resource;
}

/** A value without what `steps` leads to; undefined when nothing is left of it. */
function pruned(value: Json, [step = '', ...rest]: readonly string[]): Json | undefined {
  if (Array.isArray(value)) {
    const items = value.map((item) => pruned(item, [step, ...rest])).filter((item) => item !== undefined);
    if (items.length === value.length && items.every((item, index) => item === value[index])) return value;
    return items.length > 0 ? items : undefined;
  }
  if (!isJsonObject(value)) return value;
  const inner = value[step];
  if (rest.length > 0) {
    if (inner === undefined) return value;
    const left = pruned(inner, rest);
    return left === inner ? value : orNothing({ ...value, [step]: left });
  }
  if (inner === undefined && value[`_${step}`] === undefined) return value;
  return orNothing({ ...value, [step]: undefined, [`_${step}`]: undefined });
}

function orNothing(object: JsonObject): JsonObject | undefined {
  const kept = Object.entries(object).filter(([, value]) => value !== undefined);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
