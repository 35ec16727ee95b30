import type { Json } from '../../fhir/types.ts';
import { textOf } from '../authority.ts';
import type { Codec } from '../codec.ts';
import type { TreeReader, TreeWriter } from '../tree.ts';

/**
 * Parts of a PL from the most granular up: bed, room, floor, point of care, building, facility. v2-to-FHIR
 * PL[Location].
 */
const UPWARDS = [3, 2, 8, 1, 7, 4] as const;
/** http://terminology.hl7.org/CodeSystem/location-physical-type; a point of care has no code there. */
const PHYSICAL_TYPE: Readonly<Record<number, string>> = { 3: 'bd', 2: 'ro', 8: 'lvl', 7: 'bu', 4: 'si' };
const PHYSICAL_TYPE_SYSTEM = 'http://terminology.hl7.org/CodeSystem/location-physical-type';

/**
 * The parts of a PL that say where it is <-> one identifier value, `ICU^301^B^HOSP`: as they stand, component by
 * component. `^`, `&` and `%` inside a part are percent-encoded.
 */
export const PL_IDENTIFIER: Codec = {
  read: (place) => identifierOf(place, UPWARDS),
  write(value, place) {
    if (value !== undefined && typeof value !== 'string') return false;
    const parts = value === undefined ? [] : value.split('^');
    if (parts.length > 8 || parts[4] || parts[5]) return false;
    for (const part of UPWARDS) writePart(place.child(part), parts[part - 1] ?? '');
    return true;
  },
};

function identifierOf(place: TreeReader, parts: readonly number[]): string | undefined {
  const texts = Array.from({ length: 8 }, (_, at) =>
    parts.includes(at + 1) ? partText(place.child(at + 1)) : '',
  );
  const text = texts.join('^').replace(/\^+$/, '');
  return text === '' ? undefined : text;
}

function partText(part: TreeReader): string {
  return [1, 2, 3]
    .map((step) => encode(textOf(part.child(step)) ?? ''))
    .join('&')
    .replace(/&+$/, '');
}

function writePart(part: TreeWriter, text: string): void {
  if (text === '') return part.clear();
  const subs = text.split('&').map(decode);
  if (subs.length === 1) part.set(subs[0]!);
  else for (const [at, sub] of subs.entries()) part.child(at + 1).set(sub);
}

function encode(text: string): string {
  return text.replaceAll(/[%^&]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function decode(text: string): string {
  return text.replaceAll(/%(25|5E|26)/g, (_match, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** What a person calls the place: facility, building, point of care, floor, room, bed. Read only. */
export const PL_DISPLAY: Codec = {
  read(place) {
    const names = [4, 7, 1, 8, 2, 3]
      .map((part) => textOf(place.child(part)))
      .filter((name) => name !== undefined);
    return names.length === 0 ? undefined : names.join(', ');
  },
  write: (value) => value === undefined,
};

/** `Location.physicalType` of the most granular part. Read only. */
export const PL_PHYSICAL_TYPE: Codec = {
  read(place) {
    const code = PHYSICAL_TYPE[present(place)[0] ?? 0];
    return code === undefined ? undefined : { coding: [{ system: PHYSICAL_TYPE_SYSTEM, code }] };
  },
  write: (value) => value === undefined,
};

/** `Location.partOf`: the place without its most granular part, as a logical reference. Read only. */
export const PL_PART_OF: Codec = {
  read(place): Json | undefined {
    const above = present(place).slice(1);
    const value = above.length === 0 ? undefined : identifierOf(place, above);
    return value === undefined ? undefined : { type: 'Location', identifier: { value } };
  },
  write: (value) => value === undefined,
};

function present(place: TreeReader): number[] {
  return UPWARDS.filter((part) => place.child(part).filled());
}
