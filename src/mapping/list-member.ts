import type { Json } from '../fhir/types.ts';
import { sameJson, type Codec } from './codec.ts';
import { fillDefaults, isObject } from './fhir-path.ts';
import { planList, presentOf, type Entry, type Feed, type Present } from './list-plan.ts';
import type { Always, Member, MemberKeys } from './member.ts';
import type { Run } from './run.ts';
import { descend, descendTo } from './tree-path.ts';
import { valued, type Step, type TreeReader, type TreeWriter } from './tree.ts';

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
      const plan = planList(feeds, present, wanted, ordered, root, run);
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
