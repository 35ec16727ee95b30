import { randomUUID } from 'node:crypto';
import { FicusError } from '../errors.ts';
import { patientOfResource } from '../fhir/patient.ts';
import type { Endpoint } from '../fhir/types.ts';
import type { DriftReport, DriftReportStore, OutboxStore, Replica, ReplicaStore } from '../replica-ports.ts';
import type { Clock, Logger } from '../ports.ts';
import type { KeyedLock } from '../resilience/keyed-lock.ts';
import { createBackground } from './background.ts';
import { createCopies } from './copies.ts';
import type { CopiesOptions, Finding } from './copies.ts';
import { createDriftTally } from './drift-tally.ts';
import type { DriftTally } from './drift-tally.ts';
import { writesOf } from './ledger.ts';
import type { Outbox } from './outbox-port.ts';
import { createPace, pause } from './pace.ts';
import { lockOf, otherSide, typeOf } from './sides.ts';
import { setbackOf } from './verdict.ts';

export interface ReconcilerOptions extends CopiesOptions {
  readonly outbox: Outbox;
  readonly store: Pick<OutboxStore, 'counts'>;
  readonly replicas: ReplicaStore;
  readonly reports: DriftReportStore;
  readonly ownerOf: (endpoint: Endpoint) => string | undefined;
  /** Those of the writes (Writes.locks). */
  readonly locks: KeyedLock;
  readonly clock: Clock;
  readonly log: Logger;
  /** Resources a second (default 20). */
  readonly perSecond?: number;
  /** Pause before a difference is looked at again, in milliseconds (default 2 s). */
  readonly rereadMs?: number;
  /** Longest that one reading waits, in milliseconds (default 10 s). */
  readonly readMs?: number;
}

export interface Reconciliation {
  readonly endpoint: Endpoint;
  readonly by: string;
  readonly reason: string;
  /** `dry-run` counts what `apply` would hand to the outbox again. */
  readonly repair: DriftReport['repair'];
}

/** Compares what both sides hold of everything that went to both through Ficus. */
export interface Reconciler {
  /**
   * Begins; the report grows, and is in the store. @throws FicusError `conflict`: one is running for this type;
   * `unprocessable`: it has not two sides
   */
  start(asked: Reconciliation): Promise<DriftReport>;
  /** The same, to its end. */
  run(asked: Reconciliation): Promise<DriftReport>;
  /** Ends one that is running; what it found stays. */
  stop(endpoint: Endpoint): Promise<void>;
  /** Ends all. */
  close(): Promise<void>;
  latest(endpoint: Endpoint): Promise<DriftReport | undefined>;
}

const PAGE = 100;

export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { outbox, replicas, reports, clock, log, locks } = options;
  const { perSecond = 20, rereadMs = 2_000, readMs = 10_000 } = options;
  const background = createBackground({ name: 'ficus:reconciler', ms: readMs, clock, log });
  const copies = createCopies(options, background);
  const running = new Map<
    string,
    { readonly controller: AbortController; readonly end: Promise<DriftReport> }
  >();

  /** One page of resources: those that differ are read again after a pause, all together. */
  async function checkPage(
    page: readonly Replica[],
    asked: Reconciliation,
    tally: DriftTally,
    signal: AbortSignal,
  ): Promise<void> {
    const pace = createPace(perSecond, clock, signal);
    const suspects: Replica[] = [];
    for (const replica of page) {
      await pace();
      if (signal.aborted) return;
      if (outbox.knows(replica.type, replica.id)) tally.inFlight();
      else await look(replica, () => void suspects.push(replica));
    }
    if (suspects.length === 0) return;
    await pause(rereadMs, clock, signal);
    for (const replica of suspects) {
      await pace();
      if (signal.aborted) return;
      if (outbox.knows(replica.type, replica.id)) tally.inFlight();
      else
        await look(
          replica,
          (found) => alarm(replica, found, asked, tally),
          () => tally.inFlight(),
        );
    }

    async function look(
      replica: Replica,
      different: (found: Finding) => Promise<void> | void,
      same: () => void = () => tally.same(),
    ): Promise<void> {
      let found: Finding;
      try {
        found = copies.judge(replica, await copies.readBoth(asked.endpoint, replica, signal));
      } catch (error) {
        if (!signal.aborted) tally.unreadable(setbackOf(error).words);
        return;
      }
      if (found.signatures.length === 0) same();
      else await different(found);
    }
  }

  async function alarm(
    replica: Replica,
    found: Finding,
    asked: Reconciliation,
    tally: DriftTally,
  ): Promise<void> {
    const owner = options.ownerOf(asked.endpoint) ?? 'unowned';
    tally.different({ id: replica.id, owner, ...found });
    const mayRepair = found.missingOn !== replica.from;
    if (asked.repair === 'no' || !mayRepair) return;
    if (asked.repair === 'dry-run' || (await sendAgain(replica, asked.endpoint))) tally.repaired();
  }

  /** Hands what the right side holds to the outbox, while nobody writes there. */
  async function sendAgain(replica: Replica, endpoint: Endpoint): Promise<boolean> {
    const { type, id, patient, from } = replica;
    const { signal } = new AbortController();
    const unlock = await locks.acquire(
      lockOf(from, type, id),
      signal,
      () => new FicusError('unavailable', 'Stopping.'),
    );
    try {
      const resource = await background.run((context) => copies.readSide(from, endpoint, replica, context));
      if (!resource || outbox.knows(type, id)) return false;
      const whose = patientOfResource(resource) ?? patient;
      await outbox.repair({
        id: randomUUID(),
        endpoint,
        type,
        resourceId: id,
        ...(whose === undefined ? {} : { patient: whose }),
        from,
        toward: otherSide(from),
        backend: copies.backendsOf(endpoint)[from].name,
        lossy: true,
        resource,
      });
      return true;
    } catch (error) {
      log.warn('a repair was not begun', { endpoint, reason: setbackOf(error).words });
      return false;
    } finally {
      unlock();
    }
  }

  async function reconcile(
    asked: Reconciliation,
    tally: DriftTally,
    signal: AbortSignal,
  ): Promise<DriftReport> {
    const { endpoint } = asked;
    const type = typeOf(endpoint);
    const report = async (state: DriftReport['state'], words?: string): Promise<DriftReport> => {
      const writes = writesOf(type, await options.store.counts(), outbox.list());
      const whole = tally.report({
        ...asked,
        type,
        state,
        writes,
        ...(words === undefined ? {} : { words }),
      });
      await reports.save(whole);
      return whole;
    };
    try {
      let after: string | undefined;
      for (;;) {
        const page = await replicas.list(type, after, PAGE);
        await checkPage(page, asked, tally, signal);
        if (signal.aborted) return await report('stopped', 'it was stopped');
        if (page.length < PAGE) break;
        after = page.at(-1)?.id;
        await report('running');
      }
      const whole = await report('done');
      const { checked, different } = whole;
      log.info('reconciled', { endpoint, count: checked, reason: `${different} different`, by: asked.by });
      return whole;
    } catch (error) {
      log.error('a reconciliation failed', { endpoint, error });
      return report('failed', setbackOf(error).words);
    } finally {
      running.delete(type);
    }
  }

  async function begin(
    asked: Reconciliation,
  ): Promise<{ readonly first: DriftReport; readonly end: Promise<DriftReport> }> {
    const { endpoint } = asked;
    const type = typeOf(endpoint);
    if (running.has(type)) throw new FicusError('conflict', `${type} is being reconciled already.`);
    copies.backendsOf(endpoint);
    const controller = new AbortController();
    const tally = createDriftTally(clock);
    const gate = Promise.withResolvers<void>();
    const end = gate.promise.then(() => reconcile(asked, tally, controller.signal));
    running.set(type, { controller, end });
    const writes = writesOf(type, await options.store.counts(), outbox.list());
    const first = tally.report({ ...asked, type, state: 'running', writes });
    await reports.save(first);
    gate.resolve();
    return { first, end };
  }

  async function stop(type: string): Promise<void> {
    const one = running.get(type);
    one?.controller.abort();
    await one?.end;
  }

  return {
    start: async (asked) => (await begin(asked)).first,
    run: async (asked) => (await begin(asked)).end,
    stop: (endpoint) => stop(typeOf(endpoint)),
    close: async () => void (await Promise.all([...running.keys()].map(stop))),
    async latest(endpoint) {
      const report = await reports.latest(endpoint);
      if (report?.state !== 'running' || running.has(report.type)) return report;
      return { ...report, state: 'failed', words: 'the process ended before it did' };
    },
  };
}
