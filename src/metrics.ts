import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import { Timings } from './timings.ts';

/** What Ficus counts. Labels are names of endpoints, backends, outcomes: never a value from a request. */
export interface Metrics {
  /** One answered request; `route` is a template such as `Patient.read`. */
  request(route: string, status: number, servedBy: string, seconds: number): void;
  /** One exchange with a backend; `outcome` is `ok` or an error code. */
  exchange(backend: string, kind: string, outcome: string, seconds: number): void;
  /** Anything that is counted and not timed, e.g. `mllp_noise_bytes`. */
  count(name: CountedEvent, backend: string, by?: number): void;
  /** A value read whenever the metrics are. */
  gauge(name: GaugedState, backend: string, read: () => number): void;
  /** For rooms with metrics of their own. */
  readonly registry: Registry;
  /** Prometheus text exposition and its media type. */
  text(): Promise<{ readonly contentType: string; readonly body: string }>;
}

const EVENTS = {
  unmatched_reply: 'Replies whose MSA-2 belonged to no request in flight; dropped',
  shed: 'Requests refused because a queue was full or a breaker open',
  single_flight: 'Requests answered by the flight of another',
  idempotent_repeat: 'Writes answered with a stored outcome',
  fallback: 'Reads that legacy answered because this modern backend failed',
} as const;
const STATES = {
  breaker_open: '1 while the breaker is open',
  in_flight: 'Exchanges in flight',
  queued: 'Requests waiting for a slot',
  writes_owed: 'Writes that this side has not seen; the label is a side, not a backend',
  oldest_owed_seconds: 'Age of the oldest of them',
} as const;

export type CountedEvent = keyof typeof EVENTS;
export type GaugedState = keyof typeof STATES;

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** A registry of its own, so that several instances live in one process (tests, sandbox). */
export function createMetrics(options: { readonly process: boolean }): Metrics {
  const registry = new Registry();
  if (options.process) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const requests = new Timings({
    name: 'ficus_request_seconds',
    help: 'FHIR requests by endpoint, status and what answered',
    labelNames: ['route', 'status', 'served_by'],
    buckets: SECONDS,
  });
  const exchanges = new Timings({
    name: 'ficus_exchange_seconds',
    help: 'Exchanges with backends by kind and outcome',
    labelNames: ['backend', 'kind', 'outcome'],
    buckets: SECONDS,
  });
  for (const timings of [requests, exchanges]) registry.registerMetric(timings.asMetric());
  const counters = new Map<CountedEvent, Counter<'backend'>>();
  for (const [name, help] of Object.entries(EVENTS)) {
    const counter = new Counter({ name: `ficus_${name}_total`, help, labelNames: ['backend'], registers });
    counters.set(name as CountedEvent, counter);
  }
  const readers = new Map<GaugedState, Map<string, () => number>>();
  for (const [name, help] of Object.entries(STATES)) {
    const byBackend = new Map<string, () => number>();
    readers.set(name as GaugedState, byBackend);
    void new Gauge({
      name: `ficus_${name}`,
      help,
      labelNames: ['backend'],
      registers,
      collect() {
        for (const [backend, read] of byBackend) this.set({ backend }, read());
      },
    });
  }
  return {
    registry,
    request: (route, status, servedBy, seconds) => requests.observe(route, String(status), servedBy, seconds),
    exchange: (backend, kind, outcome, seconds) => exchanges.observe(backend, kind, outcome, seconds),
    count: (name, backend, by = 1) => counters.get(name)?.inc({ backend }, by),
    gauge: (name, backend, read) => {
      readers.get(name)?.set(backend, read);
    },
    text: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}
