import type { Owed } from '../../migration-ports.ts';
import type { Endpoint } from '../../fhir/types.ts';
import type { Route, Side, Stage } from '../../ports.ts';
import { callsGate, callsOf, errorsGate, latencyGate, legacyCallsGate, longTailGate } from './call-gates.ts';
import { concernsPatients, criticalsGate, parityGate, patientsGate, shapesGate } from './compared-gates.ts';
import type { ContractCheck } from './contract-check.ts';
import type { Gate, GateName, GateReport, Position } from './gate.ts';
import type { GateLimits } from './limits.ts';
import { contractGate, driftGate, holdGate, outboxGate, ownersGate } from './state-gates.ts';
import type { DriftSummary } from './state-gates.ts';
import type { Tally } from './tally.ts';
import type { Traffic } from './traffic.ts';
import type { Uncopied } from './uncopied.ts';
import { withWaiver } from './waiver.ts';
import type { Waiver } from './waiver.ts';

/** Everything that a step is judged by. */
export interface GateInput {
  readonly route: Route;
  /** Where it is to go. */
  readonly to: Position;
  /** What was seen in the route's run; of another run it counts for nothing. */
  readonly tally: Tally | undefined;
  readonly traffic: Traffic | undefined;
  readonly limits: GateLimits;
  /** What each side has not been told yet. */
  readonly owed: Readonly<Record<Side, Owed>>;
  /** Data of this type is replicated between the sides; writes always are. */
  readonly replicated: boolean;
  readonly drift: DriftSummary | undefined;
  /** Writes of the type that were never copied. */
  readonly uncopied?: Uncopied;
  /** The newest check of the modern backend. */
  readonly contract: ContractCheck | undefined;
  /** Of this endpoint, oldest first. */
  readonly waivers: readonly Waiver[];
  /** Epoch milliseconds. */
  readonly now: number;
}

/** Of no use where there is no legacy side that modern could be held against. */
const AGAINST_LEGACY: readonly GateName[] = ['criticals', 'parity', 'shapes', 'patients', 'latency', 'drift'];
const ORDER: readonly Stage[] = ['legacy', 'shadow', 'canary', 'modern', 'retired'];

/** Whether an endpoint changes data: nothing compares its answers. */
export function isWrite(endpoint: Endpoint): boolean {
  return endpoint.endsWith('.create') || endpoint.endsWith('.update');
}

/** Where a route is. */
export function positionOf({ stage, cohort }: Pick<Route, 'stage' | 'cohort'>): Position {
  return stage === 'canary' && cohort ? { stage, percent: cohort.percent } : { stage };
}

/**
 * Which gates a step has to pass. Into the shadow nothing can harm a client yet; from then on all of them count; into
 * `retired` also that nobody needs legacy any more. A step back has none. A route that never had a legacy side is not
 * held against one.
 */
export function gatesOf(
  input: Pick<GateInput, 'route' | 'to' | 'replicated' | 'tally'>,
): readonly GateName[] {
  const { route, to } = input;
  const [from, target] = [ORDER.indexOf(route.stage), ORDER.indexOf(to.stage)];
  const wider =
    route.stage === 'canary' && to.stage === 'canary' && (to.percent ?? 0) >= (route.cohort?.percent ?? 0);
  if (target <= from && !wider) return [];
  return namesOf(input).filter((name) => route.legacy !== undefined || !AGAINST_LEGACY.includes(name));
}

function namesOf({ route, to, replicated, tally }: Parameters<typeof gatesOf>[0]): readonly GateName[] {
  const always: readonly GateName[] = ['owners', 'hold', 'contract'];
  if (to.stage === 'shadow') return always;
  const retiring: readonly GateName[] = to.stage === 'retired' ? ['legacy-calls', 'long-tail'] : [];
  if (isWrite(route.endpoint)) {
    // In shadow modern is only told of writes; whether it took them is what the outbox and the drift report say.
    const asked = route.stage !== 'shadow' || callsOf(tally, 'modern').count > 0;
    return [...always, 'calls', ...(asked ? (['errors'] as const) : []), 'outbox', 'drift', ...retiring];
  }
  const [type = ''] = route.endpoint.split('.');
  return [
    ...always,
    'criticals',
    'parity',
    ...(route.endpoint.endsWith('.search') ? (['shapes'] as const) : []),
    ...(concernsPatients(type) ? (['patients'] as const) : []),
    'latency',
    'errors',
    'outbox',
    ...(replicated ? (['drift'] as const) : []),
    ...retiring,
  ];
}

/** Judges a step. A function of its input: the same evidence, at the same moment, is judged alike by everybody. */
export function judge(input: GateInput): GateReport {
  const { route, to, waivers, now } = input;
  const tally = input.tally?.run === route.run ? input.tally : undefined;
  const own: GateInput = { ...input, tally };
  const gates = gatesOf(own).map((name) => withWaiver(JUDGES[name](own), waivers, route, now));
  const holding = gates.filter(({ verdict }) => verdict !== 'pass' && verdict !== 'waived');
  return {
    endpoint: route.endpoint,
    from: positionOf(route),
    to,
    run: route.run,
    at: new Date(now).toISOString(),
    open: holding.length === 0,
    gates,
    blocking: holding.map(({ name, words }) => `${name}: ${words}`),
  };
}

const JUDGES: Readonly<Record<GateName, (input: GateInput) => Gate>> = {
  owners: ({ route }) => ownersGate(route),
  hold: ({ route }) => holdGate(route),
  contract: ({ route, contract, now }) => contractGate(route, contract, now),
  criticals: criticalsGate,
  parity: parityGate,
  shapes: shapesGate,
  patients: patientsGate,
  latency: latencyGate,
  errors: errorsGate,
  calls: callsGate,
  outbox: ({ owed, limits }) => outboxGate(owed, limits),
  drift: ({ drift, limits, now, uncopied }) => driftGate(drift, limits, now, uncopied),
  'legacy-calls': legacyCallsGate,
  'long-tail': longTailGate,
};
