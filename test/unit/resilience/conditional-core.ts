import { FicusError } from '../../../src/errors.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import type { Backend, FhirRequest, FhirResponse, RequestContext } from '../../../src/ports.ts';
import { conditional } from '../../../src/resilience/conditional.ts';
import { idempotency } from '../../../src/resilience/idempotency.ts';
import { singleFlight } from '../../../src/resilience/single-flight.ts';
import { versioned } from '../../../src/resilience/versioned.ts';
import { createMemoryIdempotencyStore } from '../../../src/store/memory.ts';
import {
  answer,
  byIdentifier,
  create,
  createContext,
  createFakeClock,
  found,
  patient,
  settled,
} from './support.ts';

interface Core extends Backend {
  readonly log: string[];
  readonly patients: Map<string, Resource>;
  /** Runs before each request; may throw or wait. */
  before: (request: FhirRequest, context: RequestContext) => Promise<void> | void;
  /** Whether a search finds what was created. */
  searchable: boolean;
}

/** A small core that keeps patients by id and finds them by an `identifier` text. */
function createCore(...patients: Resource[]): Core {
  const core: Core = {
    log: [],
    patients: new Map(patients.map((resource) => [resource.id ?? '', resource])),
    before: () => {},
    searchable: true,
    async handle(request, context) {
      core.log.push(request.interaction);
      await core.before(request, context);
      await settled();
      return handlers[request.interaction]?.(request) ?? unsupported();
    },
  };
  const unsupported = (): never => {
    throw new FicusError('not-implemented', 'this core cannot');
  };
  const handlers: Record<string, (request: FhirRequest) => FhirResponse> = {
    read: ({ id = '' }) => {
      const resource = core.patients.get(id);
      if (!resource) throw new FicusError('not-found', 'no such patient');
      return answer(resource);
    },
    search: ({ query: criteria }) => {
      const wanted = criteria?.filters[0]?.values[0]?.text;
      const matches = [...core.patients.values()].filter(
        (one) => core.searchable && one['identifier'] === wanted,
      );
      return found(...matches);
    },
    create: ({ resource }) => {
      const made: Resource = { ...resource, resourceType: 'Patient', id: `p${core.patients.size + 1}` };
      core.patients.set(made.id ?? '', made);
      return answer(made, 201, { location: `Patient/${made.id}` });
    },
    update: ({ id = '', resource }) => {
      const changed: Resource = { ...resource, resourceType: 'Patient', id };
      core.patients.set(id, changed);
      return answer(changed);
    },
  };
  return core;
}

export function setUp(...patients: Resource[]) {
  const clock = createFakeClock();
  const core = createCore(...patients);
  const store = createMemoryIdempotencyStore();
  const layered = idempotency({ store, clock })(
    conditional({ store, clock })(singleFlight()(versioned()(core))),
  );
  return {
    clock,
    core,
    layered,
    ask: (request: FhirRequest) => layered.handle(request, createContext(clock)),
  };
}

export const john = patient('p1', { identifier: '7', active: true });
export const johnsTwin = patient('p2', { identifier: '7', active: true });
export const ifNone = (more: Partial<FhirRequest> = {}) =>
  create({ resource: { resourceType: 'Patient', identifier: '7' }, ifNoneExist: byIdentifier('7'), ...more });

export function resourceOf(response: FhirResponse): Resource {
  if (response.body.kind !== 'resource') throw new Error(`a ${response.body.kind} body`);
  return response.body.resource;
}
