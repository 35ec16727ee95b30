import type { BackfillStore, DriftReportStore, OutboxStore, ReplicaStore } from '../../src/replica-ports.ts';
import type { CrosswalkStore, IdempotencyStore } from '../../src/ports.ts';
import { createAssignments } from '../../src/store/assignments.ts';
import { openDatabase } from '../../src/store/database.ts';
import { createMemoryBackfillStore } from '../../src/store/memory-backfill.ts';
import { createMemoryOutboxStore } from '../../src/store/memory-outbox.ts';
import { createMemoryDriftReportStore, createMemoryReplicaStore } from '../../src/store/memory-replica.ts';
import { createMemoryCrosswalkStore, createMemoryIdempotencyStore } from '../../src/store/memory.ts';
import { createSqliteBackfillStore } from '../../src/store/sqlite-backfill.ts';
import { createSqliteOutboxStore } from '../../src/store/sqlite-outbox.ts';
import { createSqliteDriftReportStore, createSqliteReplicaStore } from '../../src/store/sqlite-replica.ts';
import {
  createSqliteCrosswalkStore,
  createSqliteIdempotencyStore,
  loadAssignments,
} from '../../src/store/sqlite.ts';

/** The stores that writes on two sides need. */
export interface WriteStores {
  readonly outbox: OutboxStore;
  readonly replicas: ReplicaStore;
  readonly reports: DriftReportStore;
  readonly backfills: BackfillStore;
  readonly crosswalk: CrosswalkStore;
  readonly idempotency: IdempotencyStore;
  close(): void;
}

/** @param file of the embedded database; absent: in memory */
export function openWriteStores(file?: string): WriteStores {
  if (file === undefined) {
    const assignments = createAssignments();
    const replicas = createMemoryReplicaStore();
    return {
      outbox: createMemoryOutboxStore(assignments, replicas),
      replicas,
      reports: createMemoryDriftReportStore(),
      backfills: createMemoryBackfillStore(),
      crosswalk: createMemoryCrosswalkStore(assignments),
      idempotency: createMemoryIdempotencyStore(),
      close: () => {},
    };
  }
  const database = openDatabase(file);
  const assignments = loadAssignments(database);
  return {
    outbox: createSqliteOutboxStore(database, assignments),
    replicas: createSqliteReplicaStore(database),
    reports: createSqliteDriftReportStore(database),
    backfills: createSqliteBackfillStore(database),
    crosswalk: createSqliteCrosswalkStore(database, assignments),
    idempotency: createSqliteIdempotencyStore(database),
    close: () => database.close(),
  };
}
