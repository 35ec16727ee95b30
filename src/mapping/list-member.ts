import type { Json } from '../fhir/types.ts';
import { sameJson, type Codec } from './codec.ts';
import { isObject } from './fhir-path.ts';
import { planList, presentOf, type Entry, type Feed, type Present } from './list-plan.ts';
import type { Always, Member, MemberKeys } from './member.ts';
import type { Run } from './run.ts';
import { descend, descendTo, isAbsent } from './tree-path.ts';
import { ownCount, valued, type Step, type TreeReader, type TreeWriter } from './tree.ts';

/** A property that holds a list, fed by one row or several, each with the items that its `where` selects. */
export function listMember(
  property: string,
  feeds: readonly Feed[],
  constants: readonly Always[],
  keys: MemberKeys,
): Member {
  const ordered = feeds.every((feed) => feed.where.length === 0);
  const always = constants.length === 0 ? undefined : allOf(constants);
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
      // What is always so is not written.
      if (present.length === 0 && wanted.length > 0 && sameJson(always?.(root, run), wanted)) return false;
      const plan = planList(feeds, present, wanted, ordered, root, run);
      for (const [at, feed] of feeds.entries()) writeFeed(feed, plan[at]!, presentOf(present, at), root, run);
      return true;
    },
    always,
  };
}

function allOf(constants: readonly Always[]): Always {
  return (root, run) => {
    const values = constants.map((constant) => constant(root, run)).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : values;
  };
}

/**
 * Items in the order of feeds. Reading is the hot path: what is not there is passed over before its condition is asked.
 */
function gather(feeds: readonly Feed[], root: TreeReader, run: Run): Present[] {
  let found = NOTHING;
  for (let at = 0; at < feeds.length; at += 1) {
    const feed = feeds[at]!;
    if (feed.only === 'write') continue;
    const { steps, repeats } = feed;
    const last = steps.length - 1;
    if (last < 0 || !repeats) {
      const place = descend(root, steps);
      if (feed.when && (isAbsent(steps, place) || !feed.when.holds(root, run))) continue;
      if (feed.split === undefined) found = readItem(feed, at, 0, place, run, found);
      else found = readParts(feed.split, at, place, found);
      continue;
    }
    let above = root;
    for (let depth = 0; depth < last; depth += 1) above = above.child(steps[depth]!);
    const count = countOf(feed, above);
    if (count === 0 || (feed.when && !feed.when.holds(root, run))) continue;
    for (let index = 0; index < count; index += 1) {
      found = readItem(feed, at, index, above.child(steps[last]!, index), run, found);
    }
  }
  return found;
}

/** Segments count where they stand; what the groups around have is theirs. */
function countOf({ segments, steps }: Feed, above: TreeReader): number {
  const last = steps.at(-1)!;
  return segments ? ownCount(above, last) : above.count(last);
}

/** Never written to: a list is made with the first item. */
const NOTHING: Present[] = [];

function readItem(
  feed: Feed,
  at: number,
  index: number,
  place: TreeReader,
  run: Run,
  found: Present[],
): Present[] {
  const value = feed.codec.read(place, run);
  if (value === undefined) return found;
  feed.defaults?.(value);
  return added(found, { feed: at, index, value });
}

function readParts(separator: string, at: number, place: TreeReader, found: Present[]): Present[] {
  const text = place.text();
  if (!valued(text)) return found;
  let items = found;
  for (const part of text.split(separator))
    if (part !== '') items = added(items, { feed: at, index: 0, value: part });
  return items;
}

function added(found: Present[], item: Present): Present[] {
  if (found === NOTHING) return [item];
  found.push(item);
  return found;
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
  const count = countOf(feed, above);
  const kept = unread(above, last, count, present);
  // A row that only writes adds to what other rows say of the same field: behind it.
  const first = feed.only === 'write' ? kept.length : 0;
  const said = entries.map((entry) => entry.source);
  const sources = first > 0 ? [...kept, ...said] : [...said, ...kept];
  if (sources.length === 0 && !feed.segments) {
    above.arrange(last, [0]);
    return above.child(last).clear();
  }
  const inPlace = count === sources.length && sources.every((source, at) => source === at);
  if (!inPlace) above.arrange(last, sources);
  for (const [at, entry] of entries.entries()) {
    if (!entry.same) write(codec, entry.value, above.child(last, first + at), run);
  }
}

/** Writes an item; what its place cannot say leaves nothing of the old item behind. */
function write(codec: Codec, value: Json | undefined, place: TreeWriter, run: Run): void {
  const said = codec.write(value, place, run);
  // An item that reads as nothing would stay as one that no row reads, and be added again.
  if (!said || (value !== undefined && codec.read(place, run.quiet) === undefined))
    codec.write(undefined, place, run);
}

/** Repetitions that hold something, none of which the map reads: they stay. */
function unread(above: TreeReader, step: Step, count: number, present: readonly Present[]): number[] {
  const read = new Set(present.map((it) => it.index));
  return Array.from({ length: count }, (_, index) => index).filter((index) => {
    const place = above.child(step, index);
    return !read.has(index) && place.text() !== null && place.filled();
  });
}

/** The items without those that a second feed says just like the first. */
function distinct(present: readonly Present[]): Json[] {
  const first = present[0]?.feed;
  if (present.every(({ feed }) => feed === first)) return present.map((it) => it.value);
  return present
    .filter(
      ({ feed, value }, at) =>
        !isObject(value) ||
        !present.some((it, before) => before < at && it.feed !== feed && sameJson(it.value, value)),
    )
    .map((it) => it.value);
}
