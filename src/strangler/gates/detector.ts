/** The rates that are bet on: the odds of the limit, times these. All weigh the same. */
const ODDS = [1.5, 2, 3, 5, 10, 30, 100];
/** Keeps an e-value a number that JSON can hold. */
const CEILING = 1e300;

/** What a detector remembers; plain data, changed in place. */
export interface DetectorState {
  /** A state is of use only to a detector of the same limit. */
  readonly limit: number;
  trials: number;
  failures: number;
  /** For each bet: the mixture over the moments at which the rate may have begun to be too high. */
  readonly mixture: number[];
  /** For each bet: logarithm of the best of them, and what has been seen since that moment. */
  readonly best: { sum: number; trials: number; failures: number }[];
}

/** Gathers evidence that a rate is over its limit, also when it has been under it for a long time. */
export interface Detector {
  start(): DetectorState;
  observe(state: DetectorState, failed: boolean): void;
  /** From 1 / alpha on the rate is over the limit; under it, the chance that this ever happens is at most alpha. */
  eValue(state: DetectorState): number;
  /** The stretch that speaks the loudest. Its share of failures is over the limit whenever the e-value is over 1. */
  window(state: DetectorState): { readonly trials: number; readonly failures: number };
}

/**
 * An e-process against "the rate is at or under `limit`, always": a mixture of likelihood ratios over rates above the
 * limit and over the moments from which they may hold; moment s weighs 1 / (s (s + 1)), which sums to 1. Each ratio is
 * a supermartingale under every rate up to the limit, and so is the mixture: Ville's inequality holds for a run of any
 * length. docs/evidence.md has the derivation.
 *
 * @param limit 0: the first failure is proof; 1: nothing ever is
 */
export function createDetector(limit: number): Detector {
  const bets = ODDS.map((times) => ratios(limit, times));
  return {
    start: () => ({
      limit,
      trials: 0,
      failures: 0,
      mixture: bets.map(() => 0),
      best: bets.map(() => ({ sum: 0, trials: 0, failures: 0 })),
    }),
    observe(state, failed) {
      state.trials += 1;
      if (failed) state.failures += 1;
      const fresh = 1 / (state.trials * (state.trials + 1));
      for (let index = 0; index < bets.length; index += 1) {
        const bet = bets[index]!;
        const ratio = failed ? bet.failed : bet.passed;
        state.mixture[index] = Math.min(CEILING, (state.mixture[index]! + fresh) * ratio);
        const best = state.best[index]!;
        if (best.sum <= 0) {
          best.sum = 0;
          best.trials = 0;
          best.failures = 0;
        }
        best.sum = Math.min(CEILING, best.sum + (failed ? bet.logFailed : bet.logPassed));
        best.trials += 1;
        if (failed) best.failures += 1;
      }
    },
    eValue(state) {
      const sum = state.mixture.reduce((total, value) => total + value / bets.length, 0);
      return sum + 1 / (state.trials + 1);
    },
    window(state) {
      let loudest = 0;
      for (let index = 1; index < bets.length; index += 1)
        if (state.mixture[index]! > state.mixture[loudest]!) loudest = index;
      const { trials, failures } = state.best[loudest]!;
      return { trials, failures };
    },
  };
}

function ratios(limit: number, times: number) {
  if (limit >= 1) return { failed: 1, passed: 1, logFailed: 0, logPassed: 0 };
  if (limit <= 0) return { failed: CEILING, passed: 1, logFailed: Math.log(CEILING), logPassed: 0 };
  const odds = (limit / (1 - limit)) * times;
  const rate = odds / (1 + odds);
  const failed = rate / limit;
  const passed = (1 - rate) / (1 - limit);
  return { failed, passed, logFailed: Math.log(failed), logPassed: Math.log(passed) };
}
