/** What the gates ask for: the section `migration.gates` of the configuration. Rates and shares are 0 to 1. */
export interface GateLimits {
  /** The evidence must show that the rate of critical differences is under this. */
  readonly criticalRate: number;
  /** Largest chance that it shows that and is wrong, however often it is looked at. */
  readonly alpha: number;
  /** Least share of comparisons without critical or major difference. */
  readonly parity: number;
  readonly minPatients: number;
  /** Every search shape seen in so many days must have been compared. */
  readonly shapeDays: number;
  /** Modern's p95 may be so many times legacy's ... */
  readonly latencyFactor: number;
  /** ... or so many milliseconds over it. */
  readonly latencySlackMs: number;
  /** Largest share of modern calls that fail technically. */
  readonly errorRate: number;
  /** Least number of calls (and comparisons) that shares are judged by. */
  readonly minCalls: number;
  /** Evidence without anything newer is stale after this. */
  readonly staleMinutes: number;
  /** Largest age of an undelivered write. */
  readonly outboxAgeSeconds: number;
  /** Largest age of a clean drift report. */
  readonly driftHours: number;
  /** Days in `modern` without a call to legacy before it may be retired. */
  readonly retireDays: number;
}
