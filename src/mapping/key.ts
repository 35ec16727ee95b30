import type { JsonObject } from '../fhir/types.ts';
import { authorityOfSystem, hdAt, hdFrom, put, readHd, textOf, writeHd, type HdParts } from './authority.ts';
import type { Codec } from './codec.ts';
import { isObject } from './fhir-path.ts';
import type { Authority, Run } from './run.ts';
import { descend, descendTo } from './tree-path.ts';
import { assignerCodec, systemCodec } from './via/hd.ts';
import type { Step, TreeReader, TreeWriter } from './tree.ts';

/** Where a legacy identifier's number and authority stand. */
interface Shape {
  readonly number: (place: TreeReader) => TreeReader;
  readonly authority: (<Place extends TreeReader>(place: Place) => HdParts<Place>) | undefined;
}

const part =
  (step: number) =>
  (place: TreeReader): TreeReader =>
    place.child(step);
const hd =
  (step: number) =>
  <Place extends TreeReader>(place: Place): HdParts<Place> =>
    hdAt(place.child(step) as Place);

const SHAPES: Readonly<Record<string, Shape>> = {
  CX: { number: part(1), authority: hd(4) },
  XCN: { number: part(1), authority: hd(9) },
  XON: {
    number: (place) => (textOf(place.child(10)) === undefined ? place.child(3) : place.child(10)),
    authority: hd(6),
  },
  EI: { number: part(1), authority: (place) => hdFrom(place, 2) },
};

/** Options of `as: key` and `as: reference`. */
export interface KeyOptions {
  /** Resource type that the key is of. */
  readonly of: string;
  /** HL7 data type at the place; undefined or another type: plain text. */
  readonly type: string | undefined;
  /** Registered name of the authority of plain text. */
  readonly authority: string | undefined;
  /** XML: paths of the number and of the authority's namespace below the place. */
  readonly number: readonly Step[] | undefined;
  readonly namespace: readonly Step[] | undefined;
  /** The last step: all its repetitions are looked at. undefined: the place itself. */
  readonly step: Step | undefined;
}

export interface FoundKey {
  readonly authority: Authority;
  readonly number: string;
}

/**
 * `as: key`: a resource's id below the identity Layer, `HOSP|100234`, of the first repetition with a preferred
 * authority. With a `prefix` (`Patient/`) the text of a reference to it, for types that can be read here.
 */
export function keyCodec(options: KeyOptions, prefix: string): Codec {
  return {
    read: (above, run) => {
      if (prefix !== '' && run.readable?.(options.of) === false) return undefined;
      const found = findKey(above, options, run);
      return found && `${prefix}${found.authority.name}|${found.number}`;
    },
    write: (value, above, run) => {
      const key =
        typeof value === 'string' && value.startsWith(prefix) ? value.slice(prefix.length) : undefined;
      const wanted = key === undefined ? undefined : parseKey(key, run);
      return value === undefined || (wanted !== undefined && addKey(wanted, above, options, run));
    },
  };
}

/**
 * `as: reference`: a Reference to the resource with that key, with its identifier; a logical one where there is no key.
 */
export function referenceCodec(options: KeyOptions): Codec {
  return {
    read: (above, run) => {
      const found = findKey(above, options, run);
      return found ? referenceTo(found, options.of, run) : logicalReference(above, options, run);
    },
    write: (value, above, run) => {
      const wanted = isObject(value) ? keyOfReference(value, options.of, run) : undefined;
      if (value === undefined && options.type === undefined) placeOf(above, options).clear();
      return value === undefined || (wanted !== undefined && addKey(wanted, above, options, run));
    },
  };
}

function referenceTo(found: FoundKey, type: string, run: Run): JsonObject {
  const identifier = { system: found.authority.system, value: found.number };
  const readable = run.readable?.(type) ?? true;
  return readable
    ? { reference: `${type}/${found.authority.name}|${found.number}`, identifier }
    : { type, identifier };
}

/**
 * A reference by the words of the first repetition with a number, where no authority is registered: nothing is guessed.
 */
function logicalReference(above: TreeReader, options: KeyOptions, run: Run): JsonObject | undefined {
  const shape = SHAPES[options.type ?? ''];
  const place = shape && repetitions(above, options).find((it) => numberAt(shape.number(it)) !== undefined);
  if (!shape?.authority || !place) return undefined;
  const system = systemCodec(shape.authority).read(place, run);
  const assigner = assignerCodec(shape.authority).read(place, run);
  const identifier: JsonObject = { value: numberAt(shape.number(place))! };
  if (system !== undefined) identifier['system'] = system;
  if (assigner !== undefined) identifier['assigner'] = assigner;
  return { type: options.of, identifier };
}

function keyOfReference(value: JsonObject, type: string, run: Run): FoundKey | undefined {
  const reference = value['reference'];
  if (typeof reference === 'string')
    return reference.startsWith(`${type}/`) ? parseKey(reference.slice(type.length + 1), run) : undefined;
  const identifier = value['identifier'];
  if (!isObject(identifier)) return undefined;
  const { system, value: number } = identifier;
  if (typeof system !== 'string' || typeof number !== 'string') return undefined;
  const authority = authorityOfSystem(system, run);
  return authority && { authority, number };
}

function parseKey(key: string, run: Run): FoundKey | undefined {
  const bar = key.indexOf('|');
  const authority = run.authorities.find((it) => it.name === key.slice(0, bar));
  return bar < 1 || !authority ? undefined : { authority, number: key.slice(bar + 1) };
}

/** The number and the registered authority of the first repetition with a preferred authority. */
export function findKey(above: TreeReader, options: KeyOptions, run: Run): FoundKey | undefined {
  const shape = SHAPES[options.type ?? ''];
  if (!shape) return plainKey(above, options, run);
  const preferred = run.keyAuthorities?.[options.of];
  const { step } = options;
  const count = step === undefined ? 1 : above.count(step);
  let best: FoundKey | undefined;
  let bestRank = Infinity;
  for (let index = 0; index < count; index += 1) {
    const place = step === undefined ? above : above.child(step, index);
    const number = numberAt(shape.number(place));
    const authority = number === undefined ? undefined : authorityAt(shape.authority!(place), run);
    if (number === undefined || !authority) continue;
    const rank = preferred ? preferred.indexOf(authority.name) : run.authorities.indexOf(authority);
    if (rank < 0 || rank >= bestRank) continue;
    best = { authority, number };
    bestRank = rank;
  }
  return best;
}

/** A number that says something: spaces are none. */
function numberAt(place: TreeReader): string | undefined {
  const text = textOf(place);
  return text?.trim() === '' ? undefined : text;
}

/** The registered authority that an HD names; where it says nothing, the sender's. */
function authorityAt(parts: HdParts<TreeReader>, run: Run): Authority | undefined {
  const said = readHd(parts, run);
  return said ? said.authority : run.authorities.find((it) => it.name === run.defaultAuthority);
}

/**
 * A key made of the texts of several fields, `HOSP|4711/718-7/1`: of the authority that the first one names. The words
 * of one that is not registered become part of it, below the sender's authority. Undefined when the first field says
 * nothing, or no authority can be told.
 */
export function joinedKey(places: readonly TreeReader[], type: string, run: Run): string | undefined {
  const texts = places.map((place) => textOf(place) ?? '');
  if (!texts[0]) return undefined;
  const shape = SHAPES[type];
  const said = shape?.authority && readHd(shape.authority(places[0]!), run);
  const authority = said?.authority ?? run.authorities.find((it) => it.name === run.defaultAuthority);
  if (!authority) return undefined;
  const words = said && !said.authority ? [said.namespace ?? said.universalId ?? ''] : [];
  return `${authority.name}|${[...words, ...texts].map(escapePart).join('/')}`;
}

/** Parts are told apart by `/`. */
function escapePart(text: string): string {
  return text.replaceAll(/[%/]/g, (character) => (character === '%' ? '%25' : '%2F'));
}

function plainKey(above: TreeReader, options: KeyOptions, run: Run): FoundKey | undefined {
  const place = placeOf(above, options);
  const number = textOf(descend(place, options.number ?? []));
  const authority = plainAuthority(place, options, run);
  return number === undefined || !authority ? undefined : { authority, number };
}

function plainAuthority(place: TreeReader, options: KeyOptions, run: Run): Authority | undefined {
  if (!options.namespace) return run.authorities.find((it) => it.name === options.authority);
  const namespace = textOf(descend(place, options.namespace));
  return run.authorities.find(
    (it) => namespace !== undefined && (it.namespaces?.includes(namespace) ?? false),
  );
}

function placeOf<Place extends TreeReader>(above: Place, options: KeyOptions): Place {
  return options.step === undefined ? above : (above.child(options.step) as Place);
}

function repetitions(above: TreeReader, { step }: KeyOptions): TreeReader[] {
  if (step === undefined) return [above];
  return Array.from({ length: above.count(step) }, (_, index) => above.child(step, index));
}

/**
 * Says the key unless a repetition says it already; the others stay. False: the place is for another authority's
 * numbers.
 */
function addKey(wanted: FoundKey, above: TreeWriter, options: KeyOptions, run: Run): boolean {
  const shape = SHAPES[options.type ?? ''];
  if (!shape) {
    const place = placeOf(above, options);
    if (!options.namespace && wanted.authority.name !== options.authority) return false;
    put(descendTo(place, options.number ?? []), wanted.number);
    if (options.namespace) put(descendTo(place, options.namespace), wanted.authority.namespaces?.[0]);
    return true;
  }
  const said = repetitions(above, options).some((place) => {
    const same = readHd(shape.authority!(place), run)?.authority === wanted.authority;
    return same && numberAt(shape.number(place)) === wanted.number;
  });
  if (said) return true;
  const place = options.step === undefined ? above : above.child(options.step, free(above, options.step));
  (shape.number(place) as TreeWriter).set(wanted.number);
  writeHd(shape.authority!(place), wanted.authority);
  return true;
}

/** The first repetition without content; one that was told to be deleted has none. */
function free(above: TreeReader, step: Step): number {
  const count = above.count(step);
  if (count !== 1) return count;
  const only = above.child(step);
  return only.text() === null || !only.filled() ? 0 : count;
}
