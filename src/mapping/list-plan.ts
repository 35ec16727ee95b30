import type { Json } from '../fhir/types.ts';
import { sameJson, type Codec } from './codec.ts';
import type { Condition } from './condition.ts';
import { isObject, passes, type Defaults, type FhirTest } from './fhir-path.ts';
import type { Run } from './run.ts';
import { pathKey } from './tree-path.ts';
import type { Step, TreeReader } from './tree.ts';

/** One way to feed a property that holds a list. */
export interface Feed {
  readonly steps: readonly Step[];
  /** Whether the place at the end of `steps` repeats, each repetition an item. */
  readonly repeats: boolean;
  /** Separator of items within one text. */
  readonly split: string | undefined;
  /** The place is a whole segment: a row that only reads it never takes it away. */
  readonly segments: boolean;
  readonly codec: Codec;
  /** Which items are this row's. */
  readonly where: readonly FhirTest[];
  /** What its `where` says of new items. */
  readonly defaults: Defaults | undefined;
  readonly when: Condition | undefined;
  readonly only: 'read' | 'write' | undefined;
}

/** An item that the tree already says: which feed, which repetition. */
export interface Present {
  readonly feed: number;
  readonly index: number;
  readonly value: Json;
}

/** An item to be said by a feed: a repetition to keep (or to change), or a new one. */
export interface Entry {
  readonly value: Json;
  readonly source: number | undefined;
  readonly same: boolean;
}

/** Which feed says which wanted item, and from which repetition. */
export function planList(
  feeds: readonly Feed[],
  present: readonly Present[],
  wanted: readonly Json[],
  ordered: boolean,
  root: TreeReader,
  run: Run,
): Entry[][] {
  const open = feeds.map((feed, at) => mayWrite(feed, presentOf(present, at), root, run));
  const kept = ordered ? keepEnds(present, wanted) : keepEqual(present, wanted);
  return (
    fill(feeds, open, present, wanted, kept, ordered) ??
    fill(feeds, open, present, wanted, new Map(), ordered) ??
    fillWhatFits(feeds, open, present, wanted, kept, ordered).plan
  );
}

/**
 * Whether a feed takes new items: its condition holds, or asks for the very place that the item will fill, and nothing
 * is read there.
 */
function mayWrite(
  { only, when, steps }: Feed,
  present: readonly Present[],
  root: TreeReader,
  run: Run,
): boolean {
  if (only === 'read') return false;
  if (!when || when.holds(root, run)) return true;
  return (
    steps.length > 0 && present.length === 0 && when.needs.some((need) => need.startsWith(pathKey(steps)))
  );
}

/**
 * Items that stay where they are: in an ordered list, as far as old and new agree from the start; of objects (names,
 * addresses), from the end, too, so that a changed name does not move those behind it to another field. Texts close up:
 * a first given name that goes makes room.
 */
function keepEnds(present: readonly Present[], wanted: readonly Json[]): Map<number, Present[]> {
  const kept = new Map<number, Present[]>();
  const least = Math.min(present.length, wanted.length);
  let from = 0;
  while (from < least && sameJson(present[from]!.value, wanted[from])) kept.set(from, [present[from++]!]);
  for (let back = 1; back <= least - from; back += 1) {
    const [old, value] = [present.at(-back)!, wanted.at(-back)!];
    if (!isObject(value) || !sameJson(old.value, value)) break;
    kept.set(wanted.length - back, [old]);
  }
  return kept;
}

/** Items that stay where they are: every old item that is still wanted (twice where it was said twice). */
function keepEqual(present: readonly Present[], wanted: readonly Json[]): Map<number, Present[]> {
  const kept = new Map<number, Present[]>();
  for (const old of present) {
    const at = wanted.findIndex(
      (value, index) =>
        sameJson(value, old.value) && !(kept.get(index)?.some((it) => it.feed === old.feed) ?? false),
    );
    if (at < 0) continue;
    const list = kept.get(at);
    if (list) list.push(old);
    else kept.set(at, [old]);
  }
  return kept;
}

/** The plan in which every wanted item has a place; undefined when there is none. */
function fill(
  feeds: readonly Feed[],
  open: readonly boolean[],
  present: readonly Present[],
  wanted: readonly Json[],
  kept: ReadonlyMap<number, readonly Present[]>,
  ordered: boolean,
): Entry[][] | undefined {
  const { plan, placed } = fillWhatFits(feeds, open, present, wanted, kept, ordered);
  return placed === wanted.length ? plan : undefined;
}

function fillWhatFits(
  feeds: readonly Feed[],
  open: readonly boolean[],
  present: readonly Present[],
  wanted: readonly Json[],
  kept: ReadonlyMap<number, readonly Present[]>,
  ordered: boolean,
): { readonly plan: Entry[][]; readonly placed: number } {
  const plan: Entry[][] = feeds.map(() => []);
  const used = feeds.map(() => 0);
  for (const olds of kept.values()) for (const old of olds) used[old.feed]! += 1;
  let least = 0;
  let placed = 0;
  for (const [at, value] of wanted.entries()) {
    const olds = kept.get(at);
    if (olds) {
      for (const old of olds) plan[old.feed]!.push({ value, source: old.index, same: true });
      least = Math.max(least, olds[0]!.feed);
      placed += 1;
      continue;
    }
    const room = (feed: Feed, index: number): boolean =>
      open[index]! && (feed.repeats || feed.split !== undefined || used[index]! < 1) && accepts(feed, value);
    const target = chooseFeed(feeds, room, ordered ? least : 0);
    if (target < 0) continue;
    used[target]! += 1;
    least = target;
    placed += 1;
    plan[target]!.push({ value, source: undefined, same: false });
  }
  return { plan: plan.map((entries, at) => matchSources(entries, presentOf(present, at))), placed };
}

export function presentOf(present: readonly Present[], feed: number): Present[] {
  return present.filter((it) => it.feed === feed);
}

function accepts(feed: Feed, value: Json): boolean {
  if (feed.split !== undefined) return typeof value === 'string' && !value.includes(feed.split);
  return passes(value, feed.where);
}

/** The most specific feed with room; of equals, the first. */
function chooseFeed(
  feeds: readonly Feed[],
  room: (feed: Feed, at: number) => boolean,
  least: number,
): number {
  let best = -1;
  for (let at = least; at < feeds.length; at += 1) {
    const feed = feeds[at]!;
    if (!room(feed, at)) continue;
    if (best < 0 || feed.where.length > feeds[best]!.where.length) best = at;
  }
  return best;
}

/** New entries take over the repetition that is most like them, so that what it says beyond the map stays with it. */
function matchSources(entries: readonly Entry[], present: readonly Present[]): Entry[] {
  const free = new Set(present);
  for (const entry of entries) {
    if (entry.source !== undefined) for (const old of free) if (old.index === entry.source) free.delete(old);
  }
  return entries.map((entry) => {
    if (entry.source !== undefined) return entry;
    let best: Present | undefined;
    let score = 0;
    for (const old of free) {
      const likeness = likenessOf(old.value, entry.value);
      if (likeness > score) [best, score] = [old, likeness];
    }
    if (!best) return entry;
    free.delete(best);
    return { ...entry, source: best.index };
  });
}

/** How many members two items share, those that identify counting more. */
function likenessOf(a: Json, b: Json): number {
  if (!isObject(a) || !isObject(b)) return 0;
  let score = 0;
  for (const name in a) if (sameJson(a[name], b[name])) score += name === 'value' || name === 'url' ? 4 : 1;
  return score;
}
