import { randomUUID } from 'node:crypto';
import { FicusError } from '../../errors.ts';
import type { Endpoint } from '../../fhir/types.ts';
import type { Comparison, Severity } from '../../migration-ports.ts';
import type { Clock, Logger, Principal, Route } from '../../ports.ts';
import { fhirRequestOf } from './asked-request.ts';
import type { AskedRequest, ParseQuery } from './asked-request.ts';
import type { Capture } from './capture.ts';
import type { RunningExperiment } from './experiment.ts';
import { pause } from './pause.ts';

export interface ReplayOrder {
  readonly endpoint: Endpoint;
  /** Who asks for it, and why. */
  readonly by: string;
  readonly reason?: string;
  /** Requests at most; default: all that are captured. */
  readonly limit?: number;
  /** Requests begun a second; default 5. The budgets of the experiment hold besides. */
  readonly perSecond?: number;
  /** Evidence counts anew from here on: to prove a fix by the same requests. */
  readonly fresh?: boolean;
}

/** How far a replay has come. */
export interface ReplayProgress {
  readonly id: string;
  readonly endpoint: Endpoint;
  readonly by: string;
  readonly state: 'running' | 'done' | 'aborted';
  /** Captured requests that are asked. */
  readonly total: number;
  /** Of these: done with. The sum of all below. */
  readonly asked: number;
  readonly matched: number;
  /** By the worst difference. */
  readonly different: Readonly<Record<Severity, number>>;
  readonly inFlight: number;
  readonly notComparable: number;
  /** Not asked, or not heard to the end: not promised any more, too large, given up. */
  readonly failed: number;
  readonly signatures: readonly {
    readonly signature: string;
    readonly severity: Severity;
    readonly count: number;
  }[];
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly endedAt?: number;
}

export interface Replay {
  readonly id: string;
  progress(): ReplayProgress;
  /** How it ended. Never rejects. */
  readonly done: Promise<ReplayProgress>;
  /** Asks no more; what is under way is given up. */
  abort(): void;
}

export interface ReplaysOptions {
  readonly capture: Pick<Capture, 'list'>;
  readonly experiment: Pick<RunningExperiment, 'compareBoth'>;
  readonly routeOf: (endpoint: Endpoint) => Route | undefined;
  /** Begins a new run of evidence. */
  readonly freshRun: (endpoint: Endpoint, by: string, reason?: string) => Promise<unknown>;
  readonly parse: ParseQuery;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Asks both sides again what clients once asked: to build evidence, or to prove a fix by the same requests. */
export interface Replays {
  /**
   * @throws FicusError `value-required` (by); `value-invalid` (limit, perSecond); `not-found`: no such endpoint;
   * `conflict`: one of this endpoint is running; `unprocessable`: it has not two sides, or nothing was captured.
   */
  start(order: ReplayOrder): Promise<Replay>;
  get(id: string): Replay | undefined;
  /** Newest first; those that have ended stay until the process ends (the last 20). */
  list(): readonly ReplayProgress[];
  /** Aborts all. */
  stop(): Promise<void>;
}

const DEFAULT_PER_SECOND = 5;
const MAX_PER_SECOND = 1_000;
/** Begun and not yet decided: a difference waits to be read again. */
const MAX_UNDER_WAY = 16;
const REMEMBERED = 20;
const PRINCIPAL: Principal = { key: 'ficus:replay', client: 'ficus-replay' };

export function createReplays(options: ReplaysOptions): Replays {
  const { capture, experiment, routeOf, freshRun, parse, clock, log } = options;
  const replays = new Map<string, Replay>();
  const starting = new Set<Endpoint>();

  async function compareOne(
    endpoint: Endpoint,
    captured: Captured,
    requestId: string,
    signal: AbortSignal,
  ): Promise<Comparison | undefined> {
    const route = routeOf(endpoint);
    if (!route) return undefined;
    try {
      const request = fhirRequestOf(captured.asked, parse);
      const question = { route, request, principal: PRINCIPAL, requestId, shape: captured.shape };
      return await experiment.compareBoth(question, signal);
    } catch (error) {
      log.warn('a captured request cannot be asked again', { endpoint, error });
      return undefined;
    }
  }

  function run(order: ReplayOrder, captured: readonly Captured[]): Replay {
    const id = randomUUID();
    const { endpoint, by, perSecond = DEFAULT_PER_SECOND } = order;
    const counting = createCounting({ id, endpoint, by, total: captured.length, startedAt: clock.now() });
    const controller = new AbortController();
    const { signal } = controller;

    async function askAll(): Promise<void> {
      const underWay = new Set<Promise<void>>();
      for (const [nth, one] of captured.entries()) {
        if (nth > 0) await pause(1_000 / perSecond, clock, signal).catch(() => {});
        if (underWay.size >= MAX_UNDER_WAY) await Promise.race(underWay);
        if (signal.aborted) break;
        const task = compareOne(endpoint, one, `replay-${id.slice(0, 8)}-${nth + 1}`, signal).then(
          (comparison) => {
            counting.add(comparison);
            underWay.delete(task);
          },
        );
        underWay.add(task);
      }
      await Promise.all(underWay);
    }

    log.info('a replay has begun', { endpoint, by, count: captured.length });
    const done = askAll().then(() => {
      const ended = counting.end(signal.aborted ? 'aborted' : 'done', clock.now());
      log.info('a replay has ended', { endpoint, by, count: ended.asked, state: ended.state });
      return ended;
    });
    return {
      id,
      done,
      progress: counting.progress,
      abort: () => controller.abort(new Error('The replay was aborted.')),
    };
  }

  async function start(order: ReplayOrder): Promise<Replay> {
    const { endpoint, by, reason, limit, fresh } = order;
    refuseOrder(order);
    const route = routeOf(endpoint);
    if (!route) throw new FicusError('not-found', `There is no route for ${endpoint}.`);
    const busy = [...replays.values()].some((it) => {
      const progress = it.progress();
      return progress.endpoint === endpoint && progress.state === 'running';
    });
    if (busy || starting.has(endpoint))
      throw new FicusError('conflict', `A replay of ${endpoint} is running already.`);
    if (route.legacy === undefined || route.modern === undefined || route.stage === 'retired')
      throw new FicusError('unprocessable', `${endpoint} has not two sides that could be compared.`);
    starting.add(endpoint);
    try {
      const captured = (await capture.list(endpoint)).slice(0, limit);
      if (captured.length === 0)
        throw new FicusError(
          'unprocessable',
          `No request of ${endpoint} is captured that could be replayed: requests are captured from the stage shadow on, where \`migration.capture.days\` is more than 0.`,
        );
      if (fresh) await freshRun(endpoint, by, reason);
      const replay = run(order, captured);
      replays.set(replay.id, replay);
      for (const [id, old] of replays) {
        if (replays.size <= REMEMBERED) break;
        if (old.progress().state !== 'running') replays.delete(id);
      }
      return replay;
    } finally {
      starting.delete(endpoint);
    }
  }

  return {
    start,
    get: (id) => replays.get(id),
    list: () => [...replays.values()].map((it) => it.progress()).toReversed(),
    async stop() {
      for (const replay of replays.values()) replay.abort();
      await Promise.all([...replays.values()].map(({ done }) => done));
    },
  };
}

interface Captured {
  readonly shape: string;
  readonly asked: AskedRequest;
}

const SEVERITIES: readonly Severity[] = ['critical', 'major', 'minor', 'noise'];

/** The figures of one replay. */
function createCounting(begun: Pick<ReplayProgress, 'id' | 'endpoint' | 'by' | 'total' | 'startedAt'>) {
  const counts = { asked: 0, matched: 0, inFlight: 0, notComparable: 0, failed: 0 };
  const different: Record<Severity, number> = { critical: 0, major: 0, minor: 0, noise: 0 };
  const signatures = new Map<string, ReplayProgress['signatures'][number]>();
  let ended: Pick<ReplayProgress, 'state' | 'endedAt'> = { state: 'running' };
  const progress = (): ReplayProgress => ({
    ...begun,
    ...ended,
    ...counts,
    different: { ...different },
    signatures: [...signatures.values()],
  });

  function add(comparison: Comparison | undefined): void {
    counts.asked += 1;
    if (!comparison) counts.failed += 1;
    else if (comparison.verdict === 'match') counts.matched += 1;
    else if (comparison.verdict === 'in-flight') counts.inFlight += 1;
    else if (comparison.verdict === 'not-comparable') counts.notComparable += 1;
    else addDifferences(comparison);
  }

  function addDifferences({ differences }: Comparison): void {
    const worst = SEVERITIES.find((severity) => differences.some((it) => it.severity === severity));
    if (worst) different[worst] += 1;
    for (const { signature, severity } of differences) {
      const count = (signatures.get(signature)?.count ?? 0) + 1;
      signatures.set(signature, { signature, severity, count });
    }
  }

  return {
    add,
    progress,
    end(state: 'done' | 'aborted', endedAt: number): ReplayProgress {
      ended = { state, endedAt };
      return progress();
    },
  };
}

function refuseOrder({ by, limit, perSecond }: ReplayOrder): void {
  if (by.trim() === '')
    throw new FicusError('value-required', 'A replay says who asks for it.', { expression: ['by'] });
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0))
    throw new FicusError('value-invalid', 'The limit is a whole number over 0.', { expression: ['limit'] });
  if (perSecond !== undefined && !(perSecond > 0 && perSecond <= MAX_PER_SECOND))
    throw new FicusError('value-invalid', `Requests a second are over 0 and at most ${MAX_PER_SECOND}.`, {
      expression: ['perSecond'],
    });
}
