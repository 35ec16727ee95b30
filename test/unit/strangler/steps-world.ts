import type { FicusError } from '../../../src/errors.ts';
import type { Endpoint } from '../../../src/fhir/types.ts';
import type { Route, Stage } from '../../../src/ports.ts';
import { createMemoryRouteStore } from '../../../src/store/memory.ts';
import type { GateReport, Position } from '../../../src/strangler/gates/gate.ts';
import { createSteps } from '../../../src/strangler/steps.ts';
import type { Steps, StepsOptions } from '../../../src/strangler/steps.ts';
import { createRouteTable } from '../../../src/strangler/table.ts';
import type { RouteTable } from '../../../src/strangler/table.ts';
import { createFakeClock, createTestLogger } from '../resilience/support.ts';
import type { FakeClock } from '../resilience/support.ts';
import { createPins } from './support.ts';
import type { Missing } from './support.ts';

export const SEARCH = 'Appointment.search';
export const CREATE = 'Appointment.create';
const endpoints: Endpoint[] = [SEARCH, 'Appointment.read', CREATE, 'Appointment.update'];
export const ana = { by: 'ana', reason: 'pilot' };
export const ben = { by: 'ben', reason: 'agreed' };

const BACKENDS = [
  { name: 'core', kind: 'legacy', endpoints },
  { name: 'labs', kind: 'modern', endpoints },
] as const;

/** Appointments between two backends, all at legacy; `Appointment.read` has no modern side. */
export interface World {
  readonly clock: FakeClock;
  readonly table: RouteTable;
  readonly missing: Missing[];
  /** What the gates hold every step back with. */
  blocking: string[];
  /** Steps that the gates were asked about. */
  readonly judged: Position[];
  readonly kept: { endpoint: Endpoint; version: number; report: GateReport }[];
  readonly judge: StepsOptions['judge'];
  readonly stepsWith: (more?: Partial<StepsOptions>) => Steps;
  /** Brings a route to a stage, whatever the gates say. */
  readonly at: (stage: Stage, endpoint?: Endpoint) => Promise<Route>;
}

export async function createWorld(): Promise<World> {
  const clock = createFakeClock(Date.parse('2026-03-01T08:00:00Z'));
  const table = await createRouteTable({
    seeds: endpoints.map((endpoint) => ({
      endpoint,
      stage: 'legacy',
      legacy: 'core',
      ...(endpoint === 'Appointment.read' ? {} : { modern: 'labs' }),
      body: 'validated',
    })),
    store: createMemoryRouteStore(),
    backends: BACKENDS,
    clock,
    log: createTestLogger(),
  });
  const world: World = {
    clock,
    table,
    missing: [],
    blocking: [],
    judged: [],
    kept: [],
    async judge({ endpoint, run, stage }, to) {
      world.judged.push(to);
      const { blocking } = world;
      return {
        endpoint,
        run,
        from: { stage },
        to,
        at: 'now',
        open: blocking.length === 0,
        gates: [],
        blocking,
      };
    },
    stepsWith: (more = {}) =>
      createSteps({
        table,
        backends: BACKENDS,
        judge: (route, to) => world.judge(route, to),
        owed: (side, endpoint) => createPins(world.missing).owed(side, endpoint),
        percentages: [5, 25],
        mayForce: false,
        clock,
        keep: async (step) => void world.kept.push(step),
        ...more,
      }),
    at: (stage, endpoint = SEARCH) =>
      table.setStage(endpoint, stage, { by: 'test', cohort: { percent: 10 } }),
  };
  return world;
}

/** The code and the reasons that a step is refused with. */
export async function refusal(step: Promise<unknown>): Promise<[code: string, reasons: string[]]> {
  const error = (await step.then(
    () => {
      throw new TypeError('it was not refused');
    },
    (failure: unknown) => failure,
  )) as FicusError;
  return [error.code, error.issues.map(({ diagnostics = '' }) => diagnostics)];
}
