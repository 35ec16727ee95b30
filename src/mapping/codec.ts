import type { Json } from '../fhir/types.ts';
import type { Run } from './run.ts';
import type { TreeReader, TreeWriter } from './tree.ts';

/**
 * How one place in the legacy tree and one FHIR value correspond, both ways. Compiled once from the declaration;
 * reading and writing allocate nothing but their result.
 */
export interface Codec {
  /** What is read and written is a whole list: several parts of one place make its items. */
  readonly list?: true;
  /** What the place says, or undefined when it says nothing (or nothing that can be read: then the run knows). */
  read(place: TreeReader, run: Run): Json | undefined;
  /**
   * Makes the place say `value`; `undefined` takes away what this codec reads there.
   * @returns false when the place cannot say this value; then it is as it was.
   */
  write(value: Json | undefined, place: TreeWriter, run: Run): boolean;
}

/** Whether two FHIR values are the same; members that are undefined are as if absent. Order in lists matters. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, at) => sameJson(item, b[at]));
  }
  if (Array.isArray(b)) return false;
  for (const key in a) {
    if (!sameJson(a[key as keyof typeof a], b[key as keyof typeof b])) return false;
  }
  for (const key in b) {
    if (b[key as keyof typeof b] !== undefined && a[key as keyof typeof a] === undefined) return false;
  }
  return true;
}

/** Sets a place to the text of `value`, or clears it when there is no value; false when the value has no text here. */
export function say(place: TreeWriter, value: Json | undefined, text: string | undefined): boolean {
  if (value === undefined) place.clear();
  else if (text === undefined) return false;
  else place.set(text);
  return true;
}
