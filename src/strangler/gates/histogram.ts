/** Buckets are this much wider than the one before: a quantile is right to within 2 %. */
const GROWTH = 1.04;
const SMALLEST_MS = 0.01;
const LOG_GROWTH = Math.log(GROWTH);
/** Up to ten minutes; whatever took longer is in the last one. */
const BUCKETS = Math.ceil(Math.log(600_000 / SMALLEST_MS) / LOG_GROWTH) + 1;

/** How long things took, in milliseconds, in buckets that grow by 4 %. Two of them add up to one. */
export interface Histogram {
  count: number;
  readonly buckets: number[];
}

/** A histogram as it is kept: bucket and count in turn, empty ones left out. */
export type StoredHistogram = readonly number[];

export function createHistogram(): Histogram {
  return { count: 0, buckets: Array.from({ length: BUCKETS }, () => 0) };
}

/** Counts one duration in place. */
export function record(histogram: Histogram, ms: number): void {
  const place = ms > SMALLEST_MS ? Math.ceil(Math.log(ms / SMALLEST_MS) / LOG_GROWTH) : 0;
  const bucket = place < BUCKETS ? place : BUCKETS - 1;
  histogram.buckets[bucket]! += 1;
  histogram.count += 1;
}

/** Adds all that `other` has counted. */
export function merge(into: Histogram, other: Histogram): void {
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) into.buckets[bucket]! += other.buckets[bucket]!;
  into.count += other.count;
}

/**
 * The duration that a share of all did not exceed, in milliseconds, to within 2 %; undefined: nothing was counted.
 * @param share 0 to 1, e.g. 0.95
 */
export function quantile(histogram: Histogram, share: number): number | undefined {
  if (histogram.count === 0) return undefined;
  const rank = Math.max(1, Math.ceil(share * histogram.count));
  let seen = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    seen += histogram.buckets[bucket]!;
    // The middle of the bucket, in the sense of its growth.
    if (seen >= rank) return bucket === 0 ? SMALLEST_MS : SMALLEST_MS * GROWTH ** (bucket - 0.5);
  }
  return undefined;
}

export function storeHistogram({ buckets }: Histogram): StoredHistogram {
  return buckets.flatMap((count, bucket) => (count === 0 ? [] : [bucket, count]));
}

export function restoreHistogram(stored: StoredHistogram): Histogram {
  const histogram = createHistogram();
  for (let at = 0; at + 1 < stored.length; at += 2) {
    const bucket = Math.min(stored[at]!, BUCKETS - 1);
    histogram.buckets[bucket]! += stored[at + 1]!;
    histogram.count += stored[at + 1]!;
  }
  return histogram;
}
