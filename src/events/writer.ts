import { randomUUID } from 'node:crypto';
import { FicusError, toFicusError } from '../errors.ts';
import { patientOfResource } from '../fhir/patient.ts';
import type { Resource } from '../fhir/types.ts';
import type { TwoSidedWriter } from '../migration-ports.ts';
import type {
  Backend,
  Clock,
  FhirRequest,
  FhirResponse,
  IdempotencyStore,
  RequestContext,
  Route,
  Side,
  WriteAttempt,
} from '../ports.ts';
import { answerWith } from '../resilience/answer-with.ts';
import { conditional } from '../resilience/conditional.ts';
import { leftQueue, unasked, wasBeforeWrite } from '../resilience/interaction.ts';
import type { KeyedLock } from '../resilience/keyed-lock.ts';
import { endingOf, endingOfAnswer } from '../resilience/outcome.ts';
import { idOfWrite, referencesOf } from './content.ts';
import { createModernSide } from './modern-side.ts';
import type { Outbox } from './outbox-port.ts';
import { refuseUnknown } from './refuse-unknown.ts';
import { sendWrite } from './send-write.ts';
import { lockOf, otherSide } from './sides.ts';
import { contentOf, withContent } from './write-content.ts';

export interface WriterOptions {
  readonly outbox: Outbox;
  /** By name, with their Layers. */
  readonly backends: ReadonlyMap<string, Backend>;
  /** For conditional creates whose search does not find yet what the last one made. */
  readonly idempotency: IdempotencyStore;
  /** The legacy key behind a FHIR id; undefined: none is known. */
  readonly keyOf: (type: string, id: string) => Promise<string | undefined>;
  /** Shared with whoever else writes to a side: one writer for each side and resource. */
  readonly locks: KeyedLock;
  readonly clock: Clock;
  /** How long after an unknown outcome it is asked after first, in milliseconds (default 1 s). */
  readonly firstAskMs?: number;
  /** Largest body of a modern answer that is read, in bytes (default 8 MiB). */
  readonly maxBytes?: number;
}

type Concerned = Parameters<Outbox['pins']['behind']>[1];

/** A write that names the resource, on its way to one side. */
interface Turn {
  readonly route: Route;
  readonly side: Side;
  readonly attempt: WriteAttempt;
  /** Told when the side must not do it any more, since it is behind. */
  readonly onBehind: () => void;
}

/**
 * Writes of endpoints with two sides. The intention is on disk before anything is sent; exactly one side does the
 * write; the same commit that says that it was done owes it to the other side; then the client is answered. A crash
 * between any two of these leaves an entry that says what is to be asked.
 */
export function createTwoSidedWriter(options: WriterOptions): TwoSidedWriter {
  const { outbox, backends, locks, clock, firstAskMs = 1_000, maxBytes = 8 * 1024 * 1024 } = options;
  const preconditions = conditional({ store: options.idempotency, clock });

  function backendOf(route: Route, side: Side): { readonly name: string; readonly backend: Backend } {
    const name = route[side];
    const backend = name === undefined ? undefined : backends.get(name);
    if (name === undefined || !backend) {
      throw new FicusError('internal', `The ${side} backend of ${route.endpoint} is not there.`);
    }
    return { name, backend };
  }

  /** The side as a Backend: reads as they are, writes through the outbox. */
  function sideOf(turn: Turn): Backend {
    const { backend } = backendOf(turn.route, turn.side);
    const reader = turn.side === 'modern' ? createModernSide(backend, maxBytes).reader : backend;
    return {
      handle(request, context) {
        const { interaction } = request;
        if (interaction !== 'create' && interaction !== 'update') return reader.handle(request, context);
        return locked(request, turn, context);
      },
    };
  }

  async function locked(request: FhirRequest, turn: Turn, context: RequestContext): Promise<FhirResponse> {
    const { writeId } = turn.attempt;
    const id = request.interaction === 'update' ? request.id : undefined;
    const keys = [`write ${writeId}`, ...(id === undefined ? [] : [lockOf(turn.side, request.type, id)])];
    const releases: (() => void)[] = [];
    try {
      for (const key of keys)
        releases.unshift(await locks.acquire(key, context.signal, () => leftQueue(request)));
      return await perform(request, turn, context);
    } finally {
      for (const release of releases) release();
    }
  }

  async function perform(request: FhirRequest, turn: Turn, context: RequestContext): Promise<FhirResponse> {
    const { route, side } = turn;
    const { type, interaction } = request;
    const { writeId } = turn.attempt;
    const asked = request.attempt ?? turn.attempt;
    const resource = contentOf(request);
    const id = interaction === 'update' ? request.id : side === 'modern' ? idOfWrite(writeId) : undefined;
    const named: Resource = id === undefined ? resource : { ...resource, id };
    const patient = patientOfResource(named);
    const earlier = outbox.head(writeId);
    if (earlier?.accepted || (!earlier && asked.doubtful)) {
      const answer = await answered(request, turn, context);
      if (answer) return answer;
    }
    if (!earlier && !asked.doubtful && side === 'modern' && request.id !== undefined)
      await refuseUnknown(
        options,
        backendOf(route, side).backend,
        { type, id: request.id, maxBytes },
        context,
      );
    if (!earlier) {
      const what: Concerned = {
        type,
        ...(id === undefined ? {} : { id }),
        ...(patient === undefined ? {} : { patient }),
      };
      if (isBehind(side, what, named) && !isBehind(otherSide(side), what, named)) {
        turn.onBehind();
        throw unasked(
          'unavailable',
          `${route.endpoint} changed sides while the write came in; nothing was sent.`,
          1,
        );
      }
      // No await between the question and this call: it pins at once.
      const intending = outbox.intend({
        id: writeId,
        endpoint: route.endpoint,
        type,
        ...(id === undefined ? {} : { resourceId: id }),
        ...(patient === undefined ? {} : { patient }),
        from: side,
        toward: otherSide(side),
        backend: backendOf(route, side).name,
        lossy: request.lossy === true,
        resource: named,
      });
      await intending.catch(() => {
        throw unasked('unavailable', 'The write cannot be recorded, so it was not sent.', 5);
      });
    }
    // An entry without a known outcome says that something may have been sent before, whatever the caller knows.
    const doubtful = asked.doubtful ?? (earlier ? ('ask-then-send' as const) : undefined);
    const attempt: WriteAttempt = { ...asked, ...(doubtful ? { doubtful } : {}) };
    return see({ ...request, resource: named, attempt }, turn, context);
  }

  /** Whether a side has not seen writes of this type that come before this one, or what this one refers to. */
  function isBehind(side: Side, what: Concerned, resource: Resource): boolean {
    const { pins } = outbox;
    if (pins.behind(side, { type: what.type }) && pins.behind(side, what)) return true;
    return referencesOf(resource).some((reference) => {
      const [type = '', id = ''] = reference.split('/');
      return pins.behind(side, { type, id });
    });
  }

  /** Sees a write through that is written down: only its deadline ends it, not its client. */
  async function see(request: FhirRequest, turn: Turn, context: RequestContext): Promise<FhirResponse> {
    const { writeId, doubtful } = request.attempt!;
    const detached = new AbortController();
    const cancel = clock.after(Math.max(0, context.deadline - clock.now()), () => detached.abort());
    try {
      const { response, held } = await sendWrite(
        request,
        { side: turn.side, backend: backendOf(turn.route, turn.side).backend, maxBytes },
        { ...context, signal: detached.signal },
      );
      const ending = endingOfAnswer(response);
      if (held) await recorded(writeId, context, () => outbox.accept(writeId, held));
      else
        await unaccepted(
          writeId,
          ending === 'unknown' || (ending === 'not-done' && doubtful !== undefined),
          context,
        );
      return response;
    } catch (error) {
      const ending = endingOf(error);
      const saysNothing = ending === 'not-done' || (error instanceof FicusError && wasBeforeWrite(error));
      await unaccepted(
        writeId,
        ending === 'unknown' || (doubtful !== undefined && saysNothing),
        context,
        error,
      );
      throw error;
    } finally {
      cancel();
    }
  }

  async function unaccepted(
    id: string,
    unknown: boolean,
    context: RequestContext,
    error?: unknown,
  ): Promise<void> {
    if (!unknown) return recorded(id, context, () => outbox.refuse(id));
    const words = error === undefined ? 'the service failed' : toFicusError(error).message;
    await outbox.doubt(id, clock.now() + firstAskMs, words);
  }

  /** The outcome stands whether or not it could be written down: what is left on disk is asked after. */
  async function recorded(id: string, context: RequestContext, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      context.log.error('the outcome of a write was not recorded', { error });
      await outbox.doubt(id, clock.now() + firstAskMs, 'its outcome could not be recorded');
    }
  }

  /** The answer to a write that is known to be done; undefined: nothing is known of it. */
  async function answered(
    request: FhirRequest,
    { route, side, attempt }: Turn,
    context: RequestContext,
  ): Promise<FhirResponse | undefined> {
    const status = request.interaction === 'create' ? 201 : 200;
    const { name, backend } = backendOf(route, side);
    const servedBy = `${side}:${name}`;
    const entry = outbox.head(attempt.writeId) && (await outbox.find(attempt.writeId));
    if (entry?.accepted) return answerWith(entry.resource, status, servedBy);
    const ended = await outbox.ended(attempt.writeId);
    if (!ended) return undefined;
    if (ended.resourceId === undefined) return { status, headers: {}, body: { kind: 'none' }, servedBy };
    const reader = side === 'modern' ? createModernSide(backend, maxBytes).reader : backend;
    const { type } = request;
    const { body } = await reader.handle(
      { interaction: 'read', type, id: ended.resourceId, handling: 'lenient' },
      context,
    );
    if (body.kind === 'resource' && body.resource.resourceType === type)
      return answerWith(body.resource, status, servedBy);
    return { status, headers: { location: `${type}/${ended.resourceId}` }, body: { kind: 'none' }, servedBy };
  }

  async function on(
    side: Side,
    request: FhirRequest,
    context: RequestContext,
    route: Route,
    onBehind: () => void,
  ): Promise<FhirResponse> {
    const { name } = backendOf(route, side);
    backendOf(route, otherSide(side));
    const attempt: WriteAttempt = {
      backend: name,
      ...request.attempt,
      writeId: request.attempt?.writeId ?? randomUUID(),
    };
    const turn: Turn = { route, side, attempt, onBehind };
    const backend = sideOf(turn);
    // A modern service checks If-Match itself, at the moment of the write.
    const own = side === 'modern' && request.interaction === 'update' && request.id !== undefined;
    return (own ? backend : preconditions(backend)).handle({ ...request, attempt }, context);
  }

  return {
    async write(request, context, route, side) {
      const decoded = await withContent(request, maxBytes);
      let behind = false;
      try {
        return await on(side, decoded, context, route, () => (behind = true));
      } catch (error) {
        // What one side may have done is not done by the other; nothing was, when it is behind.
        if (!behind || request.attempt?.backend !== undefined) throw error;
        return on(otherSide(side), decoded, context, route, () => {});
      }
    },
  };
}
