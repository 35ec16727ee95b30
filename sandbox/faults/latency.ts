import { numberOf, type Dial } from './dial.ts';
import { mulberry32 } from './random.ts';

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
