/** The rates that are bet on, as shares of the limit, and how much on each. The weights sum to 1. */
export const BETS: readonly (readonly [share: number, weight: number])[] = [
  [0, 0.9],
  [1 / 16, 0.025],
  [1 / 8, 0.025],
  [1 / 4, 0.025],
  [1 / 2, 0.025],
];

export interface SequentialLimit {
  /** The rate that is to be shown to be undercut, 0 to 1. */
  readonly limit: number;
  /** Chance of being wrong, however often it is looked at. */
  readonly alpha: number;
}

/** What `n` trials with `k` failures say against "the rate is the limit or more". */
export interface Evidence {
  /** It is refuted: the rate is under the limit. */
  readonly enough: boolean;
  /** Natural logarithm of the e-value; `enough` from ln(1 / alpha) on. */
  readonly logE: number;
  /** Further trials that refute it if none of them fails; 0 when it is refuted, Infinity when none ever could. */
  readonly needed: number;
  /** Smallest rate that is refuted: upper end of a confidence sequence of level 1 - alpha. */
  readonly upperBound: number;
}

/**
 * A test that stays valid whenever it is looked at: a mixture of likelihood ratios of rates under the limit against the
 * limit itself. Under every rate at or over the limit it is a supermartingale that starts at 1, so that it ever reaches
 * 1 / alpha with a chance of at most alpha (Ville 1939). It depends on `n` and `k` only. docs/evidence.md has the
 * derivation.
 *
 * @param n trials so far
 * @param k how many of them failed
 */
export function evidenceAgainst(n: number, k: number, { limit, alpha }: SequentialLimit): Evidence {
  const target = -Math.log(alpha);
  const logE = logEvidence(n, k, limit);
  return {
    enough: logE >= target,
    logE,
    needed: neededTrials(n, k, limit, target),
    upperBound: upperBound(n, k, target),
  };
}

/** Natural logarithm of the e-value against "the rate is `limit` or more" (exported for the simulation). */
export function logEvidence(n: number, k: number, limit: number): number {
  // Nothing is under a rate of 0; and a rate of 1 is refuted by the first trial that does not fail.
  if (limit <= 0) return 0;
  if (limit >= 1 && n > k) return Number.POSITIVE_INFINITY;
  const terms = BETS.map(([share, weight]) => {
    const hits = k === 0 ? 0 : k * Math.log(share);
    const misses = n === k ? 0 : (n - k) * (Math.log1p(-share * limit) - Math.log1p(-limit));
    return Math.log(weight) + hits + misses;
  });
  const largest = Math.max(...terms);
  return largest + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - largest), 0));
}

function neededTrials(n: number, k: number, limit: number, target: number): number {
  if (limit <= 0) return Number.POSITIVE_INFINITY;
  const enough = (more: number): boolean => logEvidence(n + more, k, limit) >= target;
  if (enough(0)) return 0;
  let high = 1;
  while (!enough(high)) high *= 2;
  let low = high / 2;
  // Without failures the e-value only grows: the first `more` that is enough lies in (low, high].
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function upperBound(n: number, k: number, target: number): number {
  if (n <= k) return 1;
  let low = 0;
  let high = 1;
  // The e-value grows with the rate it speaks against: what refutes a rate refutes every greater one.
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (logEvidence(n, k, middle) >= target) high = middle;
    else low = middle;
  }
  return high;
}
