import type { Route } from '../../ports.ts';
import { cohortInWords } from '../cohort.ts';
import type { StepTaken } from './evidence-store.ts';
import type { Position } from './gate.ts';
import { positionOf } from './gates.ts';

export interface HistoryRow {
  readonly version: number;
  readonly at: string;
  readonly by: string;
  readonly from?: Position;
  readonly to: Position;
  /** Whom modern answers in canary from then on, in words. */
  readonly cohort?: string;
  /** What was done, where it was no move: `held`, `note`. */
  readonly step?: Step;
  readonly run: number;
  readonly reason: string;
  /** What the gates said when the step was taken. */
  readonly evidence?: readonly { readonly gate: string; readonly verdict: string; readonly value: string }[];
}

/** What happens to a route without moving it. */
type Step =
  | 'held'
  | 'released'
  | 'retirement approved'
  | 'evidence counted anew'
  | 'owners changed'
  | 'cohort changed'
  | 'note';

/** One version of a route, and what it changed. */
export function historyRow(route: Route, before: Route | undefined, steps: readonly StepTaken[]): HistoryRow {
  const step = steps.find(({ version }) => version === route.version);
  const what = before && stepOf(before, route);
  const evidence = step?.report.gates.map(({ name, verdict, value }) => ({ gate: name, verdict, value }));
  return {
    version: route.version,
    at: route.updatedAt,
    by: route.updatedBy,
    ...(before ? { from: positionOf(before) } : {}),
    to: positionOf(route),
    ...(route.cohort ? { cohort: cohortInWords(route.cohort) } : {}),
    ...(what === undefined ? {} : { step: what }),
    run: route.run,
    reason: route.reason,
    ...(evidence ? { evidence } : {}),
  };
}

/** What was done to a route that is where it was; undefined: it moved. */
function stepOf(before: Route, after: Route): Step | undefined {
  const [from, to] = [positionOf(before), positionOf(after)];
  if (from.stage !== to.stage || from.percent !== to.percent) return undefined;
  const changed = (of: 'hold' | 'retirement' | 'owners' | 'cohort'): boolean =>
    JSON.stringify(before[of]) !== JSON.stringify(after[of]);
  if (after.hold && changed('hold')) return 'held';
  if (before.hold && !after.hold) return 'released';
  if (after.retirement && changed('retirement')) return 'retirement approved';
  if (before.run !== after.run) return 'evidence counted anew';
  if (changed('owners')) return 'owners changed';
  return changed('cohort') ? 'cohort changed' : 'note';
}
