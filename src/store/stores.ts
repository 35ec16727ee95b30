import type { BackfillStore, DriftReportStore, OutboxStore, ReplicaStore } from '../replica-ports.ts';
import type { CrosswalkStore, IdempotencyStore, RouteStore } from '../ports.ts';
import type { ReleaseStore } from '../mapping/release.ts';
import type { CaptureStore } from '../strangler/experiment/capture-store.ts';
import type { RuleStore } from '../strangler/experiment/rule-store.ts';
import type { SampleStore } from '../strangler/experiment/sample-store.ts';
import type { EvidenceStore } from '../strangler/gates/evidence-store.ts';
import { createAssignments } from './assignments.ts';
import { createMemoryCaptureStore, createSqliteCaptureStore } from './captures.ts';
import { openDatabase } from './database.ts';
import { createMemoryBackfillStore } from './memory-backfill.ts';
import { createMemoryEvidenceStore } from './memory-evidence.ts';
import { createMemoryOutboxStore } from './memory-outbox.ts';
import { createMemoryDriftReportStore, createMemoryReplicaStore } from './memory-replica.ts';
import {
  createMemoryCrosswalkStore,
  createMemoryIdempotencyStore,
  createMemoryRouteStore,
} from './memory.ts';
import { createMemoryReleaseStore, createSqliteReleaseStore } from './releases.ts';
import { createMemoryRuleStore, createSqliteRuleStore } from './rules.ts';
import { createMemorySampleStore, createSqliteSampleStore } from './samples.ts';
import { createSqliteBackfillStore } from './sqlite-backfill.ts';
import { createSqliteEvidenceStore } from './sqlite-evidence.ts';
import { createSqliteOutboxStore } from './sqlite-outbox.ts';
import { createSqliteDriftReportStore, createSqliteReplicaStore } from './sqlite-replica.ts';
import {
  createSqliteCrosswalkStore,
  createSqliteIdempotencyStore,
  createSqliteRouteStore,
  loadAssignments,
} from './sqlite.ts';

/** Everything Ficus keeps, whichever way it is kept. */
export interface Stores {
  readonly routes: RouteStore;
  readonly idempotency: IdempotencyStore;
  readonly crosswalk: CrosswalkStore;
  readonly evidence: EvidenceStore;
  readonly rules: RuleStore;
  readonly releases: ReleaseStore;
  readonly samples: SampleStore;
  readonly captures: CaptureStore;
  readonly outbox: OutboxStore;
  readonly replicas: ReplicaStore;
  readonly drift: DriftReportStore;
  readonly backfills: BackfillStore;
  close(): void;
}

/** The embedded stores in one sqlite file. @throws Error when the file cannot be opened. */
export function openSqliteStores(file: string): Stores {
  const database = openDatabase(file);
  const assignments = loadAssignments(database);
  return {
    routes: createSqliteRouteStore(database),
    idempotency: createSqliteIdempotencyStore(database),
    crosswalk: createSqliteCrosswalkStore(database, assignments),
    evidence: createSqliteEvidenceStore(database),
    rules: createSqliteRuleStore(database),
    releases: createSqliteReleaseStore(database),
    samples: createSqliteSampleStore(database),
    captures: createSqliteCaptureStore(database),
    outbox: createSqliteOutboxStore(database, assignments),
    replicas: createSqliteReplicaStore(database),
    drift: createSqliteDriftReportStore(database),
    backfills: createSqliteBackfillStore(database),
    close: () => database.close(),
  };
}

/** Stores that live and die with the process. */
export function createMemoryStores(): Stores {
  const assignments = createAssignments();
  const replicas = createMemoryReplicaStore();
  return {
    routes: createMemoryRouteStore(),
    idempotency: createMemoryIdempotencyStore(),
    crosswalk: createMemoryCrosswalkStore(assignments),
    evidence: createMemoryEvidenceStore(),
    rules: createMemoryRuleStore(),
    releases: createMemoryReleaseStore(),
    samples: createMemorySampleStore(),
    captures: createMemoryCaptureStore(),
    outbox: createMemoryOutboxStore(assignments, replicas),
    replicas,
    drift: createMemoryDriftReportStore(),
    backfills: createMemoryBackfillStore(),
    close: () => {},
  };
}
