import { FicusError } from '../errors.ts';
import type { Endpoint } from '../fhir/types.ts';
import type { Backend, FhirRequest, Route } from '../ports.ts';
import { backendOf } from './stage.ts';
import type { RouteTable } from './table.ts';

/** The endpoint that a request is for. A vread goes the way of the read: it is the same record, asked for more exactly. */
function endpointOf({ type, interaction }: Pick<FhirRequest, 'type' | 'interaction'>): Endpoint {
  return `${type}.${interaction === 'vread' ? 'read' : interaction}`;
}

/** Whether the body of a write may be handed on unread: its endpoint is on the modern side, and its route says so. */
export function isStreamed(route: Route | undefined): boolean {
  return route?.stage === 'modern' && route.body === 'streamed';
}

/** Name of the backend that a request goes to now. */
export function backendNameOf(table: Pick<RouteTable, 'get'>, request: FhirRequest): string | undefined {
  const route = table.get(endpointOf(request));
  return route && backendOf(route, route.stage);
}

/**
 * The Backend that stands for all: each request goes to the one that its endpoint's route names at that moment.
 *
 * @param options.backends by name, with their Layers around them
 */
export function createRouter(options: {
  readonly table: Pick<RouteTable, 'get'>;
  readonly backends: ReadonlyMap<string, Backend>;
}): Backend {
  const { table, backends } = options;
  return {
    async handle(request, context) {
      const endpoint = endpointOf(request);
      const route = table.get(endpoint);
      if (!route) throw new FicusError('not-implemented', `${endpoint} is not routed to any backend.`);
      const name = backendOf(route, route.stage);
      const backend = name === undefined ? undefined : backends.get(name);
      if (!backend) throw new FicusError('internal', `The backend of ${endpoint} is not there.`);
      const { attempt } = request;
      // What one side may have done is not done by the other.
      if (attempt?.backend !== undefined && attempt.backend !== name) {
        if (attempt.doubtful) throw movedInDoubt(endpoint);
        throw changedSides(endpoint);
      }
      // The stage may change between the choice to stream the body and this line.
      if (request.body !== undefined && !request.resource && !isStreamed(route)) {
        throw changedSides(endpoint);
      }
      return backend.handle(request, context);
    },
  };
}

function movedInDoubt(endpoint: Endpoint): FicusError {
  const words = `${endpoint} has moved since an earlier attempt of this write, whose outcome is not known; it was not sent again. Ask whether it took effect.`;
  return new FicusError('outcome-unknown', words);
}

function changedSides(endpoint: Endpoint): FicusError {
  const words = `${endpoint} changed sides while the request came in; nothing was sent.`;
  return new FicusError('unavailable', words, { retryAfter: 1 });
}
