import type { Signal } from '../cancellation.ts';
import { FicusError, toFicusError } from '../errors.ts';
import type { EvidenceSink } from '../migration-ports.ts';
import type {
  Backend,
  Clock,
  FhirBody,
  FhirRequest,
  FhirResponse,
  RequestContext,
  Route,
  Side,
} from '../ports.ts';

/** One call of one side, for a client. */
export interface Call {
  readonly route: Route;
  readonly side: Side;
  readonly request: FhirRequest;
  readonly shape: string;
  /** Legacy is asked because modern failed. */
  readonly fellBack?: boolean;
}

export interface Counting {
  readonly clock: Clock;
  readonly evidence?: EvidenceSink;
  /**
   * Whether a call failed without its side having been asked (an open breaker, a full queue): that says nothing of the
   * side.
   */
  readonly wasUnasked?: (error: unknown) => boolean;
}

/** Timers may fire a little before the time they stand for. */
const TIMER_SLACK_MS = 20;

/**
 * Asks a backend, and counts how that went: a client that did not wait, and a side that was not asked, say nothing. A
 * body that is streamed is part of a success: a side that breaks it off has failed.
 */
export async function askCounted(
  backend: Backend,
  call: Call,
  context: RequestContext,
  { clock, evidence, wasUnasked }: Counting,
): Promise<FhirResponse> {
  if (!evidence) return backend.handle(call.request, context);
  const startedAt = clock.now();
  const { interaction } = call.request;
  // It may be done long before anybody hears of it, or though nobody does.
  if (interaction === 'create' || interaction === 'update')
    evidence.writing(call.route.endpoint, call.side, startedAt);
  try {
    const response = await backend.handle(call.request, context);
    const at = clock.now();
    const tell = (ok: boolean): void => count(call, startedAt, at, ok, evidence);
    const { body } = response;
    if (body.kind === 'pipe' && response.status < 300)
      return { ...response, body: followed(body, tell, context.signal) };
    tell(!isTechnical(response));
    return response;
  } catch (error) {
    if (!hasLeft(context, clock) && !wasUnasked?.(error))
      count(call, startedAt, clock.now(), !isTechnical(toFicusError(error)), evidence);
    throw error;
  }
}

type Piped = Extract<FhirBody, { readonly kind: 'pipe' }>;

/** The same body, with the end that it comes to told: a reader who went away says nothing against it. */
function followed(body: Piped, tell: (ok: boolean) => void, signal: Signal): Piped {
  return {
    kind: 'pipe',
    pipe: (sink) => {
      let givenUp = signal.aborted;
      // A sink that its source has broken fails with an error; whose reader left is closed without one, and whoever
      // notices aborts.
      const onAbort = (): void => void (givenUp = sink.errored === null);
      signal.addEventListener('abort', onAbort, { once: true });
      return body
        .pipe(sink)
        .then(
          () => tell(true),
          (error: unknown) => {
            tell(givenUp || !(error instanceof FicusError));
            throw error;
          },
        )
        .finally(() => signal.removeEventListener('abort', onAbort));
    },
    discard: () => {
      tell(true);
      body.discard();
    },
    whole: () => {
      const bytes = body.whole?.();
      if (bytes) tell(true);
      return bytes;
    },
  };
}

function count(
  { route: { endpoint, run }, side, shape, fellBack = false }: Call,
  startedAt: number,
  at: number,
  ok: boolean,
  evidence: EvidenceSink,
): void {
  evidence.call({ endpoint, run, side, path: 'client', ms: at - startedAt, ok, fellBack, shape, at });
}

const TOO_MANY_REQUESTS = 429;

/** No answer, a fault, a deadline, no time for us (429, 503): anything but an answer, good or bad. */
export function isTechnicalStatus(status: number): boolean {
  return status >= 500 || status === TOO_MANY_REQUESTS;
}

/** Whether a side has failed: see `isTechnicalStatus`. */
export function isTechnical(ended: FhirResponse | FicusError): boolean {
  return isTechnicalStatus(ended.status);
}

/** Whether the client went away, rather than that time is up. */
export function hasLeft({ signal, deadline }: RequestContext, clock: Clock): boolean {
  return signal.aborted && clock.now() + TIMER_SLACK_MS < deadline;
}
