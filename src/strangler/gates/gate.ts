import type { Endpoint } from '../../fhir/types.ts';
import type { Stage } from '../../ports.ts';

/** Everything that can hold a step back. */
export const GATES = [
  'owners',
  'hold',
  'contract',
  'criticals',
  'parity',
  'shapes',
  'patients',
  'latency',
  'errors',
  'calls',
  'outbox',
  'drift',
  'legacy-calls',
  'long-tail',
] as const;
export type GateName = (typeof GATES)[number];

/** Only `pass` and `waived` let a step through: what is not known, or not known any more, holds. */
export type GateVerdict = 'pass' | 'fail' | 'insufficient' | 'stale' | 'waived';

/** What one gate says of a step. */
export interface Gate {
  readonly name: GateName;
  /** What is asked for: `none, and a rate under 0.3 %`. */
  readonly threshold: string;
  /** What was measured: `0 of 840; at most 0.36 %`. */
  readonly value: string;
  /** What that is measured on: `840 comparisons from 2026-03-01T08:00:00.000Z to 2026-03-09T17:12:00.000Z`. */
  readonly evidence: string;
  readonly verdict: GateVerdict;
  /** Why, and what would have to happen, in one sentence. */
  readonly words: string;
  /** The figures behind it, by name: counts, rates 0 to 1, milliseconds. */
  readonly figures: Readonly<Record<string, number>>;
  readonly waiver?: {
    readonly by: string;
    readonly reason: string;
    readonly until: string;
    readonly insteadOf: GateVerdict;
  };
}

/** A stage, and in canary how many percent of it. */
export interface Position {
  readonly stage: Stage;
  readonly percent?: number;
}

/** What all gates say of a step. */
export interface GateReport {
  readonly endpoint: Endpoint;
  readonly from: Position;
  readonly to: Position;
  /** The run that the evidence counts from. */
  readonly run: number;
  /** ISO 8601 instant. */
  readonly at: string;
  /** Nothing holds the step back. */
  readonly open: boolean;
  readonly gates: readonly Gate[];
  /** The words of the gates that hold it back. */
  readonly blocking: readonly string[];
}
