import { numberOf, type Dial } from './dial.ts';

/** z of the 95th percentile of the normal distribution. */
const Z95 = 1.6448536269514722;

/** Delays of a `slow` dial, in milliseconds, one a call; the same seed gives the same sequence. */
export function createLatency(dial: Dial): () => number {
  const random = mulberry32(numberOf(dial, 'seed') ?? 1);
  const fixed = numberOf(dial, 'delayMs');
  if (fixed !== undefined) return () => fixed;
  const low = numberOf(dial, 'minMs');
  const high = numberOf(dial, 'maxMs');
  if (low !== undefined && high !== undefined) return () => low + (high - low) * random();
  const median = numberOf(dial, 'p50Ms') ?? 1;
  const p95 = numberOf(dial, 'p95Ms') ?? median;
  const sigma = Math.log(p95 / median) / Z95;
  return () => median * Math.exp(sigma * normal(random));
}

/** Box-Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** A small seeded generator (public domain, Tommy Ettinger's mulberry32); uniform in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
