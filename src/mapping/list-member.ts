import type { Json } from '../fhir/types.ts';
import { sameJson, type Codec } from './codec.ts';
import type { Condition } from './condition.ts';
import { fillDefaults, isObject, passes, type FhirTest } from './fhir-path.ts';
import type { Always, Member, MemberKeys } from './member.ts';
import type { Run } from './run.ts';
import { descend, descendTo, pathKey } from './tree-path.ts';
import { valued, type Step, type TreeReader, type TreeWriter } from './tree.ts';

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
  /** FHIR type of the items. */
  readonly type: string;
  readonly when: Condition | undefined;
  readonly only: 'read' | 'write' | undefined;
}

/** An item that the tree already says: which feed, which repetition. */
interface Present {
  readonly feed: number;
  readonly index: number;
  readonly value: Json;
}

/** An item to be said by a feed: a repetition to keep (or to change), or a new one. */
interface Entry {
  readonly value: Json;
  readonly source: number | undefined;
  readonly same: boolean;
}

/** A property that holds a list, fed by one row or several, each with the items that its `where` selects. */
export function listMember(
  property: string,
  feeds: readonly Feed[],
  constants: readonly Always[],
  keys: MemberKeys,
): Member {
  const ordered = feeds.every((feed) => feed.where.length === 0);
  return {
    property,
    ...keys,
    read(root, run) {
      const items = distinct(gather(feeds, root, run));
      return items.length === 0 ? undefined : items;
    },
    write(value, root, run) {
      const present = gather(feeds, root, run.quiet);
      const wanted = Array.isArray(value) ? value : [];
      if (sameJson(distinct(present), wanted)) return false;
      const plan = assign(feeds, present, wanted, ordered, root, run);
      for (const [at, feed] of feeds.entries()) writeFeed(feed, plan[at]!, presentOf(present, at), root, run);
      return true;
    },
    always(root, run) {
      const values = constants.map((constant) => constant(root, run)).filter((value) => value !== undefined);
      return values.length === 0 ? undefined : values;
    },
  };
}

function gather(feeds: readonly Feed[], root: TreeReader, run: Run): Present[] {
  const found: Present[] = [];
  for (const [at, feed] of feeds.entries()) {
    if (feed.only === 'write' || (feed.when && !feed.when.holds(root, run))) continue;
    for (const [index, value] of readFeed(feed, root, run)) found.push({ feed: at, index, value });
  }
  return found;
}

function readFeed(feed: Feed, root: TreeReader, run: Run): [number, Json][] {
  const { steps, codec } = feed;
  const found: [number, Json][] = [];
  if (feed.split !== undefined) {
    const text = descend(root, steps).text();
    if (valued(text)) for (const part of text.split(feed.split)) if (part !== '') found.push([0, part]);
    return found;
  }
  const above = feed.repeats ? descend(root, steps.slice(0, -1)) : undefined;
  const last = steps.at(-1);
  const count = above && last !== undefined ? above.count(last) : 1;
  for (let index = 0; index < count; index += 1) {
    const place = above && last !== undefined ? above.child(last, index) : descend(root, steps);
    const value = codec.read(place, run);
    if (value === undefined) continue;
    fillDefaults(value, feed.where, feed.type);
    found.push([index, value]);
  }
  return found;
}

/** Which feed says which wanted item, and from which repetition. */
function assign(
  feeds: readonly Feed[],
  present: readonly Present[],
  wanted: readonly Json[],
  ordered: boolean,
  root: TreeReader,
  run: Run,
): Entry[][] {
  const open = feeds.map((feed, at) => mayWrite(feed, presentOf(present, at), root, run));
  const kept = ordered ? keepPrefix(present, wanted) : keepEqual(present, wanted);
  return (
    fill(feeds, open, present, wanted, kept, ordered) ??
    fill(feeds, open, present, wanted, new Map(), ordered) ??
    fillWhatFits(feeds, open, present, wanted, kept, ordered).plan
  );
}

/** Whether a feed takes new items: its condition holds, or asks for the very place that the item will fill, and nothing is read there. */
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

/** Items that stay where they are: in an ordered list, as far as old and new agree from the start. */
function keepPrefix(present: readonly Present[], wanted: readonly Json[]): Map<number, Present[]> {
  const kept = new Map<number, Present[]>();
  for (const [at, value] of wanted.entries()) {
    const old = present[at];
    if (!old || !sameJson(old.value, value)) break;
    kept.set(at, [old]);
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

function presentOf(present: readonly Present[], feed: number): Present[] {
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

function writeFeed(
  feed: Feed,
  entries: readonly Entry[],
  present: readonly Present[],
  root: TreeWriter,
  run: Run,
): void {
  if (entries.length === 0 && present.length === 0) return;
  if (feed.segments && feed.only === 'read') return;
  const { steps, codec, split } = feed;
  if (split !== undefined) {
    if (entries.length === 0) return descendTo(root, steps).clear();
    const text = entries.flatMap(({ value }) => (typeof value === 'string' ? [value] : [])).join(split);
    const place = descendTo(root, steps);
    if (place.text() !== text) place.set(text);
    return;
  }
  const last = steps.at(-1);
  if (!feed.repeats || last === undefined) {
    const entry = entries[0];
    if (!entry?.same) write(codec, entry?.value, descendTo(root, steps), run);
    return;
  }
  const above = descendTo(root, steps.slice(0, -1));
  const kept = unread(above, last, present);
  // A row that only writes adds to what other rows say of the same field: behind it.
  const first = feed.only === 'write' ? kept.length : 0;
  const said = entries.map((entry) => entry.source);
  const sources = first > 0 ? [...kept, ...said] : [...said, ...kept];
  if (sources.length === 0) {
    above.arrange(last, [0]);
    return above.child(last).clear();
  }
  const inPlace = above.count(last) === sources.length && sources.every((source, at) => source === at);
  if (!inPlace) above.arrange(last, sources);
  for (const [at, entry] of entries.entries()) {
    if (!entry.same) write(codec, entry.value, above.child(last, first + at), run);
  }
}

/** Writes an item; what its place cannot say leaves nothing of the old item behind. */
function write(codec: Codec, value: Json | undefined, place: TreeWriter, run: Run): void {
  if (!codec.write(value, place, run)) codec.write(undefined, place, run);
}

/** Repetitions that hold something, none of which the map reads: they stay. */
function unread(above: TreeReader, step: Step, present: readonly Present[]): number[] {
  const read = new Set(present.map((it) => it.index));
  return Array.from({ length: above.count(step) }, (_, index) => index).filter((index) => {
    const place = above.child(step, index);
    return !read.has(index) && place.text() !== null && place.filled();
  });
}

/** The items without those that a second feed says just like the first. */
function distinct(present: readonly Present[]): Json[] {
  return present
    .filter(
      ({ feed, value }, at) =>
        !isObject(value) ||
        !present.some((it, before) => before < at && it.feed !== feed && sameJson(it.value, value)),
    )
    .map((it) => it.value);
}
