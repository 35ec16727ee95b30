import type { Signal } from './cancellation.ts';
import type { Endpoint, Resource } from './fhir/types.ts';
import type { FicusError } from './errors.ts';
import type { FhirRequest, FhirResponse, Principal, RequestContext, Route, Side } from './ports.ts';

/*
 * What the parts of a migration say to each other: what the request path tells of a call, what a comparison found, what
 * is owed to the other side. Patient data is in none of it, but in `OutboxEntry.resource` and in sealed bytes.
 */

/**
 * `critical`: could harm; `major`: something that must be there is not; `minor`: told, harmless; `noise`: known and
 * accepted.
 */
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

/**
 * Why an answer that could have been compared was not. `backing-off`: the last answers of the endpoint were too large,
 * or the backend has asked to be left alone for a while.
 */
export type Skipped =
  | 'not-sampled'
  | 'concurrency'
  | 'rate'
  | 'too-large'
  | 'backing-off'
  | 'page'
  | 'stopping';

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
  /** A side is about to be asked for a write of a client's. How that ends is told by `call`, if anybody waits for it. */
  writing(endpoint: Endpoint, side: Side, at: number): void;
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
   * `intended`: written down before it was sent; `doubtful`: whether it was done is to be asked; `pending`: accepted,
   * to be delivered; `dead`: not deliverable, an owner decides. Delivered and refused ones are gone, and counted.
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

/** A resource, a patient, or, with neither, all of a type. */
export interface Concern {
  readonly type: string;
  readonly id?: string;
  readonly patient?: string;
}

/** Which side may not answer yet: it has not seen writes that were accepted. Answers from memory. */
export interface Pins {
  /** Whether `side` has not seen writes of this patient, or of this resource; with neither, of any of the type. */
  behind(side: Side, what: Concern): boolean;
  /**
   * Resolves when `side` is not behind any more, when it will stay so for longer (what it is owed could not be
   * delivered, is doubtful, or was given up), or when the signal aborts. Never rejects.
   */
  arrival(side: Side, what: Concern, signal: Signal): Promise<void>;
  /**
   * What `side` is owed of a patient or a resource takes too long: nobody waits in vain for it once more (the entries
   * of a batch share their time), until something new is known of it. What a whole type is owed is not given up: it
   * says nothing of one patient.
   */
  giveUp(side: Side, what: Concern): void;
  /** What a side is owed, of one endpoint or of all. */
  owed(side: Side, endpoint?: Endpoint): Owed;
}

/** A write of an endpoint with two sides: done by one, remembered for the other. */
export interface TwoSidedWriter {
  /** @param side the only one that writes */
  write(request: FhirRequest, context: RequestContext, route: Route, side: Side): Promise<FhirResponse>;
}
