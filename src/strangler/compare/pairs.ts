import { isJsonObject } from '../../fhir/json.ts';
import type { Json } from '../../fhir/types.ts';
import { keysOf } from './keys.ts';
import type { Side } from './side.ts';
import { memberOf } from './trail.ts';

/** Items of two lists that belong together, by index, and what is left alone on either side. */
export interface Pairs {
  /** Those that say the same. */
  readonly same: readonly Pair[];
  /** Those that are the same thing, said otherwise. */
  readonly changed: readonly Pair[];
  readonly missing: readonly number[];
  readonly extra: readonly number[];
}

export type Pair = readonly [legacy: number, modern: number];

/** The two answers, as their items are read. */
export interface Sides {
  readonly legacy: Side;
  readonly modern: Side;
  /** Whether two values are the same as written, at little cost. */
  readonly identical: (legacy: Json, modern: Json) => boolean;
}

/** Beyond so many combinations, leftovers without any key are paired as they stand, not by content. */
const MOST_COMBINATIONS = 4096;

/**
 * Finds which items of two lists belong together: first those that say the same, then by what names an item of the type
 * (an identifier's system and value, a component's code, a participant's actor), then by how much of their content
 * agrees. Two items that have nothing in common are one changed item only when nothing else is left on either side;
 * extensions of two URLs never are.
 */
export function pairItems(
  legacy: readonly Json[],
  modern: readonly Json[],
  type: string,
  sides: Sides,
): Pairs {
  const same: Pair[] = [];
  const changed: Pair[] = [];
  const left = new Set(legacy.keys());
  const right = new Set(modern.keys());
  const settle = (found: readonly Pair[], into: Pair[]): void => {
    for (const pair of found) {
      into.push(pair);
      left.delete(pair[0]);
      right.delete(pair[1]);
    }
  };

  settle(
    [...left]
      .filter((at) => right.has(at) && sides.identical(legacy[at]!, modern[at]!))
      .map((at) => [at, at]),
    same,
  );
  if (left.size > 0 && right.size > 0) {
    const groups = grouped(
      collect(left, (at) => [sides.legacy.fingerprint(legacy[at]!, type)]),
      collect(right, (at) => [sides.modern.fingerprint(modern[at]!, type)]),
    );
    for (const [some, others] of groups) settle(zip(some, others), same);
  }
  const best = (some: readonly number[], others: readonly number[]): readonly Pair[] =>
    byContent(some, others, (l, m) => agreement(legacy[l]!, modern[m]!, type, sides));
  const names = {
    legacy: new Map(Array.from(left, (at) => [at, keysOf(legacy[at]!, type, sides.legacy)])),
    modern: new Map(Array.from(right, (at) => [at, keysOf(modern[at]!, type, sides.modern)])),
  };
  const strengths = Math.max(
    0,
    ...[...names.legacy.values(), ...names.modern.values()].map((it) => it.length),
  );
  for (let level = 0; level < strengths && left.size > 0 && right.size > 0; level++) {
    const groups = grouped(
      collect(left, (at) => names.legacy.get(at)?.[level] ?? []),
      collect(right, (at) => names.modern.get(at)?.[level] ?? []),
    );
    for (const [some, others] of groups) {
      const [free, open] = [some.filter((at) => left.has(at)), others.filter((at) => right.has(at))];
      settle(free.length === 1 && open.length === 1 ? zip(free, open) : best(free, open), changed);
    }
  }
  // Extensions of two URLs are two things.
  if (type === 'Extension') return { same, changed, missing: [...left], extra: [...right] };
  const alone = left.size === 1 && right.size === 1;
  settle(alone ? zip([...left], [...right]) : best([...left], [...right]), changed);
  return { same, changed, missing: [...left], extra: [...right] };
}

function zip(some: readonly number[], others: readonly number[]): Pair[] {
  return some.slice(0, others.length).map((it, at) => [it, others[at]!]);
}

/** Indexes of both sides that share a key, in the order of the keys. */
function grouped(
  first: ReadonlyMap<string, readonly number[]>,
  second: ReadonlyMap<string, readonly number[]>,
): (readonly [readonly number[], readonly number[]])[] {
  return [...first.keys()]
    .filter((key) => second.has(key))
    .toSorted()
    .map((key) => [first.get(key)!, second.get(key)!] as const);
}

function collect(
  items: Iterable<number>,
  keysOf: (at: number) => readonly string[],
): ReadonlyMap<string, readonly number[]> {
  const groups = new Map<string, number[]>();
  for (const item of items) {
    for (const key of new Set(keysOf(item))) {
      const group = groups.get(key);
      if (group) group.push(item);
      else groups.set(key, [item]);
    }
  }
  return groups;
}

/** Pairs by agreement, the best first; of equal ones those that stand nearest. */
function byContent(
  some: readonly number[],
  others: readonly number[],
  agreement: (legacy: number, modern: number) => number,
): readonly Pair[] {
  if (some.length * others.length > MOST_COMBINATIONS) return zip(some, others);
  const candidates = some
    .flatMap((l) => others.map((m) => ({ l, m, score: agreement(l, m) })))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || Math.abs(a.l - a.m) - Math.abs(b.l - b.m) || a.l + a.m - b.l - b.m);
  const [taken, given] = [new Set<number>(), new Set<number>()];
  const found: Pair[] = [];
  for (const { l, m } of candidates) {
    if (taken.has(l) || given.has(m)) continue;
    taken.add(l);
    given.add(m);
    found.push([l, m]);
  }
  return found;
}

/** How many members of two items say the same. */
function agreement(legacy: Json, modern: Json, type: string, sides: Sides): number {
  if (!isJsonObject(legacy) || !isJsonObject(modern)) return 0;
  const of = typeof legacy['resourceType'] === 'string' ? legacy['resourceType'] : type;
  const agrees = (name: string): boolean => {
    const [before, after] = [legacy[name], modern[name]];
    if (before === undefined || after === undefined) return false;
    const inner = memberOf(of, name).type;
    return sides.legacy.fingerprint(before, inner) === sides.modern.fingerprint(after, inner);
  };
  return Object.keys(legacy).filter(agrees).length;
}
