import { describe, expect, it } from 'vitest';
import { BETS, evidenceAgainst, logEvidence } from '../../../../src/strangler/gates/sequential.ts';
import { createRandom } from './support.ts';

const LIMIT = 0.003;
const ALPHA = 0.05;
const MIGRATIONS = 10_000;
const LONGEST = 20_000;

/** So many comparisons with `k` failures among them are enough, by `k`; computed once. */
const enoughWith = Array.from(
  { length: 400 },
  (_, k) => k + evidenceAgainst(k, k, { limit: LIMIT, alpha: ALPHA }).needed,
);

/** Comparisons until one more fails, at a rate. */
const gap = (random: () => number, rate: number): number =>
  rate === 0 ? Number.POSITIVE_INFINITY : Math.floor(Math.log(1 - random()) / Math.log1p(-rate)) + 1;

/**
 * After how many comparisons a migration that is looked at after each of them is first promoted; undefined: not within 20,000.
 * Between two failures the evidence only grows, so that the first moment can be looked up.
 */
function promotedAfter(random: () => number, rate: number, mayFail: number): number | undefined {
  let seen = 0;
  for (let k = 0; k <= mayFail; k += 1) {
    const next = seen + gap(random, rate);
    const enough = Math.max(enoughWith[k]!, seen);
    if (enough < next) return enough <= LONGEST ? enough : undefined;
    if (next > LONGEST) return undefined;
    seen = next;
  }
  return undefined;
}

function promotions(rate: number, seed: number, mayFail = 399): number[] {
  const random = createRandom(seed);
  return Array.from({ length: MIGRATIONS }, () => promotedAfter(random, rate, mayFail)).filter(
    (at) => at !== undefined,
  );
}

describe('the sequential test', () => {
  it('weighs its bets to 1, all under the limit', () => {
    expect(BETS.reduce((sum, [, weight]) => sum + weight, 0)).toBeCloseTo(1, 12);
    expect(BETS.every(([share, weight]) => share >= 0 && share < 1 && weight > 0)).toBe(true);
  });

  it.each([
    { rate: LIMIT, seed: 1 },
    { rate: LIMIT, seed: 2 },
    { rate: 1.2 * LIMIT, seed: 3 },
    { rate: 2 * LIMIT, seed: 4 },
  ])(
    'promotes at most 5 % of 10,000 migrations whose rate is $rate, looked at after each of 20,000 comparisons',
    ({ rate, seed }) => {
      expect(promotions(rate, seed).length).toBeLessThanOrEqual(ALPHA * MIGRATIONS);
    },
  );

  it('promotes at most 5 % of them by the gate too, which forgives no critical difference', () => {
    const wrong = promotions(LIMIT, 5, 0).length;
    expect(wrong).toBeLessThanOrEqual(ALPHA * MIGRATIONS);
    // It is not held back by being useless: nearly all of the chance of being wrong is used.
    expect(wrong).toBeGreaterThan(0.8 * ALPHA * MIGRATIONS);
  });

  it('promotes a service without critical differences after 1,013 comparisons', () => {
    expect(new Set(promotions(0, 6))).toEqual(new Set([1_013]));
    expect(promotions(0, 6)).toHaveLength(MIGRATIONS);
  });

  it('promotes nearly every service whose rate is a tenth of the limit, after about 1,700 comparisons', () => {
    const after = promotions(LIMIT / 10, 7);
    expect(after.length).toBeGreaterThan(0.99 * MIGRATIONS);
    const mean = after.reduce((sum, at) => sum + at, 0) / after.length;
    expect(mean).toBeGreaterThan(1_500);
    expect(mean).toBeLessThan(2_000);
  });

  it('is a supermartingale: at the limit the next look is worth no more than this one', () => {
    for (const [n, k] of [
      [0, 0],
      [10, 0],
      [500, 1],
      [1_000, 4],
      [3, 3],
    ] as const) {
      const now = Math.exp(logEvidence(n, k, LIMIT));
      for (const rate of [LIMIT, 2 * LIMIT, 0.5, 1]) {
        const next =
          rate * Math.exp(logEvidence(n + 1, k + 1, LIMIT)) +
          (1 - rate) * Math.exp(logEvidence(n + 1, k, LIMIT));
        expect(next).toBeLessThanOrEqual(now * (1 + 1e-12));
      }
    }
  });

  it('says how many more are needed, to the one', () => {
    for (const [n, k] of [
      [0, 0],
      [782, 0],
      [1_500, 1],
      [40, 2],
    ] as const) {
      const { needed } = evidenceAgainst(n, k, { limit: LIMIT, alpha: ALPHA });
      expect(evidenceAgainst(n + needed, k, { limit: LIMIT, alpha: ALPHA }).enough).toBe(true);
      expect(evidenceAgainst(n + needed - 1, k, { limit: LIMIT, alpha: ALPHA }).enough).toBe(false);
    }
  });

  it('bounds the rate from above: at the limit exactly when there is enough', () => {
    for (const [n, k] of [
      [1_012, 0],
      [1_013, 0],
      [5_000, 1],
      [5_000, 20],
    ] as const) {
      const { enough, upperBound } = evidenceAgainst(n, k, { limit: LIMIT, alpha: ALPHA });
      expect(upperBound <= LIMIT).toBe(enough);
      expect(upperBound).toBeGreaterThan(k / n);
    }
  });

  it('covers the true rate at every moment of all but 5 % of runs', () => {
    const random = createRandom(8);
    const rate = 0.02;
    let missed = 0;
    const runs = 400;
    for (let run = 0; run < runs; run += 1) {
      let k = 0;
      let outside = false;
      for (let n = 1; n <= 600 && !outside; n += 1) {
        if (random() < rate) k += 1;
        outside = logEvidence(n, k, rate) >= Math.log(1 / ALPHA);
      }
      if (outside) missed += 1;
    }
    expect(missed).toBeLessThanOrEqual(ALPHA * runs);
  });

  it.each([
    { limit: 0, n: 10_000, k: 0, needed: Number.POSITIVE_INFINITY },
    { limit: 1, n: 0, k: 0, needed: 1 },
    { limit: 1, n: 2, k: 2, needed: 1 },
    { limit: 1, n: 2, k: 1, needed: 0 },
  ])('knows that a limit of $limit needs $needed more after $k of $n', ({ limit, n, k, needed }) => {
    expect(evidenceAgainst(n, k, { limit, alpha: ALPHA }).needed).toBe(needed);
  });
});
