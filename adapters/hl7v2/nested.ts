import type { ByteString } from './charset.ts';
import type { Delimiters } from './delimiters.ts';
import { encodeValue } from './escape.ts';
import type { EncodingTarget } from './escape.ts';

/** null writes `""`, undefined writes nothing. */
export type Leaf = string | null | undefined;
/** One value, or its subcomponents. */
export type NestedComponent = Leaf | readonly Leaf[];
/** One value, or its components. */
export type NestedRepetition = Leaf | readonly NestedComponent[];
/** One repetition, or several. */
export type Nested = NestedRepetition | { readonly repetitions: readonly NestedRepetition[] };
/** A segment to be made: its name and its fields by number, e.g. `['PID', { 3: 'A1', 5: ['DOE', 'JANE'] }]`. */
export type NestedSegment = readonly [name: string, fields?: Readonly<Record<number, Nested>>];

/** Says that a field repeats: `repeat('A', ['B', 'C'])` is `A~B^C`. */
export function repeat(...repetitions: readonly NestedRepetition[]): Nested {
  return { repetitions };
}

type Level = 'field' | 'repetition' | 'component';

/**
 * The bytes of a nested value, everything in it escaped. Trailing parts that are undefined leave no separator behind.
 * @throws {FicusError} `unmappable` as `encodeValue`.
 */
export function encodeNested(nested: Nested, level: Level, target: EncodingTarget): ByteString {
  const { delimiters } = target;
  const leaf = (value: Leaf): ByteString => {
    if (value === undefined) return '';
    return value === null ? '""' : encodeValue(value, target);
  };
  const component = (value: NestedComponent): ByteString =>
    isList(value) ? join(value, leaf, delimiters.subcomponent) : leaf(value);
  const repetition = (value: NestedRepetition): ByteString =>
    isList(value) ? join(value, component, delimiters.component) : leaf(value);
  if (isRepeated(nested)) {
    if (level !== 'field') throw new TypeError('only a field repeats');
    return join(nested.repetitions, repetition, delimiters.repetition);
  }
  if (level !== 'component') return repetition(nested);
  if (isList(nested)) return join(nested as readonly Leaf[], leaf, delimiters.subcomponent);
  return leaf(nested);
}

/**
 * The bytes of a whole segment without a segment end. In MSH, FHS and BHS fields 1 and 2 are the delimiters, written
 * here.
 * @throws {FicusError} `unmappable` as `encodeValue`. @throws {TypeError} on a name that is none.
 */
export function encodeSegment(nested: NestedSegment, target: EncodingTarget): ByteString {
  const { delimiters } = target;
  const [name, fields = {}] = nested;
  if (!/^[A-Z][A-Z0-9]{2}$/.test(name))
    throw new TypeError('a segment name is a capital and two capitals or digits');
  const header = isHeaderName(name);
  let out = header ? name + delimiters.field + encodingCharacters(delimiters) : name;
  let written = header ? 2 : 0;
  for (const key of Object.keys(fields)) {
    const field = Number(key);
    const value = fields[field];
    if (value === undefined) continue;
    if (!Number.isInteger(field) || field <= (header ? 2 : 0))
      throw new TypeError(`${name} has no field ${key} to write`);
    // Integer keys come in ascending order (ECMA-262, OrdinaryOwnPropertyKeys).
    out += delimiters.field.repeat(field - written) + encodeNested(value, 'field', target);
    written = field;
  }
  return out;
}

function encodingCharacters({ component, repetition, escape, subcomponent, truncation }: Delimiters): string {
  return component + repetition + escape + subcomponent + truncation;
}

/** Segments whose first two fields are the delimiters. */
export function isHeaderName(name: string): boolean {
  return name === 'MSH' || name === 'FHS' || name === 'BHS';
}

/** Whether the segment that starts here is such a header. */
export function startsHeader(bytes: Uint8Array, start: number): boolean {
  const first = bytes[start];
  if (first === 0x4d) return bytes[start + 1] === 0x53 && bytes[start + 2] === 0x48;
  return (first === 0x46 || first === 0x42) && bytes[start + 1] === 0x48 && bytes[start + 2] === 0x53;
}

/** A list that may not be an array of one's own: readonly arrays narrow badly with Array.isArray. */
function isList<T>(value: T | Leaf | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

function isRepeated(value: Nested): value is { readonly repetitions: readonly NestedRepetition[] } {
  return typeof value === 'object' && value !== null && 'repetitions' in value;
}

function join<T>(parts: readonly T[], encode: (part: T) => ByteString, separator: string): ByteString {
  let last = parts.length;
  while (last > 0 && parts[last - 1] === undefined) last--;
  if (last > 1 && separator === '')
    throw new TypeError('MSH-2 of this message names no separator for these parts');
  let out = '';
  for (let at = 0; at < last; at++) out += (at === 0 ? '' : separator) + encode(parts[at]!);
  return out;
}
