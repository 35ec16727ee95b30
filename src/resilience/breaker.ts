import { EventEmitter } from 'node:events';
import CircuitBreaker from 'opossum';
import { FicusError } from '../errors.ts';
import type { Backend, Clock, FhirResponse, Layer, Logger, RequestContext } from '../ports.ts';
import { clientLeft, unasked, wasUnasked } from './interaction.ts';

export interface BreakerOptions {
  /** The backend's name, for the log. */
  readonly name: string;
  /** Share of technical failures that opens it, in percent. */
  readonly errorPercent: number;
  /** Calls in the window before it may open; at least 5. */
  readonly volume: number;
  readonly windowMs: number;
  /** Time open before one probe is let through. */
  readonly resetMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

type BreakerState = 'closed' | 'open' | 'half-open';

/** One for each backend, not for each route: routes share the system that fails. */
export interface Breaker {
  readonly layer: Layer;
  readonly state: BreakerState;
  /** Lets go of its timer. */
  shutdown(): void;
}

/** What a call says of the backend's health. */
type Verdict = 'healthy' | 'failing' | 'nothing';

const FAILURES: ReadonlySet<string> = new Set([
  'unavailable',
  'timeout',
  'outcome-unknown',
  'legacy-malformed',
]);
const GATEWAY_STATUS: ReadonlySet<number> = new Set([502, 503, 504]);
const BUCKETS = 10;

/**
 * Stops asking a backend that is refusing, silent or talking garbage, and probes it with one request at a time after a
 * while. An answer, even an unhappy one (a NAK, a Fault, a 4xx or 500), is a sign of life and never opens it: one
 * client's bad request must not close the backend to the others.
 *
 * opossum is the state machine only. Outcomes are reported to it after the call, so that what never reached the backend
 * (a full queue, a client that left) counts neither way, and none of its timeout, cache or fallback is used.
 */
export function createBreaker(options: BreakerOptions): Breaker {
  const { clock, log, name, resetMs } = options;
  const rotation = new EventEmitter();
  const circuit = new CircuitBreaker<[failed: boolean], void>(
    async (failed) => {
      if (failed) throw new Error('technical failure');
    },
    {
      name,
      timeout: false,
      resetTimeout: resetMs,
      errorThresholdPercentage: options.errorPercent,
      volumeThreshold: Math.max(5, options.volume),
      rollingCountTimeout: options.windowMs,
      rollingCountBuckets: BUCKETS,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      rotateBucketController: rotation,
    },
  );
  let probing = false;
  let openedAt = 0;
  circuit.on('open', () => {
    openedAt = clock.now();
    log.warn('breaker opened', { backend: name, state: 'open' });
  });
  circuit.on('halfOpen', () => log.info('breaker probes', { backend: name, state: 'half-open' }));
  circuit.on('close', () => log.info('breaker closed', { backend: name, state: 'closed' }));

  const rotate = createRotation(rotation, options.windowMs / BUCKETS, clock);

  /** Moves the state machine; by then the call itself is over. A promise only where its state may change. */
  function report(verdict: Verdict): Promise<void> | undefined {
    if (verdict === 'nothing') return undefined;
    rotate();
    if (verdict === 'failing' || !circuit.closed) return circuit.fire(verdict === 'failing').catch(() => {});
    // A success while closed is only counted: the events that `fire` counts by, without its promises.
    circuit.emit('fire');
    circuit.emit('success', undefined, 0);
    return undefined;
  }

  function refuse(): FicusError {
    const waitMs = circuit.opened ? Math.max(0, openedAt + resetMs - clock.now()) : 0;
    return unasked(
      'unavailable',
      'The backend is failing and is left alone for a while; nothing was sent.',
      Math.max(1, Math.ceil(waitMs / 1_000)),
    );
  }

  const layer: Layer = (next: Backend): Backend => ({
    async handle(request, context) {
      const probe = circuit.halfOpen;
      if (circuit.opened || (probe && probing)) throw refuse();
      if (probe) probing = true;
      try {
        const response = await next.handle(request, context);
        const moved = report(verdictOfAnswer(response));
        if (moved) await moved;
        return response;
      } catch (error) {
        await report(verdictOfError(error, context, clock));
        throw error;
      } finally {
        if (probe) probing = false;
      }
    },
  });

  return {
    layer,
    get state() {
      return circuit.opened ? 'open' : circuit.halfOpen ? 'half-open' : 'closed';
    },
    shutdown: () => circuit.shutdown(),
  };
}

/** opossum's window moves on when told; this tells it by the injected Clock, without a timer. */
function createRotation(rotation: EventEmitter, bucketMs: number, clock: Clock): () => void {
  let rotatedAt = clock.now();
  return () => {
    const steps = Math.floor((clock.now() - rotatedAt) / bucketMs);
    rotatedAt += steps * bucketMs;
    for (let step = 0; step < Math.min(steps, BUCKETS); step++) rotation.emit('rotate');
  };
}

function verdictOfAnswer(response: FhirResponse): Verdict {
  return GATEWAY_STATUS.has(response.status) ? 'failing' : 'healthy';
}

function verdictOfError(error: unknown, context: RequestContext, clock: Clock): Verdict {
  if (wasUnasked(error) || clientLeft(context, clock)) return 'nothing';
  // A fault of our own code says nothing of the backend.
  if (!(error instanceof FicusError) || error.code === 'internal') return 'nothing';
  return FAILURES.has(error.code) ? 'failing' : 'healthy';
}
