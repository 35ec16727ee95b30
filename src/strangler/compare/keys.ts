import { isJsonObject } from '../../fhir/json.ts';
import type { Json, JsonObject } from '../../fhir/types.ts';
import type { Side } from './side.ts';
import { memberOf } from './trail.ts';

/** What one item of a list is recognised by, strongest first; an item may have several names of one strength. */
export type Keys = readonly (readonly string[])[];

/** Members that together name an item of a datatype, strongest set first. */
const BY_TYPE: Readonly<Record<string, readonly (readonly string[])[]>> = {
  Identifier: [['system', 'value'], ['system'], ['value']],
  Coding: [['system'], ['code']],
  ContactPoint: [['system', 'value', 'use'], ['system', 'value'], ['system', 'use'], ['system']],
  HumanName: [['use', 'family'], ['family', 'given'], ['use'], ['text']],
  Address: [['use', 'type'], ['use', 'postalCode'], ['use']],
  Extension: [['url']],
  Reference: [['reference'], ['identifier']],
  Annotation: [['text'], ['time']],
  Attachment: [['url'], ['title']],
  Dosage: [['sequence'], ['text'], ['timing', 'route']],
};

/** Members that name an item of any other structure, strongest first; choices by what stands before their type. */
const NAMING = [
  'linkId',
  'sequence',
  'fullUrl',
  'identifier',
  'code',
  'actor',
  'individual',
  'member',
  'item',
  'substance',
  'condition',
  'location',
  'reference',
  'provider',
  'service',
  'function',
  'role',
  'relationship',
  'type',
  'category',
  'language',
  'name',
  'appliesTo',
  'manifestation',
  'status',
];
const CHOICE = /^(item|medication|product|condition|reported)[A-Z]/;

/** What an item is recognised by in its list, on its side. */
export function keysOf(item: Json, type: string, side: Side): Keys {
  if (!isJsonObject(item)) return [];
  const { resourceType } = item;
  if (typeof resourceType === 'string') return namingKeys(item, resourceType, side, `${resourceType} `);
  if (type === 'CodeableConcept') return [valueKeys(item, type, side)];
  const own = BY_TYPE[type];
  if (!own) return namingKeys(item, type, side, '');
  const keys = own.map((names) => combined(item, type, names, side));
  const code = type === 'Coding' ? side.code(item) : undefined;
  return code === undefined ? keys : [[code], ...keys];
}

/** One key of several members; none when one of them is not there. */
function combined(item: JsonObject, type: string, names: readonly string[], side: Side): readonly string[] {
  const parts: string[] = [];
  for (const name of names) {
    const value = item[name];
    if (value === undefined) return [];
    parts.push(
      name === 'reference' && typeof value === 'string'
        ? side.reference(value)
        : side.fingerprint(value, memberOf(type, name).type),
    );
  }
  return [`${names.join('+')} ${parts.join(' ')}`];
}

function namingKeys(item: JsonObject, type: string, side: Side, prefix: string): Keys {
  const names = [...NAMING, ...Object.keys(item).filter((name) => CHOICE.test(name))];
  return names.flatMap((name) => {
    const value = item[name];
    if (value === undefined) return [];
    const isAddress = name === 'fullUrl' && typeof value === 'string';
    const keys = isAddress ? [side.reference(value)] : valueKeys(value, memberOf(type, name).type, side);
    return [keys.map((key) => `${prefix}${name} ${key}`)];
  });
}

/**
 * Names that a value gives to what holds it: each code of a concept, the target of a reference, else all that it says.
 */
function valueKeys(value: Json, type: string, side: Side): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => valueKeys(item, type, side));
  if (!isJsonObject(value)) return [side.fingerprint(value, type)];
  if (type === 'CodeableConcept') {
    const codes = codesOf(value, side);
    if (codes.length > 0) return codes;
    return value['text'] === undefined ? [] : [side.fingerprint(value['text'], 'string')];
  }
  if (type === 'Reference' && typeof value['reference'] === 'string')
    return [side.reference(value['reference'])];
  return [side.fingerprint(value, type)];
}

/** Canonical codes of a CodeableConcept. */
export function codesOf(concept: JsonObject, side: Side): string[] {
  const { coding } = concept;
  if (!Array.isArray(coding)) return [];
  return coding.flatMap((it) => {
    const code = isJsonObject(it) ? side.code(it) : undefined;
    return code === undefined ? [] : [code];
  });
}
