import type { Metrics } from '../metrics.ts';
import type { Backend, Clock, IdempotencyStore, Layer, Logger } from '../ports.ts';
import { createBreaker } from '../resilience/breaker.ts';
import { createBulkhead } from '../resilience/bulkhead.ts';
import { conditional } from '../resilience/conditional.ts';
import { cannotBeAsked } from '../resilience/doubtful.ts';
import { deadline } from '../resilience/deadline.ts';
import { wasUnasked } from '../resilience/interaction.ts';
import { retry } from '../resilience/retry.ts';
import { singleFlight } from '../resilience/single-flight.ts';
import { versioned } from '../resilience/versioned.ts';

/** What every backend's configuration says of its resilience; times in milliseconds. */
export interface ResilienceConfig {
  readonly deadlineMs: number;
  readonly concurrency: number;
  readonly queue: number;
  readonly retries: number;
  readonly breaker: {
    readonly errorPercent: number;
    readonly volume: number;
    readonly windowMs: number;
    readonly resetMs: number;
  };
}

export interface SideOptions {
  readonly name: string;
  readonly resilience: ResilienceConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** One backend with its Layers around it. */
export interface Side {
  readonly backend: Backend;
  /** The same without queue, breaker, retry and deadline: for the experiment, whose failures are its own. */
  readonly bare: Backend;
  /** Whether its breaker lets requests through. */
  readonly healthy: () => boolean;
  readonly shutdown: () => void;
}

/** Counts what Ficus refused without asking the backend: a full queue, an open breaker, a deadline that had passed. */
function countShed(name: string, metrics: Metrics): Layer {
  return (next) => ({
    async handle(request, context) {
      try {
        return await next.handle(request, context);
      } catch (error) {
        if (wasUnasked(error)) metrics.count('shed', name);
        throw error;
      }
    },
  });
}

/** Wraps from the inside out: the last Layer sees a request first. */
function wrap(inner: Backend, layers: readonly Layer[]): Backend {
  return layers.reduce((next, layer) => layer(next), inner);
}

function protection({ name, resilience, clock, log, metrics }: SideOptions) {
  const bulkhead = createBulkhead({ limit: resilience.concurrency, queue: resilience.queue });
  const breaker = createBreaker({ name, ...resilience.breaker, clock, log });
  metrics.gauge('in_flight', name, () => bulkhead.inFlight);
  metrics.gauge('queued', name, () => bulkhead.queued);
  metrics.gauge('breaker_open', name, () => (breaker.state === 'open' ? 1 : 0));
  return {
    layers: [
      deadline({ ms: resilience.deadlineMs, clock }),
      bulkhead.layer,
      breaker.layer,
      retry({ attempts: resilience.retries, clock }),
      countShed(name, metrics),
    ],
    healthy: () => breaker.state !== 'open',
    shutdown: () => breaker.shutdown(),
  };
}

/**
 * A legacy adapter: sealed ids, versions and preconditions that the core does not know, and one flight for identical
 * reads.
 */
export function legacySide(
  source: Backend,
  identity: Layer,
  options: SideOptions & { readonly idempotency: IdempotencyStore },
): Side {
  const { layers, healthy, shutdown } = protection(options);
  const bare = wrap(source, [identity]);
  const backend = wrap(bare, [
    ...layers,
    versioned(),
    singleFlight({ onShared: () => options.metrics.count('single_flight', options.name) }),
    conditional({ store: options.idempotency, clock: options.clock }),
  ]);
  return { backend, bare, healthy, shutdown };
}

/** What the feed has told: ids and versions of its own, and nothing that is written. */
export function recordSide(record: Backend, options: SideOptions): Side {
  const { layers, healthy, shutdown } = protection(options);
  const backend = wrap(record, [
    ...layers,
    singleFlight({ onShared: () => options.metrics.count('single_flight', options.name) }),
  ]);
  return { backend, bare: record, healthy, shutdown };
}

/**
 * A modern service: it has ids, versions and preconditions of its own, its bytes pass untouched, and it cannot be asked
 * after a write.
 */
export function modernSide(service: Backend, options: SideOptions): Side {
  const { layers, healthy, shutdown } = protection(options);
  return { backend: wrap(service, [...layers, cannotBeAsked()]), bare: service, healthy, shutdown };
}
