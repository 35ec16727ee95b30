import { typeDef } from '../fhir/elements.ts';
import { isJsonObject } from '../fhir/json.ts';
import type { Json, JsonObject, Resource } from '../fhir/types.ts';
import type { ResourceChange, Yields } from '../projection-ports.ts';
import { keptMeta } from './content.ts';
import { namesOf } from './element-names.ts';
import { mergeList } from './list-merge.ts';
import { without } from './without.ts';

/**
 * The resource after a change; `current` itself when nothing is to be done. Pure.
 *
 * - `snapshot`: what the message says is all there is.
 * - `update`: elements that the message does not say stay, also those inside of structures (`hospitalization`) and of
 *   periods, whose parts stand in fields of their own. Lists whose items come from several fields are merged by what
 *   tells those apart (see list-merge.ts); every other element, and the whole of a choice (`deceased[x]`), is replaced.
 *   That something is not said (data-absent-reason, an attachment without a body) replaces nothing: a cancellation
 *   without the time leaves the time, a notice about a document its body. Nor does what is only supposed (`yields`).
 * - `mention`: makes what is not there yet, else changes nothing.
 *
 * `deleted` elements go first, so that what the message says of the same list stays (HL7 v2.5.1 §2.7.2, `""`).
 */
export function applyChange(current: Resource | undefined, change: ResourceChange): Resource {
  const { resource, mode, deleted = [], yields = {} } = change;
  if (current === undefined || mode === 'snapshot') return resource;
  if (mode === 'mention') return current;
  const rest = deleted.reduce((left, path) => without(left, path), current);
  const merged = mergedMembers(rest.resourceType, rest, yielding(rest, resource, yields));
  const meta = mergedMeta(current, resource);
  if (meta) merged['meta'] = meta;
  else if (merged['meta'] !== undefined) delete merged['meta'];
  return merged as Resource;
}

function mergedMeta(current: Resource, said: Resource): JsonObject | undefined {
  const [before, now] = [keptMeta(current), keptMeta(said)];
  return before && now ? { ...before, ...now } : (now ?? before);
}

/** What is said without what is only supposed and known better. */
function yielding(current: Resource, said: Resource, yields: Yields): JsonObject {
  let result: JsonObject | undefined;
  for (const [name, known] of Object.entries(yields)) {
    if (!isKnown(current, name, known)) continue;
    result ??= { ...said };
    for (const it of namesOf(current.resourceType, name)) delete result[it];
  }
  return result ?? said;
}

/** Whether what is known of an element stays. */
function isKnown(current: Resource, name: string, known: Yields[string]): boolean {
  const values = namesOf(current.resourceType, name).flatMap((it) => current[it] ?? []);
  if (known === true) return values.length > 0;
  if (isCodes(known)) return values.some((it) => typeof it === 'string' && known.includes(it));
  return Object.entries(known).some(([other, codes]) => isKnown(current, other, codes));
}

const isCodes = (known: object): known is readonly string[] => Array.isArray(known);

/** Lists of one item, whose members several segments say. */
const SINGLE: ReadonlySet<string> = new Set(['MedicationRequest.dosageInstruction', 'Dosage.doseAndRate']);

/** @param type `Encounter`, `Encounter.hospitalization`, `Period` */
function mergedMembers(type: string, current: JsonObject, said: JsonObject): JsonObject {
  const result: JsonObject = { ...current };
  for (const name of Object.keys(said)) {
    const value = said[name];
    if (value === undefined || name === 'resourceType' || name === 'id' || name === 'meta') continue;
    const before = current[name];
    const names = namesOf(type, name);
    if (saysNothing(value) && names.some((other) => current[other] !== undefined)) continue;
    if (Array.isArray(value) && Array.isArray(before)) {
      const one = SINGLE.has(`${type}.${name}`) && before.length === 1 && value.length === 1;
      const [known, item] = one ? [before[0], value[0]] : [];
      const inner = typeDef(type)?.properties.get(name)?.type;
      result[name] =
        inner !== undefined && isJsonObject(known) && isJsonObject(item)
          ? [mergedMembers(inner, known, item)]
          : mergeList(type, name, before, value);
      continue;
    }
    for (const other of names)
      if (result[other] !== undefined && said[other] === undefined) delete result[other];
    const inner = structureAt(type, name);
    result[name] =
      inner !== undefined && isJsonObject(value) && isJsonObject(before)
        ? mergedMembers(inner, before, value)
        : value;
  }
  return result;
}

/** The type of a structure whose members are said one by one; undefined: one value. */
function structureAt(type: string, name: string): string | undefined {
  const inner = typeDef(type)?.properties.get(name)?.type;
  return inner === 'Period' || typeDef(inner ?? '')?.kind === 'backbone' ? inner : undefined;
}

const ABSENT = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason';

/** Whether a value only says that nobody said it, all through. */
function saysNothing(value: Json | undefined, name?: string): boolean {
  if (Array.isArray(value)) return value.length > 0 && value.every((item) => saysNothing(item, name));
  if (!isJsonObject(value)) return false;
  if (name === 'attachment') return value['url'] === undefined && value['data'] === undefined;
  let any = false;
  for (const member in value) {
    if (!saysNothingAs(member, value[member])) return false;
    any = true;
  }
  return any;
}

function saysNothingAs(name: string, member: Json | undefined): boolean {
  if (name !== 'extension') return saysNothing(member, name);
  return Array.isArray(member) && member.every((item) => isJsonObject(item) && item['url'] === ABSENT);
}
