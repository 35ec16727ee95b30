import type { Endpoint } from '../../../src/fhir/types.ts';
import type {
  Answered,
  CallSeen,
  EvidenceSink,
  Experiment,
  Owed,
  Pins,
} from '../../../src/migration-ports.ts';
import type { Backend, FhirRequest, FhirResponse, RequestContext, Route, Side } from '../../../src/ports.ts';

/** A write that a side has not seen. */
export interface Missing {
  readonly side: Side;
  readonly endpoint: Endpoint;
  readonly id?: string;
  readonly patient?: string;
  readonly dead?: boolean;
}

/** Pins by a list of what is owed, which a test may change at any time. @param arrival what those do who wait; default: nothing is waited for */
export function createPins(missing: Missing[], arrival: Pins['arrival'] = async () => {}): Pins {
  return {
    arrival,
    giveUp: () => {},
    behind: (side, { type, id, patient }) =>
      missing.some(
        (one) =>
          one.side === side &&
          one.endpoint.startsWith(`${type}.`) &&
          ((id === undefined && patient === undefined) ||
            (id !== undefined && one.id === id) ||
            (patient !== undefined && one.patient === patient)),
      ),
    owed(side, endpoint): Owed {
      const owed = missing.filter(
        (one) => one.side === side && (endpoint === undefined || one.endpoint === endpoint),
      );
      return { count: owed.length, dead: owed.filter((one) => one.dead).length, oldestMs: 0 };
    },
  };
}

export function createEvidence(): EvidenceSink & {
  readonly calls: CallSeen[];
  readonly writes: [Endpoint, Side][];
} {
  const calls: CallSeen[] = [];
  const writes: [Endpoint, Side][] = [];
  return {
    calls,
    writes,
    call: (seen) => void calls.push(seen),
    writing: (endpoint, side) => void writes.push([endpoint, side]),
    compared: () => {},
    skipped: () => {},
  };
}

export function createExperiment(): Experiment & { readonly told: Answered[] } {
  const told: Answered[] = [];
  return { told, answered: (one) => void told.push(one) };
}

export interface ScriptedBackend extends Backend {
  readonly asked: { readonly request: FhirRequest; readonly context: RequestContext }[];
  /** What it does from now on. */
  answers: (request: FhirRequest, context: RequestContext) => Promise<FhirResponse>;
}

/** A backend that answers as a test says at the moment. */
export function createScriptedBackend(answers: ScriptedBackend['answers']): ScriptedBackend {
  const backend: ScriptedBackend = {
    asked: [],
    answers,
    async handle(request, context) {
      backend.asked.push({ request, context });
      return backend.answers(request, context);
    },
  };
  return backend;
}

/** A route in a stage, between `core` and `labs`. */
export const route = (more: Partial<Route> = {}): Route => ({
  endpoint: 'Observation.search',
  stage: 'legacy',
  legacy: 'core',
  modern: 'labs',
  body: 'validated',
  since: '2026-03-01T08:00:00.000Z',
  run: 4,
  version: 7,
  updatedAt: '2026-03-02T08:00:00.000Z',
  updatedBy: 'ana',
  reason: '',
  ...more,
});
