import type { Endpoint, Resource } from './fhir/types.ts';
import type { FicusError } from './errors.ts';
import type { FhirRequest, FhirResponse, Principal, RequestContext, Route, Side } from './ports.ts';

/*
 * What the parts of a migration say to each other: what the request path tells of a call, what a comparison found, what is owed
 * to the other side. Patient data is in none of it, but in `OutboxEntry.resource` and in sealed bytes.
 */

/** `critical`: could harm; `major`: something that must be there is not; `minor`: told, harmless; `noise`: known and accepted. */
export type Severity = 'critical' | 'major' | 'minor' | 'noise';

/** One difference between the legacy answer and the modern one, without any value. */
export interface Difference {
  /** Element path without indexes, from the type on: `Observation.valueQuantity.unit`; of a set: `Bundle.entry`. */
  readonly path: string;
  readonly kind: 'missing' | 'extra' | 'changed' | 'order';
  readonly severity: Severity;
  /** What it is about, in words without values: `the offset is missing`. */
  readonly detail?: string;
  /** Groups the same difference of many answers: `changed Observation.valueQuantity.unit`. */
  readonly signature: string;
  /** Id of the rule that made noise of it. */
  readonly rule?: string;
}

/** A call that was answered, or was not, on either side. */
export interface CallSeen {
  readonly endpoint: Endpoint;
  readonly run: number;
  readonly side: Side;
  /** On the way of a client, or the experiment's own. */
  readonly path: 'client' | 'shadow';
  /** Milliseconds until the answer (of a stream: its head) was there. */
  readonly ms: number;
  /** False: it failed technically (no answer, 5xx, a deadline). A refusal with a reason is an answer. */
  readonly ok: boolean;
  /** The client was answered by legacy because modern failed. */
  readonly fellBack?: boolean;
  /** The parameters that a search used, sorted: `code,date,patient`; other interactions: their name. */
  readonly shape: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Two answers to one request, compared. */
export interface Comparison {
  readonly endpoint: Endpoint;
  readonly run: number;
  readonly shape: string;
  /** Keyed hash of the patient; absent when none is named. */
  readonly patient?: string;
  /** Keyed hash of the request. */
  readonly request: string;
  readonly source: 'live' | 'replay';
  /** `in-flight`: differed, and did not when read again. `not-comparable`: with why. */
  readonly verdict: 'match' | 'different' | 'in-flight' | 'not-comparable';
  readonly why?: string;
  /** Of `different`: what is left after the second read; noise included. */
  readonly differences: readonly Difference[];
  /** Signatures by which two legacy answers differed from each other: the noise floor, asked on mismatches only. */
  readonly floor?: readonly string[];
  /** Id of the sealed sample of the pair. */
  readonly sample?: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Why an answer that could have been compared was not. */
export type Skipped = 'not-sampled' | 'concurrency' | 'rate' | 'too-large' | 'page' | 'stopping';

/** A read or search that a client was answered, as the router tells the experiment. */
export interface Answered {
  /** As it was when the side was chosen. */
  readonly route: Route;
  readonly request: FhirRequest;
  readonly principal: Principal;
  readonly requestId: string;
  /** The side whose answer the client got. */
  readonly side: Side;
  /** The answer (the body of a `pipe` belongs to the client: it is not touched), or how it failed. */
  readonly outcome: { readonly response: FhirResponse } | { readonly error: FicusError };
  readonly shape: string;
}

/** Asks the other side too and compares, off the way of the client. Never throws; nothing of it reaches a client. */
export interface Experiment {
  /** Called after the answer has gone. */
  answered(answered: Answered): void;
}

/** Where everything that is seen is counted. No method waits, throws, or keeps patient data. */
export interface EvidenceSink {
  call(seen: CallSeen): void;
  compared(seen: Comparison): void;
  skipped(endpoint: Endpoint, run: number, why: Skipped): void;
}

/** A known difference, accepted by somebody for a time. */
export interface DifferenceRule {
  readonly id: string;
  readonly endpoint: Endpoint;
  /** A signature; `*` stands for any run of characters within it. */
  readonly signature: string;
  /** `acceptable` makes noise of it; a bug stays counted as it is, and says whose it is. */
  readonly verdict: 'acceptable' | 'bug-in-modern' | 'bug-in-legacy';
  readonly owner: string;
  readonly by: string;
  readonly reason: string;
  /** ISO 8601 instants. */
  readonly createdAt: string;
  readonly expiresAt: string;
}

/** A write that one side has accepted and the other one has to be told of. */
export interface OutboxEntry {
  /** `WriteAttempt.writeId` of the client's write. */
  readonly id: string;
  readonly endpoint: Endpoint;
  readonly type: string;
  /** FHIR id that clients know; unknown while a legacy create has no known outcome. */
  readonly resourceId?: string;
  /** FHIR id of the patient (entries of one are delivered in order); absent: ordered by resource. */
  readonly patient?: string;
  /** The side that wrote, and the side that is owed. */
  readonly from: Side;
  readonly toward: Side;
  /** Order of acceptance, given by the store. */
  readonly sequence: number;
  /**
   * `intended`: written down before it was sent; `doubtful`: whether it was done is to be asked; `pending`: accepted, to be delivered; `dead`:
   * not deliverable, an owner decides. Delivered and refused ones are gone, and counted.
   */
  readonly state: 'intended' | 'doubtful' | 'pending' | 'dead';
  /** What was accepted, in FHIR ids. */
  readonly resource: Resource;
  readonly attempts: number;
  /** Epoch milliseconds. */
  readonly acceptedAt: number;
  readonly nextAttemptAt: number;
  /** What the last failure was, in words without patient data. */
  readonly lastError?: string;
  /** Who is asked about a dead one. */
  readonly owner?: string;
}

/** How many writes one side has not seen yet. */
export interface Owed {
  readonly count: number;
  /** Of these: dead ones. */
  readonly dead: number;
  /** Age of the oldest in milliseconds; 0 when there is none. */
  readonly oldestMs: number;
}

/** Which side may not answer yet: it has not seen writes that were accepted. Answers at once, from memory. */
export interface Pins {
  /**
   * Whether `side` has not seen writes of this patient, or of this resource; with neither, of any of the type.
   */
  behind(
    side: Side,
    what: { readonly type: string; readonly id?: string; readonly patient?: string },
  ): boolean;
  /** What a side is owed, of one endpoint or of all. */
  owed(side: Side, endpoint?: Endpoint): Owed;
}

/** A write of an endpoint with two sides: done by one, remembered for the other. */
export interface TwoSidedWriter {
  /** @param side the only one that writes */
  write(request: FhirRequest, context: RequestContext, route: Route, side: Side): Promise<FhirResponse>;
}

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
 * What is counted for ever, by endpoint and by the side that is owed: `accepted`: a client's write that was done; `repaired`: sent again by the
 * reconciler. Each of both is still owed, or `delivered`, `superseded` or `discarded`. `refused`: certainly not done, and the client was told.
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
