import { FicusError, toFicusError } from '../errors.ts';
import { endpointNamed } from '../fhir/endpoint.ts';
import type { Endpoint } from '../fhir/types.ts';
import type { EvidenceSink, Experiment, TwoSidedWriter } from '../migration-ports.ts';
import type { Backend, Clock, FhirRequest, FhirResponse, Principal, RequestContext, Route, Side } from '../ports.ts'; // prettier-ignore
import { writtenAlone } from './alone.ts';
import { askCounted, hasLeft, isTechnical } from './calls.ts';
import type { Call } from './calls.ts';
import { chooseSide, isBehind, sideOfAttempt } from './choice.ts';
import type { Choosing } from './choice.ts';
import { aloneInWords, incompleteSet, owedInWords } from './incomplete.ts';
import { cannotSay, discard, ended, isAbsent, unanswered } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { shapeOf } from './shape.ts';
import { backendOf, isTwoSided, sideOf } from './stage.ts';
import type { RouteTable } from './table.ts';

/** What endpoints on their way from legacy to modern need of the router. */
export interface RouterMigration extends Choosing {
  readonly clock: Clock;
  /** Where every call is counted. */
  readonly evidence?: EvidenceSink;
  /** See Counting. */
  readonly wasUnasked?: (error: unknown) => boolean;
  /** Told of each read and search of an endpoint with two sides, after its answer has gone. */
  readonly experiment?: Experiment;
  /** Does the writes of endpoints with two sides. Absent: they are done by one side, and nobody is told. */
  readonly writer?: TwoSidedWriter;
  /**
   * Share of the time left that is kept for legacy while modern is asked, where legacy can answer in its place; default
   * 0.4.
   */
  readonly fallbackReserve?: number;
  /** Whether modern was ever asked for a write of this endpoint, however that ended; absent: it was. */
  readonly mayHaveWritten?: (endpoint: Endpoint) => boolean;
  /** Called when legacy is asked because modern failed. */
  readonly onFallback?: (endpoint: Endpoint) => void;
}

const DEFAULT_RESERVE = 0.4;

/**
 * The endpoint that a request is for. A vread and a history go the way of the read: it is the same record, asked for
 * more exactly.
 */
export function endpointOf({ type, interaction }: Pick<FhirRequest, 'type' | 'interaction'>): Endpoint {
  const isRead = interaction === 'vread' || interaction === 'history';
  return endpointNamed(type, isRead ? 'read' : interaction);
}

/**
 * Whether the body of a write may be handed on unread: its endpoint is on the modern side, has no legacy side that is
 * to be told of it, and its route says so.
 */
export function isStreamed(route: Route | undefined): boolean {
  return route?.body === 'streamed' && sideOf(route.stage) === 'modern' && !isTwoSided(route);
}

/**
 * Name of the backend that a request goes to now.
 *
 * @param principal who asks, and `choosing`: by what the router chooses; without them the stage decides alone
 */
export function backendNameOf(
  table: Pick<RouteTable, 'get'>,
  request: FhirRequest,
  principal?: Principal,
  choosing?: Choosing,
): string | undefined {
  const route = table.get(endpointOf(request));
  if (!route) return undefined;
  return principal ? route[chooseSide(route, request, principal, choosing)] : backendOf(route, route.stage);
}

/**
 * The Backend that stands for all: each request goes to the one side that its endpoint's route names for it at that
 * moment. A read that modern fails to answer is answered by legacy, as long as legacy has seen every write that
 * concerns it; one of what legacy does not know, of a type that modern writes alone, is answered by modern. A write
 * never changes sides.
 *
 * @param options.backends by name, with their Layers around them
 * @param options.migration absent: the stage alone decides, and nothing is counted
 */
export function createRouter(options: {
  readonly table: Pick<RouteTable, 'get'>;
  readonly backends: ReadonlyMap<string, Backend>;
  readonly migration?: RouterMigration;
}): Backend {
  const { table, backends, migration } = options;

  function backendFor(route: Route, side: Side): Backend {
    const name = route[side];
    const backend = name === undefined ? undefined : backends.get(name);
    if (!backend) throw new FicusError('internal', `The backend of ${route.endpoint} is not there.`);
    return backend;
  }

  return {
    async handle(request, context) {
      const endpoint = endpointOf(request);
      const route = table.get(endpoint);
      if (!route) throw new FicusError('not-implemented', `${endpoint} is not routed to any backend.`);
      const side =
        (migration?.writer && sideOfAttempt(route, request)) ??
        chooseSide(route, request, context.principal, migration);
      const backend = backendFor(route, side);
      refuseMoved(route, side, request);
      if (!migration) return backend.handle(request, context);
      const call: Call = { route, side, request, shape: shapeOf(request) };
      const { interaction } = request;
      if (interaction === 'create' || interaction === 'update')
        return write(call, context, backend, migration);
      // Mostly nothing else is to be done.
      if (!isTwoSided(route) && !isLate(call, migration) && unseenBy(side, request, migration).length === 0)
        return await askCounted(backend, call, context, migration);
      return await read(call, context, migration);
    },
  };

  function write(
    call: Call,
    context: RequestContext,
    backend: Backend,
    parts: RouterMigration,
  ): Promise<FhirResponse> {
    const { route, side } = call;
    const { writer } = parts;
    // After a roll back to legacy, a patient whose writes do not arrive there stays with modern.
    if (!writer || !(isTwoSided(route) || side !== sideOf(route.stage)))
      return askCounted(backend, call, context, parts);
    const both: Backend = { handle: (request, whose) => writer.write(request, whose, route, side) };
    return askCounted(both, call, context, parts);
  }

  async function read(call: Call, context: RequestContext, parts: RouterMigration): Promise<FhirResponse> {
    const { request } = call;
    const { pins } = parts;
    const late = isLate(call, parts);
    const answered = await answer(call, context, parts);
    const { side, outcome, inPlace } = answered;
    // That legacy does not know what it was never told of is no difference.
    if (!(side === 'modern' && inPlace)) tell(call, context, answered, parts);
    if ('error' in outcome) throw outcome.error;
    const unseen = unseenBy(side, request, parts, inPlace);
    return incompleteSet(outcome.response, [
      ...(late && pins ? [owedInWords(request.type, side, pins)] : []),
      ...(unseen.length > 0 ? [aloneInWords(unseen)] : []),
    ]);
  }

  /**
   * By which endpoints a type was written that the side of an answer is not told of.
   *
   * @param certain it is known to be the side that cannot say: nobody asks whether there were such writes
   */
  function unseenBy(
    side: Side,
    { type }: FhirRequest,
    { mayHaveWritten }: RouterMigration,
    certain = false,
  ): readonly Endpoint[] {
    if (side === 'modern') return [];
    const alone = writtenAlone(type, table);
    return certain || !mayHaveWritten ? alone : alone.filter(mayHaveWritten);
  }

  async function answer(call: Call, context: RequestContext, parts: RouterMigration): Promise<Outcome> {
    if (mayFallBack(call, parts)) return orByLegacy(call, context, parts);
    const first = await attempt(call, context, parts);
    const { route, side, request } = call;
    // Of a resource that modern alone has written legacy cannot say that it is not there.
    const isKnown = request.interaction === 'search' || !isAbsent(ended(first));
    if (isKnown || route.modern === undefined || unseenBy(side, request, parts).length === 0) return first;
    const second = await attempt({ ...call, side: 'modern' }, context, parts);
    if (isAbsent(ended(second))) {
      discard(second);
      return first;
    }
    discard(first);
    return { ...second, inPlace: true };
  }

  async function orByLegacy(call: Call, context: RequestContext, parts: RouterMigration): Promise<Outcome> {
    const { route, request } = call;
    const { clock, fallbackReserve = DEFAULT_RESERVE } = parts;
    const left = Math.max(0, context.deadline - clock.now());
    const deadline = context.deadline - left * fallbackReserve;
    const first = await attempt(call, { ...context, deadline }, parts);
    if (!isTechnical(ended(first)) || hasLeft(context, clock) || isBehind(parts.pins, 'legacy', request))
      return first;
    discard(first);
    parts.onFallback?.(route.endpoint);
    context.log.debug('modern failed, legacy is asked', { endpoint: route.endpoint });
    const second = await attempt({ ...call, side: 'legacy', fellBack: true }, context, parts);
    if (cannotSay(ended(second))) {
      discard(second);
      return unanswered(first, route);
    }
    if ('error' in second.outcome) return second;
    const { response } = second.outcome;
    const servedBy = `${response.servedBy}; fallback`;
    return { side: 'legacy', outcome: { response: { ...response, servedBy } }, inPlace: true };
  }

  async function attempt(call: Call, context: RequestContext, parts: RouterMigration): Promise<Outcome> {
    const { route, side } = call;
    try {
      return {
        side,
        outcome: { response: await askCounted(backendFor(route, side), call, context, parts) },
      };
    } catch (error) {
      return { side, outcome: { error: toFicusError(error) } };
    }
  }
}

/**
 * Whether the side that answers has not seen writes that concern the request; then the other one has missed some, too.
 */
function isLate({ route, side, request }: Call, { pins }: RouterMigration): boolean {
  const oneSided = route.legacy === undefined || route.modern === undefined || route.stage === 'retired';
  return !oneSided && isBehind(pins, side, request);
}

/**
 * Legacy answers in modern's place in canary and modern, where it can: not a page of modern's, not what it has not
 * seen.
 */
function mayFallBack({ route, side, request }: Call, { pins }: RouterMigration): boolean {
  return (
    side === 'modern' &&
    isTwoSided(route) &&
    request.query?.page === undefined &&
    !isBehind(pins, 'legacy', request)
  );
}

/**
 * Tells the experiment of a read or a search of an endpoint with two sides. Versions are each side's own: a vread or a
 * history is not compared.
 */
function tell(
  { route, request, shape }: Call,
  context: RequestContext,
  { side, outcome }: Outcome,
  { clock, experiment }: RouterMigration,
): void {
  if (!experiment || !isTwoSided(route)) return;
  if (request.interaction === 'vread' || request.interaction === 'history') return;
  if (hasLeft(context, clock)) return;
  const { principal, requestId } = context;
  const work = () => experiment.answered({ route, request, principal, requestId, side, outcome, shape });
  if (context.afterwards) context.afterwards(work);
  else work();
}

/** What one side may have done is not done by the other. @throws FicusError `unavailable`, `outcome-unknown` */
function refuseMoved(route: Route, side: Side, { attempt, body, resource }: FhirRequest): void {
  const { endpoint } = route;
  if (attempt?.backend !== undefined && attempt.backend !== route[side]) {
    if (attempt.doubtful) {
      const words = `${endpoint} has moved since an earlier attempt of this write, whose outcome is not known; it was not sent again. Ask whether it took effect.`;
      throw new FicusError('outcome-unknown', words);
    }
    throw changedSides(endpoint);
  }
  // The stage may change between the choice to stream the body and this line.
  if (body !== undefined && !resource && !isStreamed(route)) throw changedSides(endpoint);
}

function changedSides(endpoint: Endpoint): FicusError {
  const words = `${endpoint} changed sides while the request came in; nothing was sent.`;
  return new FicusError('unavailable', words, { retryAfter: 1 });
}
