import { randomBytes } from 'node:crypto';
import type { Signal } from '../../cancellation.ts';
import { FicusError } from '../../errors.ts';
import { parseJson } from '../../fhir/json.ts';
import type { Resource } from '../../fhir/types.ts';
import type { EvidenceSink } from '../../migration-ports.ts';
import type {
  Backend,
  Clock,
  FhirRequest,
  FhirResponse,
  Logger,
  Principal,
  RequestContext,
  Route,
  Side,
} from '../../ports.ts';
import type { Permit } from './budget.ts';
import { pause } from './pause.ts';
import { readPipe } from './pipe-body.ts';
import { failed, isResource, isTechnical } from './settled.ts';
import type { Settled } from './settled.ts';
import { Uncomparable } from './uncomparable.ts';

export interface AskOptions {
  readonly evidence: EvidenceSink;
  readonly clock: Clock;
  readonly log: Logger;
  /** Longest that one request waits, in milliseconds. */
  readonly deadlineMs: number;
  /** Larger answers are broken off. */
  readonly maxBytes: number;
}

/** What is asked, of whom, and for whom it counts. */
export interface Question {
  readonly route: Route;
  readonly request: FhirRequest;
  readonly principal: Principal;
  /** Of the request that is asked again; the log tells both together. */
  readonly requestId: string;
  readonly shape: string;
}

/**
 * Asks one side a question, with an answer in any case. Throws Uncomparable (`too-large`) and the reason of `signal`
 * only.
 */
export type Ask = (
  side: Side,
  backend: Backend,
  question: Question,
  permit: Permit,
  signal: AbortSignal,
) => Promise<Settled>;

/** What a backend may take to notice that it has been given up, before its answer is not waited for. */
const GRACE_MS = 500;

/**
 * Asks for the experiment: with a deadline, a request id and a trace of its own, so that nothing of it touches the
 * request of a client. Every call is told to the evidence. The permit goes back when the backend has let go of the
 * request, a hung one included.
 */
export function createAsk(options: AskOptions): Ask {
  const { evidence, clock, log, deadlineMs, maxBytes } = options;

  return async (side, backend, question, permit, signal) => {
    const { route, shape } = question;
    const started = clock.now();
    let headMs: number | undefined;
    const tell = (ok: boolean) => {
      const ms = headMs ?? clock.now() - started;
      evidence.call({
        endpoint: route.endpoint,
        run: route.run,
        side,
        path: 'shadow',
        ms,
        ok,
        shape,
        at: clock.now(),
      });
    };
    const own = contextOf(question, signal, { clock, log, deadlineMs });
    try {
      const response = await handled(backend, question.request, own.context, permit, clock);
      headMs = clock.now() - started;
      const settled = await settle(response, maxBytes, own.context.signal, clock);
      tell(!isTechnical(settled));
      return settled;
    } catch (error) {
      if (signal.aborted) throw signal.reason as Error;
      if (error instanceof Uncomparable) {
        tell(true);
        throw error;
      }
      const settled = failed(error);
      tell(!isTechnical(settled));
      return settled;
    } finally {
      own.end();
    }
  };
}

/** The answer of a backend, its permit given back when nothing of the request is left with it. */
async function handled(
  backend: Backend,
  request: FhirRequest,
  context: RequestContext,
  permit: Permit,
  clock: Clock,
): Promise<FhirResponse> {
  const { promise: silent, reject } = Promise.withResolvers<never>();
  let over = false;
  let cancelGrace = () => {};
  const expire = () => {
    cancelGrace = clock.after(GRACE_MS, () => {
      over = true;
      reject(context.signal.reason);
    });
  };
  context.signal.addEventListener('abort', expire, { once: true });
  const answer = start(backend, request, context);
  answer.then(
    ({ body }) => {
      if (body.kind !== 'pipe') permit.release();
      else if (over) body.discard();
      if (over) permit.release();
    },
    () => permit.release(),
  );
  try {
    const response = await Promise.race([answer, silent]);
    return response.body.kind === 'pipe' ? releasedWhenRead(response, permit) : response;
  } finally {
    cancelGrace();
    context.signal.removeEventListener('abort', expire);
  }
}

/** A backend that throws before it promises anything has failed like any other. */
async function start(backend: Backend, request: FhirRequest, context: RequestContext): Promise<FhirResponse> {
  return backend.handle(request, context);
}

function releasedWhenRead(response: FhirResponse, permit: Permit): FhirResponse {
  const { body } = response;
  if (body.kind !== 'pipe') return response;
  return {
    ...response,
    body: {
      ...body,
      pipe: (sink) => body.pipe(sink).finally(() => permit.release()),
      discard: () => {
        body.discard();
        permit.release();
      },
      whole: () => {
        const bytes = body.whole?.();
        if (bytes) permit.release();
        return bytes;
      },
    },
  };
}

async function settle(
  response: FhirResponse,
  maxBytes: number,
  signal: Signal,
  clock: Clock,
): Promise<Settled> {
  const { status, body, headers } = response;
  const retryAfter = headers['retry-after'];
  const said = { status, ...(retryAfter === undefined ? {} : { retryAfter }) };
  if (body.kind !== 'pipe') return { ...said, body, piped: false };
  const bytes = await readPipe(body, { maxBytes, signal, clock });
  if (bytes.length === 0) return { ...said, body: { kind: 'none' }, piped: true };
  // Clients have their turn between the reading, the parsing and the comparing.
  await pause(0, clock);
  return { ...said, body: { kind: 'resource', resource: parseResource(bytes) }, piped: true };
}

function parseResource(bytes: Buffer): Resource {
  let cause: unknown;
  try {
    const value = parseJson(bytes);
    if (isResource(value)) return value;
  } catch (error) {
    cause = error;
  }
  throw new FicusError('legacy-malformed', 'A service answered with something that is no FHIR resource.', {
    cause,
  });
}

interface OwnContext {
  readonly context: RequestContext;
  /** Nothing is waited for any more. */
  readonly end: () => void;
}

function contextOf(
  { principal, requestId, route }: Question,
  parent: AbortSignal,
  { clock, log, deadlineMs }: Pick<AskOptions, 'clock' | 'log' | 'deadlineMs'>,
): OwnContext {
  const controller = new AbortController();
  const giveUp = () => controller.abort(parent.reason);
  parent.addEventListener('abort', giveUp, { once: true });
  if (parent.aborted) giveUp();
  const cancel = clock.after(deadlineMs, () =>
    controller.abort(new FicusError('timeout', 'The backend did not answer the experiment in time.')),
  );
  const id = `${requestId.slice(0, 48)}.${randomBytes(4).toString('hex')}`;
  return {
    context: {
      requestId: id,
      traceparent: `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-00`,
      principal,
      signal: controller.signal,
      deadline: clock.now() + deadlineMs,
      log: log.child({ requestId: id, endpoint: route.endpoint }),
      timing: () => {},
    },
    end: () => {
      cancel();
      parent.removeEventListener('abort', giveUp);
    },
  };
}
