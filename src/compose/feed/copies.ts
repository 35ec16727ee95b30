import type { CopyConfig } from '../../config/feed-schema.ts';
import type { MigrationConfig } from '../../config/migration-schema.ts';
import { FicusError } from '../../errors.ts';
import { createCopy } from '../../events/feed/copy/copy.ts';
import type { Copy, CopyOptions } from '../../events/feed/copy/copy.ts';
import type { FollowerStore } from '../../follower-ports.ts';
import type { Sealer } from '../../identity/seal.ts';
import type { Backend, Clock, CrosswalkStore, Logger } from '../../ports.ts';
import type { Pins } from '../../migration-ports.ts';
import type { ReplicaStore } from '../../replica-ports.ts';
import type { FeedRecord } from './record.ts';

/** A copy, and what the configuration says of it. */
export interface NamedCopy {
  readonly config: CopyConfig;
  readonly copy: Copy;
}

export interface CopiesOptions {
  /** How deliveries go: the outbox's way. */
  readonly delivery: MigrationConfig['outbox'];
  readonly record: Pick<FeedRecord, 'log' | 'reading'>;
  readonly store: FollowerStore;
  /** By name, with their Layers. */
  readonly backends: ReadonlyMap<string, { readonly backend: Backend }>;
  readonly origins: Origins;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What tells which resources the modern side made itself. */
export interface Origins {
  readonly sealer: Pick<Sealer, 'open'>;
  readonly crosswalk: Pick<CrosswalkStore, 'assignedId'>;
  readonly replicas: Pick<ReplicaStore, 'find'>;
  readonly pins: Pick<Pins, 'behind'>;
}

/** The copies of a configuration, not started yet. @throws FicusError for a backend that is not there */
export function createFeedCopies(configs: readonly CopyConfig[], options: CopiesOptions): NamedCopy[] {
  const { delivery, record, store, backends, clock, log } = options;
  return configs.map((config) => {
    const target = backends.get(config.to)?.backend;
    if (!target) throw new FicusError('internal', `There is no backend ${config.to}.`);
    const reading = record.reading();
    const copy = createCopy({
      ...delivery,
      name: config.to,
      types: config.types,
      owner: config.owner,
      events: record.log(),
      current: (type, id) => reading.read(type, id),
      mayCopy: mayCopy(options),
      store,
      target,
      clock,
      log,
    });
    return { config, copy };
  });
}

/**
 * A write that modern took and Ficus brought to legacy comes back as an event of legacy. It says less than modern
 * knows, and under legacy's number it would be there twice: so what modern made, or wrote last, is left alone. Until
 * legacy has been told, nothing tells the two apart.
 */
function mayCopy({ origins, record }: CopiesOptions): CopyOptions['mayCopy'] {
  const { sealer, crosswalk, replicas, pins } = origins;
  const keyOf = (type: string, id: string): string | undefined => {
    const key = sealer.open(type, id);
    if (key !== undefined) return key;
    const hashed = record.reading().hashed(id);
    return hashed?.type === type ? hashed.key : undefined;
  };
  return async (type, id, patient) => {
    if (pins.behind('legacy', { type, id, ...(patient === undefined ? {} : { patient }) })) return 'wait';
    const key = keyOf(type, id);
    if (key !== undefined && crosswalk.assignedId(type, key) !== undefined) return 'leave';
    return (await replicas.find(type, id))?.from === 'modern' ? 'leave' : 'send';
  };
}
