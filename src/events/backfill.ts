import { randomUUID } from 'node:crypto';
import { FicusError } from '../errors.ts';
import type { SearchQuery } from '../fhir/search-query.ts';
import type { Endpoint, Resource } from '../fhir/types.ts';
import type { BackfillFailure, BackfillJob, BackfillStore, ReplicaStore } from '../migration-ports.ts';
import type { Backend, Clock, Logger, Side } from '../ports.ts';
import type { KeyedLock } from '../resilience/keyed-lock.ts';
import { createBackground } from './background.ts';
import { release, withoutServerMeta } from './content.ts';
import type { Outbox } from './outbox.ts';
import { createPace, pause } from './pace.ts';
import { lockOf, typeOf } from './sides.ts';
import type { SidesOf } from './sides.ts';
import { SetbackError, nextTry, setbackOf, setbackOfAnswer } from './verdict.ts';
import type { BackOff } from './verdict.ts';

export interface BackfillerOptions extends BackOff {
  readonly store: BackfillStore;
  readonly replicas: ReplicaStore;
  readonly outbox: Outbox;
  /** By name, with their Layers. */
  readonly backends: ReadonlyMap<string, Backend>;
  readonly sides: SidesOf;
  /** Parameters of a search as a checked query. @throws FicusError */
  readonly parseSearch: (type: string, pairs: readonly (readonly [string, string])[]) => SearchQuery;
  /** FHIR id of the patient with an identifier, `system|value`; undefined: there is none. @throws FicusError */
  readonly resolve: (identifier: string) => Promise<string | undefined>;
  readonly ownerOf: (endpoint: Endpoint) => string | undefined;
  /** Those of the writes (Writes.locks). */
  readonly locks: KeyedLock;
  readonly clock: Clock;
  readonly log: Logger;
  /** Failures of one patient, or one resource, before the fill goes on without. Those of a side that answers nobody do not count. */
  readonly attempts: number;
  /** Longest that one exchange waits, in milliseconds (default 30 s). */
  readonly exchangeMs?: number;
  /** 0 to 1, exclusive; for the jitter (default Math.random). */
  readonly random?: () => number;
}

export interface Fill {
  readonly endpoint: Endpoint;
  /** FHIR ids, or `system|value` of an identifier. */
  readonly patients: readonly string[];
  /** Patients a second (default 5). */
  readonly perSecond?: number;
  readonly by: string;
  readonly reason: string;
}

/** Fills a new backend with what legacy holds, patient by patient. */
export interface Backfiller {
  /** Begins. @throws FicusError `conflict`: one is running for this type; `unprocessable`: the endpoint has not two sides */
  start(fill: Fill): Promise<BackfillJob>;
  /** Takes up a job where it stopped. @throws FicusError `not-found`, `conflict` */
  resume(id: string): Promise<BackfillJob>;
  /** Takes up whatever the last process left running. */
  resumeAll(): Promise<void>;
  /** Ends one; it can be taken up again. @throws FicusError `not-found` */
  stop(id: string): Promise<BackfillJob>;
  /** Ends all that are running; they stay so for the next process. */
  close(): Promise<void>;
  find(id: string): Promise<BackfillJob | undefined>;
  /** Newest first. */
  list(): Promise<readonly BackfillJob[]>;
  /** Resolves with a job when it is not running any more. */
  ended(id: string): Promise<BackfillJob | undefined>;
}

/** What one patient brought. */
interface Haul {
  resources: number;
  skipped: number;
  readonly failures: BackfillFailure[];
}

const CHUNK = 100;
const PAGE = '100';
const MOST_FAILURES = 1_000;

/**
 * Every exchange may be repeated: a killed fill goes on with the patient at which it was. What was written on the modern side, or is on its way to
 * it, is newer than what a search of legacy has said, and is left alone.
 */
export function createBackfiller(options: BackfillerOptions): Backfiller {
  const { store, replicas, outbox, backends, sides, clock, log, locks } = options;
  const { exchangeMs = 30_000, random = Math.random } = options;
  const background = createBackground({ name: 'ficus:backfill', ms: exchangeMs, clock, log });
  const running = new Map<
    string,
    { readonly type: string; readonly controller: AbortController; readonly end: Promise<void> }
  >();

  const beginning = new Set<string>();

  function backendOf(endpoint: Endpoint, side: Side): Backend {
    const name = sides(endpoint)[side];
    const backend = name === undefined ? undefined : backends.get(name);
    if (!backend)
      throw new FicusError('unprocessable', `${endpoint} has no ${side} backend to fill from or to.`);
    return backend;
  }

  /** Until it works, is refused, or has failed so often. @throws what it failed with */
  async function persistently<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let failures = 0, tries = 1; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        const setback = setbackOf(error);
        if (setback.kind === 'failure') failures += 1;
        if (signal.aborted || setback.kind === 'refusal' || failures >= options.attempts) throw error;
        await pause(nextTry(options, tries, clock, random) - clock.now(), clock, signal);
        if (signal.aborted) throw error;
      }
    }
  }

  async function fillPatient(job: BackfillJob, line: string, haul: Haul, signal: AbortSignal): Promise<void> {
    const { endpoint, type } = job;
    const fail = (words: string, resourceId?: string): void => {
      const owner = options.ownerOf(endpoint) ?? 'unowned';
      haul.failures.push({
        position: job.done,
        words,
        owner,
        ...(resourceId === undefined ? {} : { resourceId }),
      });
    };
    try {
      const patient = line.includes('|') ? await persistently(() => options.resolve(line), signal) : line;
      if (patient === undefined) return fail('no patient has this identifier');
      const startedAt = clock.now();
      const parameter = type === 'Patient' ? '_id' : 'patient';
      let query: SearchQuery | undefined = options.parseSearch(type, [[parameter, patient], ['_count', PAGE]]); // prettier-ignore
      while (query) {
        const asked: SearchQuery = query;
        const { matches, next, partial } = await persistently(() => search(endpoint, asked, signal), signal);
        if (partial !== undefined) fail(`legacy gave only a part: ${partial}`);
        for (const resource of matches) {
          if (signal.aborted) return;
          await fillOne(endpoint, resource, patient, startedAt, haul, fail, signal);
        }
        query = next === undefined ? undefined : { ...asked, page: next };
      }
    } catch (error) {
      if (!signal.aborted) fail(setbackOf(error).words);
    }
  }

  async function search(endpoint: Endpoint, query: SearchQuery, signal: AbortSignal) {
    const legacy = backendOf(endpoint, 'legacy');
    const request = { interaction: 'search', type: query.type, query, handling: 'strict' } as const;
    const { body } = await background.run((context) => legacy.handle(request, context), signal);
    if (body.kind !== 'searchset') {
      release(body);
      throw new SetbackError({
        kind: 'refusal',
        words: 'the legacy side answered a search with no searchset',
      });
    }
    const { matches, next, issues } = body.set;
    const partial = issues.find(({ severity }) => severity !== 'information');
    return { matches, next, partial: partial && (partial.diagnostics ?? partial.code) };
  }

  async function fillOne(
    endpoint: Endpoint,
    resource: Resource,
    patient: string,
    startedAt: number,
    haul: Haul,
    fail: (words: string, resourceId?: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { resourceType: type, id } = resource;
    if (id === undefined) return fail('legacy gave a resource without an id');
    // Held by whoever writes it there: nothing can become newer between the question and the write.
    const unlock = await locks.acquire(
      lockOf('modern', type, id),
      signal,
      () => new FicusError('unavailable', 'Stopping.'),
    );
    try {
      const replica = await replicas.find(type, id);
      if (outbox.knows(type, id) || replica?.from === 'modern' || (replica && replica.at >= startedAt)) {
        haul.skipped += 1;
        return;
      }
      await persistently(() => put(endpoint, { ...withoutServerMeta(resource), id }, signal), signal);
      await replicas.put({ type, id, patient, from: 'legacy', at: clock.now() });
      haul.resources += 1;
    } catch (error) {
      if (!signal.aborted) fail(setbackOf(error).words, id);
    } finally {
      unlock();
    }
  }

  async function put(
    endpoint: Endpoint,
    resource: Resource & { readonly id: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { resourceType: type, id } = resource;
    const modern = backendOf(endpoint, 'modern');
    const request = {
      interaction: 'update',
      type,
      id,
      resource,
      handling: 'lenient',
      returning: 'minimal',
    } as const;
    const response = await background.run((context) => modern.handle(request, context), signal);
    release(response.body);
    const setback = setbackOfAnswer(response, 'modern');
    if (setback) throw new SetbackError(setback);
  }

  async function work(first: BackfillJob, signal: AbortSignal): Promise<void> {
    let job = first;
    const pace = createPace(job.perSecond, clock, signal);
    try {
      while (job.done < job.total && !signal.aborted) {
        const lines = await store.patients(job.id, job.done, CHUNK);
        if (lines.length === 0) break;
        for (const line of lines) {
          await pace();
          if (signal.aborted) return;
          const haul: Haul = { resources: 0, skipped: 0, failures: [] };
          await fillPatient(job, line, haul, signal);
          // A patient that was broken off is filled again from its beginning.
          if (signal.aborted) return;
          job = {
            ...job,
            done: job.done + 1,
            resources: job.resources + haul.resources,
            skipped: job.skipped + haul.skipped,
            failures: [...job.failures, ...haul.failures].slice(0, MOST_FAILURES),
          };
          await store.save(job);
        }
      }
      job = { ...job, state: 'done' };
      await store.save(job);
      log.info('filled', {
        endpoint: job.endpoint,
        count: job.resources,
        reason: `${job.failures.length} failures`,
      });
    } catch (error) {
      log.error('a fill failed', { endpoint: job.endpoint, error });
      await store.save({ ...job, state: 'failed' }).catch(() => {});
    }
  }

  function begin(job: BackfillJob): void {
    const controller = new AbortController();
    const end = work(job, controller.signal).finally(() => running.delete(job.id));
    running.set(job.id, { type: job.type, controller, end });
  }

  /** One fill of a type at a time, from the moment it is asked for. */
  async function alone(type: string, prepare: () => Promise<BackfillJob>): Promise<BackfillJob> {
    if (beginning.has(type) || [...running.values()].some((one) => one.type === type)) {
      throw new FicusError('conflict', `A fill of ${type} is running already.`);
    }
    beginning.add(type);
    try {
      const job = await prepare();
      begin(job);
      return job;
    } finally {
      beginning.delete(type);
    }
  }

  async function required(id: string): Promise<BackfillJob> {
    const job = await store.find(id);
    if (job) return job;
    throw new FicusError('not-found', 'There is no such fill.');
  }

  return {
    async start({ endpoint, patients, perSecond = 5, by, reason }) {
      const type = typeOf(endpoint);
      for (const side of ['legacy', 'modern'] as const) backendOf(endpoint, side);
      const job: BackfillJob = {
        id: randomUUID(),
        endpoint,
        type,
        state: 'running',
        total: patients.length,
        done: 0,
        resources: 0,
        skipped: 0,
        failures: [],
        perSecond,
        createdAt: new Date(clock.now()).toISOString(),
        by,
        reason,
      };
      return alone(type, async () => {
        await store.create(job, patients);
        log.info('a fill begins', { endpoint, count: patients.length, by, reason });
        return job;
      });
    },
    async resume(id) {
      const job = await required(id);
      if (job.state === 'done') throw new FicusError('conflict', 'The fill is done.');
      return alone(job.type, async () => {
        const again: BackfillJob = { ...job, state: 'running' };
        await store.save(again);
        return again;
      });
    },
    async resumeAll() {
      for (const job of await store.list()) if (job.state === 'running' && !running.has(job.id)) begin(job);
    },
    async stop(id) {
      const one = running.get(id);
      one?.controller.abort();
      await one?.end;
      const job = await required(id);
      if (job.state !== 'running') return job;
      const stopped: BackfillJob = { ...job, state: 'stopped' };
      await store.save(stopped);
      return stopped;
    },
    async close() {
      for (const { controller } of running.values()) controller.abort();
      await Promise.all([...running.values()].map(({ end }) => end));
    },
    find: (id) => store.find(id),
    list: () => store.list(),
    async ended(id) {
      await running.get(id)?.end;
      return store.find(id);
    },
  };
}
