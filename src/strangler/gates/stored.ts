import { createBoundedSet } from './bounded-set.ts';
import type { BoundedSet } from './bounded-set.ts';
import { restoreHistogram, storeHistogram } from './histogram.ts';
import type { Histogram, StoredHistogram } from './histogram.ts';
import type { Tally } from './tally.ts';
import type { Traffic } from './traffic.ts';
import type { WatchState } from './watch.ts';

/** Told apart, should the form ever change. */
const FORMAT = 1;

interface Stored {
  readonly format: number;
  readonly value: unknown;
}

interface StoredSet {
  readonly limit: number;
  readonly full: boolean;
  readonly size: number;
}

/** What JSON has no form for. */
interface StoredPart {
  readonly $map?: readonly (readonly [unknown, unknown])[];
  readonly $histogram?: StoredHistogram;
  readonly $hashes?: StoredSet;
}

export interface StoredRun {
  readonly tally: Tally;
  readonly watch?: WatchState;
}

/** A run as JSON text, but for the hashes: they are kept apart, because they only ever get more. */
export function runText(tally: Tally, watch: WatchState | undefined): string {
  return textOf({ tally, watch });
}

/** The run that `runText` wrote, its sets of hashes known by size only. @throws Error when the text is no such thing */
export function runOf(text: string): StoredRun {
  return valueOf(text) as StoredRun;
}

/** What clients ask, as JSON text. */
export function trafficText(traffic: Traffic): string {
  return textOf(traffic);
}

/** @throws Error when `trafficText` has not written it */
export function trafficOf(text: string): Traffic {
  return valueOf(text) as Traffic;
}

function textOf(value: unknown): string {
  const stored: Stored = { format: FORMAT, value };
  return JSON.stringify(stored, (_key, part: unknown): unknown => {
    if (part instanceof Map) return { $map: [...part] } satisfies StoredPart;
    if (isHistogram(part)) return { $histogram: storeHistogram(part) } satisfies StoredPart;
    if (!isBoundedSet(part)) return part;
    const size = Math.max(part.known, part.members.size);
    return { $hashes: { limit: part.limit, full: part.full, size } } satisfies StoredPart;
  });
}

function valueOf(text: string): unknown {
  const stored = JSON.parse(text, (_key, part: unknown): unknown => {
    if (!isObject(part)) return part;
    const { $map, $histogram, $hashes } = part as StoredPart;
    if ($map) return new Map($map);
    if ($histogram) return restoreHistogram($histogram);
    if ($hashes) return restoreSet($hashes);
    return part;
  }) as Partial<Stored> | null;
  if (stored?.format !== FORMAT) throw new Error(`evidence of format ${String(stored?.format)} is not known`);
  return stored.value;
}

function restoreSet({ limit, full, size }: StoredSet): BoundedSet {
  const set = createBoundedSet(limit);
  set.full = full;
  set.known = size;
  return set;
}

const isObject = (part: unknown): part is object => typeof part === 'object' && part !== null;

function isHistogram(part: unknown): part is Histogram {
  return isObject(part) && 'buckets' in part && 'count' in part;
}

function isBoundedSet(part: unknown): part is BoundedSet {
  return isObject(part) && 'members' in part && part.members instanceof Set;
}
