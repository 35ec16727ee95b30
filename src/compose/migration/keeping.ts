import { createBackfiller } from '../../events/backfill.ts';
import type { Backfiller } from '../../events/backfill.ts';
import { createBackground } from '../../events/background.ts';
import { createReconciler } from '../../events/reconcile.ts';
import type { Reconciler } from '../../events/reconcile.ts';
import { openWrites } from '../../events/writes.ts';
import type { Writes } from '../../events/writes.ts';
import type { MigrationConfig } from '../../config/migration-schema.ts';
import { FicusError } from '../../errors.ts';
import type { Backend, Clock, Logger } from '../../ports.ts';
import { askAll } from '../../search/ask.ts';
import type { ParseQuery } from '../../strangler/experiment/asked-request.ts';
import { backendOf } from '../../strangler/stage.ts';
import type { RouteTable } from '../../strangler/table.ts';
import type { Stores } from '../../store/stores.ts';
import type { Compare } from './comparing.ts';

export interface KeepingOptions {
  readonly config: MigrationConfig;
  readonly stores: Pick<Stores, 'outbox' | 'idempotency' | 'replicas' | 'drift' | 'backfills'>;
  readonly table: RouteTable;
  /** By name, with their Layers. */
  readonly backends: ReadonlyMap<string, Backend>;
  /** The legacy key behind a FHIR id. */
  readonly keyOf: (type: string, id: string) => Promise<string | undefined>;
  readonly compare: Compare;
  readonly parse: ParseQuery;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What keeps both sides the same. */
export interface Keeping {
  readonly writes: Writes;
  readonly reconciler: Reconciler;
  readonly backfiller: Backfiller;
  /** Begins to deliver; takes up what the last process left. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const SEARCH_MS = 10_000;
const MAX_BYTES = 4 * 1024 * 1024;

export async function createKeeping(options: KeepingOptions): Promise<Keeping> {
  const { config, stores, table, backends, keyOf, compare, parse, clock, log } = options;
  const shared = {
    backends,
    sides: (endpoint: Parameters<RouteTable['get']>[0]) => table.get(endpoint) ?? {},
    ownerOf: (endpoint: Parameters<RouteTable['get']>[0]) => table.get(endpoint)?.owners?.technical,
    ...config.outbox,
    clock,
    log,
  };
  const writes = await openWrites({
    ...shared,
    store: stores.outbox,
    idempotency: stores.idempotency,
    keyOf,
  });
  const { outbox, locks } = writes;
  const reconciler = createReconciler({
    ...shared,
    outbox,
    locks,
    store: stores.outbox,
    replicas: stores.replicas,
    reports: stores.drift,
    compare: (legacy, modern) =>
      compare({ kind: 'resource', resource: legacy }, { kind: 'resource', resource: modern }),
    rereadMs: config.shadow.rereadMs,
  });
  const background = createBackground({ name: 'ficus:backfill', ms: SEARCH_MS, clock, log });

  /** The patient with an identifier, wherever patients are asked for now. */
  async function resolve(identifier: string): Promise<string | undefined> {
    const route = table.get('Patient.search');
    const backend = backends.get((route && backendOf(route, route.stage)) ?? '');
    if (!backend) throw new FicusError('unprocessable', 'Patients cannot be searched for: say FHIR ids.');
    const query = parse('Patient', [['identifier', identifier]], 'strict');
    const found = await background.run((context) => askAll(backend, query, context, 2, MAX_BYTES));
    const [patient, ...others] = found?.set.matches ?? [];
    if (!found || others.length > 0)
      throw new FicusError('multiple-matches', 'Several patients have this identifier.');
    return patient?.id;
  }

  const backfiller = createBackfiller({
    ...shared,
    outbox,
    locks,
    store: stores.backfills,
    replicas: stores.replicas,
    parseSearch: (type, pairs) => parse(type, pairs, 'strict'),
    resolve,
  });
  return {
    writes,
    reconciler,
    backfiller,
    async start() {
      writes.start();
      await backfiller.resumeAll();
    },
    async stop() {
      await Promise.all([reconciler.close(), backfiller.close()]);
      await writes.stop();
    },
  };
}
