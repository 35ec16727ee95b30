import type { GateInput } from '../../../../src/strangler/gates/gates.ts';
import type { Gate, GateName, GateReport } from '../../../../src/strangler/gates/gate.ts';
import { LIMITS, ROUTE, START } from './support.ts';
import type { Seen } from './support.ts';

/** Nothing is owed to a side. */
export const NONE = { count: 0, dead: 0, oldestMs: 0 };
/** A backend whose contract tests are green. */
export const GREEN = {
  backend: 'labs',
  at: START,
  endpoints: ['Observation.search'] as const,
  passed: 12,
  failed: [],
};

/** What is judged: a step of one endpoint into canary, where nothing else is said. */
export function input(seen: Seen | undefined, now: number, more: Partial<GateInput> = {}): GateInput {
  return {
    route: ROUTE,
    to: { stage: 'canary', percent: 5 },
    tally: seen?.tally,
    traffic: seen?.traffic,
    limits: LIMITS,
    owed: { legacy: NONE, modern: NONE },
    replicated: false,
    drift: undefined,
    contract: GREEN,
    waivers: [],
    now,
    ...more,
  };
}

export const gateOf = (report: GateReport, name: GateName): Gate => {
  const found = report.gates.find((gate) => gate.name === name);
  if (!found) throw new Error(`no gate ${name}`);
  return found;
};
export const verdicts = (report: GateReport) =>
  Object.fromEntries(report.gates.map(({ name, verdict }) => [name, verdict]));
