import type { Anomaly, UseCounts } from '../privacy-ports.ts';

/** From when on a use of a token from another network is out of its usual. */
export interface AnomalyLimits {
  /** Tries at what the token does not open, in a window. */
  readonly refused: number;
  /** Patients beside the token's own, in a window. */
  readonly patients: number;
  /** Requests in a window. */
  readonly requests: number;
  /** How many times as much as the most of the networks that are known, in a window. */
  readonly times: number;
}

/**
 * What is out of the usual of a token in how it is used from networks that are new to it, while it is in use from those
 * that are known. A new network alone is nothing: telephones change theirs.
 *
 * @param usual the most in one window from the networks that are known
 * @param strange so far in this window from those that are new
 */
export function anomaliesOf(usual: UseCounts, strange: UseCounts, limits: AnomalyLimits): Anomaly[] {
  const measured = ['refused', 'patients', 'requests'] as const;
  return measured.filter(
    (what) => strange[what] >= limits[what] && strange[what] > limits.times * usual[what],
  );
}
