import type { Readable, Writable } from 'node:stream';
import type { Interaction, Resource } from './fhir/types.ts';
import type { SearchQuery, SearchSet } from './fhir/search-query.ts';

/** One interaction with the FHIR API, independent of HTTP. */
export interface FhirRequest {
  readonly interaction: Interaction;
  /** Resource type, e.g. `Patient`. */
  readonly type: string;
  /** Logical id: read, vread, update. */
  readonly id?: string;
  readonly versionId?: string;
  /** search; and the criteria of a conditional update. */
  readonly query?: SearchQuery;
  /** create, update: the decoded, validated body (absent when the route streams it). */
  readonly resource?: Resource;
  /** create, update: the bytes as the client sent them. */
  readonly body?: Uint8Array | Readable;
  /** `If-Match` version, without `W/` and quotes. */
  readonly ifMatch?: string;
  /** `If-None-Match` of a read, without `W/` and quotes. */
  readonly ifNoneMatch?: string;
  /** `If-None-Exist`: criteria of a conditional create. */
  readonly ifNoneExist?: SearchQuery;
  /** `Idempotency-Key` of a write. */
  readonly idempotencyKey?: string;
  /** `Prefer: handling=`. */
  readonly handling: 'strict' | 'lenient';
  /** `Prefer: return=`. */
  readonly returning?: 'minimal' | 'representation' | 'OperationOutcome';
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
    };

export interface FhirResponse {
  /** HTTP status; 304 and 412 included. */
  readonly status: number;
  /** Lower-case names: etag (`W/"…"`), last-modified, location (relative, `Type/id`), and for `pipe` content-type, content-length, content-encoding. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: FhirBody;
  /** `legacy:NAME | modern:NAME | projection`: the X-Served-By header. */
  readonly servedBy: string;
}

/** Who asks. Without security (this release) every caller is `anonymous`. */
export interface Principal {
  /** Stable key of the caller; answers are shared in flight only within one key. */
  readonly key: string;
}

export interface RequestContext {
  readonly requestId: string;
  /** W3C traceparent to hand on. */
  readonly traceparent: string;
  readonly principal: Principal;
  /** Aborted when the deadline passes or the client goes away. Handed to everything that waits. */
  readonly signal: AbortSignal;
  /** Epoch milliseconds by the injected Clock; a Layer may derive an earlier one. */
  readonly deadline: number;
  readonly log: Logger;
  /** One leg of the Server-Timing header; duration in milliseconds. */
  readonly timing: (name: string, durationMs: number, description?: string) => void;
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

/** Fields by name; those not on the allow-list of src/log.ts are dropped. `error` may hold anything thrown. */
export type LogFields = Readonly<Record<string, unknown>>;
