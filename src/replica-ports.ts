import type { Endpoint } from './fhir/types.ts';
import type { OutboxEntry } from './migration-ports.ts';
import type { Side } from './ports.ts';

/*
 * What is kept of writes with two sides and of filling and holding the sides against each other: the outbox, replicas,
 * drift, back-fills. Each store has a memory and an SQLite implementation in src/store. Patient data is in
 * `OutboxRecord.resource` only.
 */

/** What the outbox keeps of a write besides what others are told of it. */
export interface OutboxRecord extends OutboxEntry {
  /** Backend name of the side that writes: nobody else can say whether it was done. */
  readonly backend: string;
  /** The client accepts that elements are left out (`FhirRequest.lossy`). */
  readonly lossy: boolean;
  /** It is known to be done: the client was told so, or it was found out. */
  readonly accepted: boolean;
  /** It may have reached the side that is owed: before it is sent again, that side is asked. */
  readonly sent: boolean;
}

/** An entry without its content: what is kept in memory. */
export type OutboxHead = Omit<OutboxRecord, 'resource'>;

/** What may change of an entry. */
export type OutboxChange = Partial<
  Pick<
    OutboxRecord,
    | 'state'
    | 'resource'
    | 'resourceId'
    | 'patient'
    | 'attempts'
    | 'nextAttemptAt'
    | 'lastError'
    | 'owner'
    | 'sent'
    | 'accepted'
    | 'acceptedAt'
  >
>;

/**
 * What is counted for ever, by endpoint and by the side that is owed: `accepted`: a client's write that was done;
 * `repaired`: sent again by the reconciler. Each of both is still owed, or `delivered`, `superseded` or `discarded`.
 * `refused`: certainly not done, and the client was told.
 */
export type OutboxCountName = 'accepted' | 'repaired' | 'delivered' | 'superseded' | 'discarded' | 'refused';

export interface OutboxCount {
  readonly endpoint: Endpoint;
  readonly toward: Side;
  /** `left out PATH`: deliveries whose side has no place for this element. */
  readonly name: OutboxCountName | `left out ${string}`;
  readonly count: number;
}

/** An id that was made on the modern side, and the key that the legacy side gave the same resource. */
export interface Assignment {
  readonly id: string;
  readonly type: string;
  readonly key: string;
}

/** How an entry ended. */
export interface OutboxEnding {
  readonly how: 'delivered' | 'refused' | 'superseded' | 'discarded';
  /** Epoch milliseconds. */
  readonly at: number;
  /** What both sides hold from now on. */
  readonly replica?: Replica;
  readonly assignment?: Assignment;
  /** Element paths without indexes. */
  readonly leftOut?: readonly string[];
  /** Entries of the same resource that this one makes void: they end as superseded. */
  readonly supersedes?: readonly string[];
}

/** Writes on their way to the other side. Each method is one transaction, and durable when it resolves. */
export interface OutboxStore {
  /** Every entry, by sequence. */
  load(): Promise<readonly OutboxHead[]>;
  find(id: string): Promise<OutboxRecord | undefined>;
  /** Adds an entry as the newest, with what is to be counted for it; gives its sequence. */
  add(entry: Omit<OutboxRecord, 'sequence'>, counted?: OutboxCountName): Promise<number>;
  /** Changes an entry and gives its sequence, a new one with `newest`; undefined: it is not there. */
  change(
    id: string,
    changes: OutboxChange,
    also?: { readonly newest?: boolean; readonly counted?: OutboxCountName },
  ): Promise<number | undefined>;
  /** Removes an entry and counts how it ended; false: it is not there, and nothing was done. */
  end(id: string, ending: OutboxEnding): Promise<boolean>;
  /** How a write ended that was accepted, as long as that is remembered. */
  ended(id: string): Promise<{ readonly resourceId?: string; readonly from: Side } | undefined>;
  /** Forgets how writes ended before this time, in epoch milliseconds. */
  forget(before: number): Promise<void>;
  counts(): Promise<readonly OutboxCount[]>;
}

/** A resource that went to both sides through Ficus. */
export interface Replica {
  readonly type: string;
  /** FHIR id. */
  readonly id: string;
  readonly patient?: string;
  /** The side that it was taken from last: the one that is right when they differ. */
  readonly from: Side;
  /** Epoch milliseconds of the last copy. */
  readonly at: number;
  /** Element paths without indexes that the other side has no place for. */
  readonly leftOut?: readonly string[];
}

export interface ReplicaStore {
  put(replica: Replica): Promise<void>;
  find(type: string, id: string): Promise<Replica | undefined>;
  /** Replicas of a type by id, from the one after `after` on. */
  list(type: string, after: string | undefined, limit: number): Promise<readonly Replica[]>;
}

/** One resource that the sides hold differently. */
export interface Drift {
  readonly id: string;
  readonly owner: string;
  /** The side that has it not at all. */
  readonly missingOn?: Side;
  /** Signatures of its differences. */
  readonly signatures: readonly string[];
}

/** What a reconciliation found. */
export interface DriftReport {
  readonly endpoint: Endpoint;
  readonly type: string;
  /** ISO 8601 instant of its beginning. */
  readonly at: string;
  readonly state: 'running' | 'done' | 'failed' | 'stopped';
  readonly checked: number;
  readonly same: number;
  /** Differed, and did not when read again, or are still owed. */
  readonly inFlight: number;
  /** Could not be read on a side: neither the same nor different. */
  readonly unreadable: number;
  readonly missing: { readonly legacy: number; readonly modern: number };
  /** At most 1,000 of them; `different` counts all. */
  readonly drift: readonly Drift[];
  readonly different: number;
  /** Resources by signature of the difference. */
  readonly elements: Readonly<Record<string, number>>;
  /** Writes of the type that clients were told are done, and how many of them each side has. */
  readonly writes: { readonly accepted: number; readonly legacy: number; readonly modern: number };
  readonly repair: 'no' | 'dry-run' | 'apply';
  /** Handed to the outbox again, or with `dry-run`: would be. */
  readonly repaired: number;
  readonly by: string;
  readonly reason: string;
  /** Why it did not come to its end. */
  readonly words?: string;
}

/** The newest report of each type: its endpoints share their resources. */
export interface DriftReportStore {
  save(report: DriftReport): Promise<void>;
  /** The newest one of the endpoint's type. */
  latest(endpoint: Endpoint): Promise<DriftReport | undefined>;
}

/** Why a patient, or a resource of one, was not filled. */
export interface BackfillFailure {
  /** Place in the list of patients, from 0. */
  readonly position: number;
  /** FHIR id of the resource, when it is one. */
  readonly resourceId?: string;
  /** Without patient data. */
  readonly words: string;
  readonly owner: string;
}

/** How far the fill of a new backend is. */
export interface BackfillJob {
  readonly id: string;
  readonly endpoint: Endpoint;
  readonly type: string;
  readonly state: 'running' | 'done' | 'failed' | 'stopped';
  /** Patients to fill, and those behind it. */
  readonly total: number;
  readonly done: number;
  /** Resources that the new backend took. */
  readonly resources: number;
  /** Resources that were left alone: newer there, or on their way. */
  readonly skipped: number;
  readonly failures: readonly BackfillFailure[];
  /** Patients a second. */
  readonly perSecond: number;
  /** ISO 8601 instant. */
  readonly createdAt: string;
  readonly by: string;
  readonly reason: string;
}

export interface BackfillStore {
  create(job: BackfillJob, patients: readonly string[]): Promise<void>;
  /** Newest first. */
  list(): Promise<readonly BackfillJob[]>;
  find(id: string): Promise<BackfillJob | undefined>;
  /** Lines of the list of patients, from a place on. */
  patients(id: string, from: number, limit: number): Promise<readonly string[]>;
  /** Replaces what is known of a job; its list of patients stays. */
  save(job: BackfillJob): Promise<void>;
}
