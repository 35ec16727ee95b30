import { FicusError } from '../../src/errors.ts';
import type { DelimiterCodes, Delimiters } from './delimiters.ts';

/** Highest number of a field, repetition, component or subcomponent to write: more is a program's mistake. */
const INDEX_LIMIT = 10_000;

/** @throws {RangeError} on a number that cannot be of a field, repetition, component or subcomponent. */
export function checkReadable(field: number, repetition = 1, component = 1, subcomponent = 1): void {
  if (!areIndices(field, repetition, component, subcomponent, Infinity))
    throw new RangeError('HL7v2 places count from 1');
}

/** @throws {RangeError} on such a number, and on one beyond `INDEX_LIMIT`. */
export function checkWritable(field: number, repetition = 1, component = 1, subcomponent = 1): void {
  if (!areIndices(field, repetition, component, subcomponent, INDEX_LIMIT))
    throw new RangeError(`HL7v2 places to write count from 1 to ${INDEX_LIMIT}`);
}

function areIndices(
  field: number,
  repetition: number,
  component: number,
  subcomponent: number,
  limit: number,
): boolean {
  return (
    isIndex(field, limit) &&
    isIndex(repetition, limit) &&
    isIndex(component, limit) &&
    isIndex(subcomponent, limit)
  );
}

function isIndex(index: number, limit: number): boolean {
  return Number.isInteger(index) && index >= 1 && index <= limit;
}

/**
 * Where one subcomponent of a field starts: one pass, nothing allocated. `text` is here what delimiters are looked for
 * in (`Cell.scan`).
 * @returns -1 when there is no such repetition, component or subcomponent.
 */
export function valueStart(
  text: Uint8Array,
  from: number,
  to: number,
  codes: DelimiterCodes,
  repetition: number,
  component: number,
  subcomponent: number,
): number {
  let at = from;
  for (let left = repetition - 1; left > 0;) {
    if (at >= to) return -1;
    if (text[at++] === codes.repetition) left--;
  }
  for (let left = component - 1; left > 0;) {
    if (at >= to) return -1;
    const code = text[at++];
    if (code === codes.component) left--;
    else if (code === codes.repetition) return -1;
  }
  for (let left = subcomponent - 1; left > 0;) {
    if (at >= to) return -1;
    const code = text[at++];
    if (code === codes.subcomponent) left--;
    else if (code === codes.component || code === codes.repetition) return -1;
  }
  return at;
}

/** Where the value that starts at `at` ends: at the next separator of any level, or at `to`. */
export function valueEnd(text: Uint8Array, at: number, to: number, codes: DelimiterCodes): number {
  let end = at;
  while (end < to) {
    const code = text[end];
    if (code === codes.subcomponent || code === codes.component || code === codes.repetition) break;
    end++;
  }
  return end;
}

/** Whether a range holds just these bytes. */
export function equals(text: Uint8Array, from: number, to: number, bytes: string): boolean {
  if (bytes.length !== to - from) return false;
  for (let at = 0; at < bytes.length; at++) if (text[from + at] !== bytes.charCodeAt(at)) return false;
  return true;
}

/** Whether the segment between `from` and `to` has this name: nothing or a field separator comes next. */
export function startsWithName(
  text: Uint8Array,
  from: number,
  to: number,
  name: string,
  separator: number,
): boolean {
  const after = from + name.length;
  return after <= to && (after === to || text[after] === separator) && equals(text, from, after, name);
}

/** Whether a byte stands in a range. */
export function holds(text: Uint8Array, from: number, to: number, code: number): boolean {
  for (let at = from; at < to; at++) if (text[at] === code) return true;
  return false;
}

/** Parts between separators; 1 where there is none, even of nothing. */
export function countParts(text: Uint8Array, from: number, to: number, separator: string): number {
  const code = codeOf(separator);
  let count = 1;
  for (let at = from; at < to; at++) if (text[at] === code) count++;
  return count;
}

/** Repetition, component and subcomponent of a place; the first undefined one ends the path. */
export type Levels = readonly [
  repetition: number | undefined,
  component: number | undefined,
  subcomponent: number | undefined,
];

/** A range of a segment. When the place does not exist: the empty range where it would be added, and what lacks. */
export interface Place {
  readonly from: number;
  readonly to: number;
  /** 0 to 2: parts of that level of `Levels` lack; 3: nothing does. */
  readonly level: number;
  /** How many separators lack at that level. */
  readonly lacking: number;
}

/** Finds a level inside the field between `from` and `to`. */
export function locate(
  text: Uint8Array,
  from: number,
  to: number,
  delimiters: Delimiters,
  levels: Levels,
): Place {
  let start = from;
  let end = to;
  for (let level = 0; level < levels.length; level++) {
    const nth = levels[level];
    if (nth === undefined) break;
    const code = codeOf(separatorAt(delimiters, level));
    let left = nth - 1;
    while (left > 0 && start < end) if (text[start++] === code) left--;
    if (left > 0) return { from: end, to: end, level, lacking: left };
    let stop = start;
    while (stop < end && text[stop] !== code) stop++;
    end = stop;
  }
  return { from: start, to: end, level: levels.length, lacking: 0 };
}

/**
 * The separators to write so that a place comes to exist.
 * @throws {FicusError} `unmappable` when one is needed that MSH-2 does not name.
 */
export function lackingSeparators(place: Place, delimiters: Delimiters, levels: Levels): string {
  if (place.lacking === 0) return '';
  let missing = separatorsTo(delimiters, place.level, place.lacking);
  for (let level = place.level + 1; level < levels.length; level++) {
    const nth = levels[level];
    if (nth === undefined) break;
    missing += separatorsTo(delimiters, level, nth - 1);
  }
  return missing;
}

function separatorsTo(delimiters: Delimiters, level: number, count: number): string {
  const separator = separatorAt(delimiters, level);
  if (separator === '' && count > 0) {
    throw new FicusError(
      'unmappable',
      'A value needs a separator that MSH-2 of this interface does not name.',
    );
  }
  return separator.repeat(count);
}

function separatorAt(delimiters: Delimiters, level: number): string {
  if (level === 0) return delimiters.repetition;
  return level === 1 ? delimiters.component : delimiters.subcomponent;
}

function codeOf(separator: string): number {
  return separator === '' ? -1 : separator.charCodeAt(0);
}
