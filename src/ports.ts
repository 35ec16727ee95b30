import type { Readable, Writable } from 'node:stream';
import type { Signal } from './cancellation.ts';
import type { Issue } from './errors.ts';
import type { Endpoint, Interaction, Resource } from './fhir/types.ts';
import type { EverythingQuery, SearchQuery, SearchSet } from './fhir/search-query.ts';
import type { Access, Exchange } from './access-ports.ts';

/** One interaction with the FHIR API, independent of HTTP. */
export interface FhirRequest {
  readonly interaction: Interaction;
  /** Resource type, e.g. `Patient`. */
  readonly type: string;
  /** Logical id: read, vread, history, update, everything (absent there: of the patient in the caller's context). */
  readonly id?: string;
  readonly versionId?: string;
  /** search; the criteria of a conditional update; `_summary` and `_elements` of a read or vread; page and links of a history and of an everything. */
  readonly query?: SearchQuery;
  /** history, in epoch milliseconds: versions made then or later. */
  readonly since?: number;
  readonly everything?: EverythingQuery;
  /** search, everything: every parameter as the client wrote it, for the audit event. */
  readonly asked?: readonly (readonly [string, string])[];
  /** create, update: the decoded, validated body (absent when the route streams it). */
  readonly resource?: Resource;
  /** create, update: the bytes as the client sent them. */
  readonly body?: Uint8Array | Readable;
  /** Bytes of a `body` that is a stream, when the client announced them. */
  readonly bodyLength?: number;
  /** `If-Match` version, without `W/` and quotes. */
  readonly ifMatch?: string;
  /** `If-None-Match` of a read, without `W/` and quotes. */
  readonly ifNoneMatch?: string;
  /** `If-None-Exist`: criteria of a conditional create. */
  readonly ifNoneExist?: SearchQuery;
  /** `Idempotency-Key` of a write. */
  readonly idempotencyKey?: string;
  /** A write that is done once: which one, and what is known of it. */
  readonly attempt?: WriteAttempt;
  /** `Prefer: handling=`. */
  readonly handling: 'strict' | 'lenient';
  /** A write whose client said `Prefer: handling=lenient`: elements that the backend cannot hold may be left out, and are told. */
  readonly lossy?: boolean;
  /** A read or a search for `_include` or `_revinclude`: what it finds belongs to the answer of another search. */
  readonly included?: boolean;
  /** `Prefer: return=`. */
  readonly returning?: 'minimal' | 'representation' | 'OperationOutcome';
}

/** One attempt of a write that is done once. */
export interface WriteAttempt {
  /**
   * The same for every attempt of one write, after a restart too, and for no other write; says nothing of its content. Numbers and control
   * ids that an adapter gives derive from it, so that a later attempt can ask after an earlier one.
   */
  readonly writeId: string;
  /** Name of the backend that the first attempt went to: no other one may do it. */
  readonly backend?: string;
  /**
   * An earlier attempt has no known outcome: whether it took effect is asked first. `ask-then-send`: if it certainly did not, it is
   * sent. `ask-only`: it is not, and a create that certainly was not done is `not-found`. What cannot be told is `outcome-unknown`.
   */
  readonly doubtful?: 'ask-then-send' | 'ask-only';
}

/** What a Backend answers with. `pipe` carries a foreign body's bytes untouched; nothing has been read from it yet. */
export type FhirBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'resource'; readonly resource: Resource }
  | { readonly kind: 'searchset'; readonly set: SearchSet }
  | {
      readonly kind: 'pipe';
      /** Writes the body to `sink` with backpressure and ends it; rejects (and destroys sink) when the source breaks off. */
      readonly pipe: (sink: Writable) => Promise<void>;
      /** Gives the body up: the source's connection is freed. */
      readonly discard: () => void;
      /** Takes the body whole when all of it has come already: it is then neither piped nor discarded. undefined: it has not. */
      readonly whole?: () => Buffer | undefined;
      /** How many bytes the source announces, as they come from it; absent: it does not say. */
      readonly bytes?: number;
    };

export interface FhirResponse {
  /** HTTP status; 304 and 412 included. */
  readonly status: number;
  /** Lower-case names: etag (`W/"…"`), last-modified, location (relative, `Type/id`), and for `pipe` content-type, content-length, content-encoding. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: FhirBody;
  /** Of a write that left something out: what. */
  readonly issues?: readonly Issue[];
  /** `legacy:NAME | modern:NAME | projection`: the X-Served-By header. */
  readonly servedBy: string;
}

/** Who asks. With security `open` every caller is `anonymous`. */
export interface Principal {
  /** Stable key of the caller; answers are shared in flight only within one key. */
  readonly key: string;
  /** The application that calls, when it is known. */
  readonly client?: string;
  /** The facility that it calls for, when it is known. */
  readonly facility?: string;
  /** A tester's wish, of one who may have it: the side that answers an endpoint in canary. */
  readonly side?: Side;
  /** What the caller may do and see; absent: everything (security `open`, and Ficus on its own account). */
  readonly access?: Access;
}

export interface RequestContext {
  readonly requestId: string;
  /** W3C traceparent to hand on. */
  readonly traceparent: string;
  readonly principal: Principal;
  /** Network address of the peer. Absent: nobody is there, Ficus asks on its own account. */
  readonly address?: string;
  /** Aborted when the deadline passes or the client goes away. Handed to everything that waits. */
  readonly signal: Signal;
  /** Epoch milliseconds by the injected Clock; a Layer may derive an earlier one. */
  readonly deadline: number;
  readonly log: Logger;
  /** One leg of the Server-Timing header; duration in milliseconds. */
  readonly timing: (name: string, durationMs: number, description?: string) => void;
  /** Tells of an exchange with a system behind Ficus, for the audit event. Absent: nobody asks. */
  readonly exchanged?: (exchange: Exchange) => void;
  /** Tells that the caller is told of something which a broken glass would open, for the audit event. Absent: nobody asks. */
  readonly toldOfGlass?: () => void;
  /** Calls back once, after the answer has gone (or the client has). Absent: nobody waits for an answer. */
  readonly afterwards?: (work: () => void) => void;
}

/** Everything that can answer an API call. Throws FicusError only. */
export interface Backend {
  handle(request: FhirRequest, context: RequestContext): Promise<FhirResponse>;
}

/** Everything that wraps one. */
export type Layer = (next: Backend) => Backend;

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls back once after `ms`; returns the cancel. Does not keep the process alive. */
  after(ms: number, callback: () => void): () => void;
}

/**
 * Structured log lines by allow-list: keys not on the list are dropped, bodies never appear.
 * `child` binds fields such as requestId.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields & { readonly error?: unknown }): void;
  child(fields: LogFields): Logger;
}

/** Fields by name; those not on the allow-list of src/log-line.ts are dropped. `error` may hold anything thrown. */
export type LogFields = Readonly<Record<string, unknown>>;

/** A side of an endpoint. */
export type Side = 'legacy' | 'modern';

/** How far an endpoint has come (docs/migrating-an-endpoint.md). */
export type Stage = 'legacy' | 'shadow' | 'canary' | 'modern' | 'retired';

/** Whom the modern side answers while an endpoint is in canary. Whoever is on a list is in; of the others, a percentage. */
export interface Cohort {
  /** 0 to 100, of the keyed hash of the patient, else of the client. Whoever is in at 10 is in at 20. */
  readonly percent: number;
  /** The percentage is of these only; absent: of all. */
  readonly within?: { readonly facilities?: readonly string[]; readonly clients?: readonly string[] };
  readonly facilities?: readonly string[];
  readonly clients?: readonly string[];
  /** FHIR ids of patients. */
  readonly patients?: readonly string[];
}

/** Who said what, when: an approval, a hold. */
export interface Signature {
  readonly by: string;
  /** ISO 8601 instant. */
  readonly at: string;
  readonly reason: string;
}

/** How an endpoint is answered now: one row of the route table. */
export interface Route {
  readonly endpoint: Endpoint;
  readonly stage: Stage;
  /** Backend name of the legacy side. */
  readonly legacy?: string;
  /** Backend name of the modern side. */
  readonly modern?: string;
  /** Writes to the modern side: checked against the contract first, or streamed as they come. */
  readonly body: 'validated' | 'streamed';
  readonly owners?: { readonly technical?: string; readonly clinical?: string };
  /** Whom modern answers in canary. */
  readonly cohort?: Cohort;
  /** While it is held, it does not go forward. */
  readonly hold?: Signature;
  /** `retired` takes two: the first of them. */
  readonly retirement?: Signature;
  /** ISO 8601 instant at which the stage was entered. */
  readonly since: string;
  /** Version of the route that the evidence counts from: the entry of the stage, or a later fresh start. */
  readonly run: number;
  /** Counts the changes of this route, from 1. */
  readonly version: number;
  /** ISO 8601 instant. */
  readonly updatedAt: string;
  readonly updatedBy: string;
  readonly reason: string;
}

/** The route table as it survives a restart. Every version of a route is kept. */
export interface RouteStore {
  /** The newest version of every route. */
  load(): Promise<readonly Route[]>;
  /** Adds a version; false when `route.version` is not the one after the newest: another was faster. */
  append(route: Route): Promise<boolean>;
  /** All versions of a route, oldest first. */
  history(endpoint: Endpoint): Promise<readonly Route[]>;
}

/** Tells the replicas that a route has changed: which one, and its version. Whoever hears of a newer one reads it from the store. */
export interface RouteAnnouncer {
  /** Tells everyone who listens, whoever published included. Does not wait. */
  publish(endpoint: Endpoint, version: number): void;
  /** Returns the way to stop. */
  subscribe(listener: (endpoint: Endpoint, version: number) => void): () => void;
}

/** What is known of a write that carries a key. */
export interface WriteRecord {
  /** Digest of what was asked; the same key with another one is refused. */
  readonly fingerprint: string;
  /** `running` past `runningUntil` means that nobody lived to tell the outcome. */
  readonly state: 'running' | 'done' | 'unknown';
  /** Epoch milliseconds: when the attempt that claimed the key has ended for certain. */
  readonly runningUntil: number;
  /** `WriteAttempt.writeId`. */
  readonly writeId?: string;
  /** `WriteAttempt.backend`. */
  readonly backend?: string;
  /** `done`: the answer as JSON text. */
  readonly outcome?: string;
  /** Epoch milliseconds; the record is forgotten then. */
  readonly expiresAt: number;
}

/** Outcomes of writes by key. Each method is durable when it resolves. */
export interface IdempotencyStore {
  /** Claims a free (or expired) key with `record`; else gives what is there and changes nothing. */
  claim(key: string, record: WriteRecord, now: number): Promise<WriteRecord | undefined>;
  /** Replaces the record of a key, unless it is not `from` any more: then false, another was faster. */
  takeOver(key: string, from: WriteRecord, to: WriteRecord): Promise<boolean>;
  /** Replaces the record of a claimed key. */
  settle(key: string, record: WriteRecord): Promise<void>;
  /** Forgets a key whose write never left. */
  release(key: string): Promise<void>;
}

/** Which legacy key an id that cannot be opened stands for: ids made by keyed hash, and those that the modern side gave. */
export interface CrosswalkStore {
  /** Remembers ids; one that is known already keeps its key. */
  remember(
    entries: readonly { readonly id: string; readonly type: string; readonly key: string }[],
  ): Promise<void>;
  find(id: string): Promise<{ readonly type: string; readonly key: string } | undefined>;
  /**
   * Gives a resource that was made elsewhere its legacy key: the id stays the one that clients know, in both directions. An id or a key that has
   * its other half already keeps it.
   */
  assign(entry: { readonly id: string; readonly type: string; readonly key: string }): Promise<void>;
  /** The id that was assigned to a key. Answers at once, from memory. */
  assignedId(type: string, key: string): string | undefined;
  /** The key that an id was assigned. Answers at once, from memory. */
  assignedKey(type: string, id: string): string | undefined;
}
