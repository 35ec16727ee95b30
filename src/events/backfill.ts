import { randomUUID } from 'node:crypto';
import { FicusError } from '../errors.ts';
import type { Endpoint } from '../fhir/types.ts';
import type { BackfillJob, BackfillStore } from '../replica-ports.ts';
import { createPace } from './pace.ts';
import { createPatientFill } from './patient-fill.ts';
import type { Haul, PatientFillOptions } from './patient-fill.ts';
import { typeOf } from './sides.ts';

export interface BackfillerOptions extends PatientFillOptions {
  readonly store: BackfillStore;
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
  /**
   * Begins.
   * @throws FicusError `conflict`: one is running for this type; `unprocessable`: the endpoint has not two sides
   */
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

const CHUNK = 100;
const MOST_FAILURES = 1_000;

/**
 * Every exchange may be repeated: a killed fill goes on with the patient at which it was.
 */
export function createBackfiller(options: BackfillerOptions): Backfiller {
  const { store, clock, log } = options;
  const filling = createPatientFill(options);
  const running = new Map<
    string,
    { readonly type: string; readonly controller: AbortController; readonly end: Promise<void> }
  >();

  const beginning = new Set<string>();

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
          await filling.fill(job, line, haul, signal);
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
      if (signal.aborted) return;
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
      for (const side of ['legacy', 'modern'] as const) filling.backendOf(endpoint, side);
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
