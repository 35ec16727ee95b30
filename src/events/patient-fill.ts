import { FicusError } from '../errors.ts';
import type { SearchQuery } from '../fhir/search-query.ts';
import type { Endpoint, Resource } from '../fhir/types.ts';
import type { BackfillFailure, BackfillJob, ReplicaStore } from '../replica-ports.ts';
import type { Backend, Clock, Logger, Side } from '../ports.ts';
import type { KeyedLock } from '../resilience/keyed-lock.ts';
import { createBackground } from './background.ts';
import { release, withoutServerMeta } from './content.ts';
import type { Outbox } from './outbox-port.ts';
import { pause } from './pace.ts';
import { lockOf } from './sides.ts';
import type { SidesOf } from './sides.ts';
import { SetbackError, nextTry, setbackOf, setbackOfAnswer } from './verdict.ts';
import type { BackOff } from './verdict.ts';

export interface PatientFillOptions extends BackOff {
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
  /**
   * Failures of one patient, or one resource, before the fill goes on without. Those of a side that answers nobody do
   * not count.
   */
  readonly attempts: number;
  /** Longest that one exchange waits, in milliseconds (default 30 s). */
  readonly exchangeMs?: number;
  /** 0 to 1, exclusive; for the jitter (default Math.random). */
  readonly random?: () => number;
}

/** What one patient brought. */
export interface Haul {
  resources: number;
  skipped: number;
  readonly failures: BackfillFailure[];
}

/** Fills one patient. */
export interface PatientFill {
  /** @throws FicusError `unprocessable`: the endpoint has no backend on this side */
  backendOf(endpoint: Endpoint, side: Side): Backend;
  /**
   * Adds to `haul`; what it cannot fill is among its failures. Never rejects.
   * @param line FHIR id, or `system|value`
   */
  fill(job: BackfillJob, line: string, haul: Haul, signal: AbortSignal): Promise<void>;
}

const PAGE = '100';

/**
 * What was written on the modern side, or is on its way to it, is newer than what a search of legacy has said: it is
 * left alone.
 */
export function createPatientFill(options: PatientFillOptions): PatientFill {
  const { replicas, outbox, backends, sides, clock, log, locks } = options;
  const { exchangeMs = 30_000, random = Math.random } = options;
  const background = createBackground({ name: 'ficus:backfill', ms: exchangeMs, clock, log });

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
    const { id } = resource;
    if (id === undefined) return fail('legacy gave a resource without an id');
    try {
      const taken = await persistently(
        () => putUnlessNewer(endpoint, { ...resource, id }, patient, startedAt, signal),
        signal,
      );
      haul[taken ? 'resources' : 'skipped'] += 1;
    } catch (error) {
      if (!signal.aborted) fail(setbackOf(error).words, id);
    }
  }

  /** While nobody else writes it there: nothing can become newer between the question and the write. */
  async function putUnlessNewer(
    endpoint: Endpoint,
    resource: Resource & { readonly id: string },
    patient: string,
    startedAt: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { resourceType: type, id } = resource;
    const unlock = await locks.acquire(
      lockOf('modern', type, id),
      signal,
      () => new FicusError('unavailable', 'Stopping.'),
    );
    try {
      const replica = await replicas.find(type, id);
      const isNewer = replica && (replica.from === 'modern' || replica.at >= startedAt);
      if (isNewer || outbox.knows(type, id)) return false;
      await put(endpoint, { ...withoutServerMeta(resource), id }, signal);
      await replicas.put({ type, id, patient, from: 'legacy', at: clock.now() });
      return true;
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

  return { backendOf, fill: fillPatient };
}
