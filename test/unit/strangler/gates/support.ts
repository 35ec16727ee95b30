import type { CallSeen, Comparison, Difference } from '../../../../src/migration-ports.ts';
import type { Route } from '../../../../src/ports.ts';
import type { GateLimits } from '../../../../src/strangler/gates/limits.ts';
import { addCall, addComparison, createTally } from '../../../../src/strangler/gates/tally.ts';
import type { Tally } from '../../../../src/strangler/gates/tally.ts';
import { addTraffic, createTraffic } from '../../../../src/strangler/gates/traffic.ts';
import type { Traffic } from '../../../../src/strangler/gates/traffic.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
/** When the tests' runs begin. */
export const START = Date.parse('2026-03-01T08:00:00.000Z');

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const LIMITS: GateLimits = {
  criticalRate: 0.003,
  alpha: 0.05,
  parity: 0.99,
  minPatients: 50,
  shapeDays: 30,
  latencyFactor: 1.2,
  latencySlackMs: 50,
  errorRate: 0.01,
  minCalls: 100,
  staleMinutes: 60,
  outboxAgeSeconds: 300,
  driftHours: 24,
  retireDays: 30,
};

export const ROUTE: Route = {
  endpoint: 'Observation.search',
  stage: 'shadow',
  legacy: 'core',
  modern: 'labs',
  body: 'validated',
  owners: { technical: 'labs team', clinical: 'chief of pathology' },
  since: '2026-03-01T08:00:00.000Z',
  run: 2,
  version: 2,
  updatedAt: '2026-03-01T08:00:00.000Z',
  updatedBy: 'ana',
  reason: 'into the shadow',
};

export const call = (more: Partial<CallSeen> = {}): CallSeen => ({
  endpoint: 'Observation.search',
  run: 2,
  side: 'legacy',
  path: 'client',
  ms: 40,
  ok: true,
  shape: 'code,patient',
  at: START,
  ...more,
});

export const difference = (more: Partial<Difference> = {}): Difference => ({
  path: 'Observation.valueQuantity.unit',
  kind: 'changed',
  severity: 'critical',
  signature: 'changed Observation.valueQuantity.unit',
  ...more,
});

export const comparison = (more: Partial<Comparison> = {}): Comparison => ({
  endpoint: 'Observation.search',
  run: 2,
  shape: 'code,patient',
  patient: 'p-0001',
  request: 'r-0001',
  source: 'live',
  verdict: 'match',
  differences: [],
  at: START,
  ...more,
});

export const different = (...differences: readonly Difference[]): Partial<Comparison> => ({
  verdict: 'different',
  differences,
});

export interface Seen {
  readonly tally: Tally;
  readonly traffic: Traffic;
}

/**
 * An endpoint whose calls were answered by legacy, asked of modern too, and compared: `count` of them, evenly over `over` milliseconds.
 */
export function observed(count: number, over: number, more: Partial<Comparison> = {}): Seen {
  const tally = createTally('Observation.search', 2);
  const traffic = createTraffic('Observation.search');
  for (let index = 0; index < count; index += 1) {
    const at = START + Math.round((over * index) / count);
    const seen = call({ at, ms: 40 + (index % 10) });
    addCall(tally, seen);
    addTraffic(traffic, seen);
    addCall(tally, call({ at, side: 'modern', path: 'shadow', ms: 20 + (index % 10) }));
    addComparison(tally, comparison({ at, patient: `p-${index % 200}`, request: `r-${index}`, ...more }));
  }
  return { tally, traffic };
}
