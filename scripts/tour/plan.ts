/** How much evidence the tour asks for. */
export interface Plan {
  /** `migration.gates.criticalRate`: the rate of critical differences must be under this, but for a chance of 5 %. */
  readonly criticalRate: number;
  /** `migration.gates.minPatients`. */
  readonly minPatients: number;
  /** `migration.steps`: percentages that a canary goes through. */
  readonly steps: number[];
  /** Made-up patients beside the sixty with a story. */
  readonly others: number;
  /** Percentage of the glucose results that the new service gives in the wrong unit. */
  readonly wrongUnit: number;
  /** Captured requests that a replay asks again, at most. */
  readonly replayed: number;
  /** Applications that ask at the same time, each waiting for its answer. */
  readonly readers: number;
}

/** As much as a hospital asks for: at most two minutes on two idle processors, longer on busy ones. */
export const TOUR: Plan = {
  criticalRate: 0.003,
  minPatients: 200,
  steps: [10, 50],
  others: 180,
  wrongUnit: 1,
  replayed: 300,
  readers: 4,
};

/** The same steps on less evidence, for whoever tests the tour itself. */
export const QUICK: Plan = {
  criticalRate: 0.03,
  minPatients: 60,
  steps: [40, 80],
  others: 20,
  wrongUnit: 5,
  replayed: 60,
  readers: 2,
};

/** `migration.gates.latencySlackMs` of the tour. */
export const SLACK_MS = 2_000;
/** Days in modern without a client's call to legacy, as in a hospital. */
export const RETIRE_DAYS = 30;

/** What differs from a hospital's gates, in words. */
export function gatesOf({ criticalRate, minPatients }: Plan): string {
  const slower = `Since both sides share this machine with everything else, modern may be ${SLACK_MS / 1_000} s slower than legacy (a hospital: 50 ms).`;
  if (criticalRate === TOUR.criticalRate)
    return `The gates are a hospital’s: 1,013 comparisons without a critical difference for each step, so that their rate is under 0.3 % (chance of being wrong 5 %). One is not: ${slower}`;
  return `The gates ask for less than a hospital’s: a rate of critical differences under ${criticalRate * 100} % (instead of 0.3 %), ${minPatients} patients. ${slower}`;
}
