import { isJsonObject } from '../fhir/json.ts';
import type { Json, JsonObject } from '../fhir/types.ts';
import { ByName } from './by-name.ts';

type KeyOf = (item: JsonObject) => string;

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

/** What a reference points at, by its type: `Practitioner`. */
function targetKey(reference: Json | undefined): string {
  if (!isJsonObject(reference)) return '';
  const { type, reference: to } = reference;
  return typeof to === 'string' ? to.slice(0, to.indexOf('/')) : text(type);
}

const first = (list: Json | undefined): Json | undefined => (Array.isArray(list) ? list[0] : undefined);

/** Contacts have a text alone and enterers a code of their own; who is booked is told apart by what it is. */
function bookedKey({ actor, type }: JsonObject): string {
  const said = first(type);
  const role = conceptKey(said);
  if (isJsonObject(said) && said['coding'] === undefined) return role;
  return role === ENTERER ? role : targetKey(actor);
}

const ENTERER = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type|enterer';

/** A concept by its first code, else by its text. */
function conceptKey(concept: Json | undefined): string {
  if (!isJsonObject(concept)) return '';
  const { coding } = concept;
  const first = Array.isArray(coding) ? coding.find((it) => isJsonObject(it)) : undefined;
  return isJsonObject(first) ? `${text(first['system'])}|${text(first['code'])}` : text(concept['text']);
}

/**
 * What makes two items of a list the same thing said twice. An identifier that is not in use any more stands by itself:
 * one of the same system may have taken its place.
 */
const KEYS: Readonly<Record<string, KeyOf>> = {
  identifier: ({ system, type, use, value }) =>
    [text(system), conceptKey(type), use === 'old' ? `old ${text(value)}` : ''].join('\n'),
  name: ({ use }) => text(use),
  telecom: ({ system, use }) => `${text(system)}\n${text(use)}`,
  // A district alone is a county that stands in a field of its own (PID-12).
  address: (item) =>
    Object.keys(item).join() === 'district' ? 'district' : `${text(item['use'])}\n${text(item['type'])}`,
  extension: ({ url }) => text(url),
  modifierExtension: ({ url }) => text(url),
  'Patient.generalPractitioner': targetKey,
  'Encounter.participant': ({ type }) => conceptKey(first(type)),
  'Encounter.location': ({ status, extension }) =>
    `${text(status)}${extension === undefined ? '' : ' apart'}`,
  'Appointment.participant': bookedKey,
};

const keyOfs = new ByName<KeyOf | 'none'>();

/** By what items of a list are told apart; undefined: by nothing. */
function keyOfList(type: string, name: string): KeyOf | undefined {
  let keyOf = keyOfs.get(type, name);
  if (!keyOf) keyOfs.set(type, name, (keyOf = KEYS[`${type}.${name}`] ?? KEYS[name] ?? 'none'));
  return keyOf === 'none' ? undefined : keyOf;
}

/**
 * A list element after a message, of a type or an inner structure: items of a key that the message says are replaced by the message's, where the first
 * of them stood; items of other keys stay; new ones come last. Lists without a key are replaced as a whole.
 */
export function mergeList(
  type: string,
  name: string,
  current: readonly Json[],
  said: readonly Json[],
): Json[] {
  const keyOf = keyOfList(type, name);
  if (!keyOf) return [...said];
  const groups = new Map<string, Json[]>();
  for (const item of said) {
    const key = isJsonObject(item) ? keyOf(item) : '';
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  const placed = new Set<string>();
  const merged: Json[] = [];
  for (const item of current) {
    const key = isJsonObject(item) ? keyOf(item) : '';
    const group = groups.get(key);
    if (!group) merged.push(item);
    else if (!placed.has(key)) {
      placed.add(key);
      merged.push(...group);
    }
  }
  for (const [key, group] of groups) if (!placed.has(key)) merged.push(...group);
  return merged;
}
