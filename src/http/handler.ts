import type { IncomingMessage, ServerResponse } from 'node:http';
import { FicusError, toFicusError } from '../errors.ts';
import type { Endpoint, Interaction, Resource } from '../fhir/types.ts';
import type { Metrics } from '../metrics.ts';
import type { Backend, Clock, Logger } from '../ports.ts';
import { admit, countAsked, tellRefused } from './admission.ts';
import type { AdmissionOptions } from './admission.ts';
import { SERVED_BY_FICUS, answerOf, answerOfError } from './answer.ts';
import type { Answer } from './answer.ts';
import { answerBatch } from './batch-request.ts';
import { readBody, streamBody } from './body.ts';
import { capabilityAnswer } from './capability.ts';
import {
  headerText,
  parseIdempotencyKey,
  parseIfMatch,
  parseIfNoneMatch,
  parsePrefer,
} from './conditions.ts';
import { corsHeaders } from './cors.ts';
import type { CorsOptions } from './cors.ts';
import { refuseStrayToken } from './credentials.ts';
import { TRUST_NOBODY, clientAddress } from './forwarded.ts';
import type { TrustPeer } from './forwarded.ts';
import { allowedMethods, askedOf, parseAddress } from './interaction.ts';
import type { Address, Asked } from './interaction.ts';
import { checkAccept, checkFhirBody, takePresentation } from './negotiate.ts';
import { bodyParameters } from './parameters.ts';
import { endpointOf, perform, refuseParameters } from './perform.ts';
import type { Call, ParseEverything, ParseHistory, ParseSearch } from './perform.ts';
import { refuseSenselessHeaders } from './preconditions.ts';
import { principalOf } from './principal.ts';
import type { CallerHeaders } from './principal.ts';
import { parseResource } from './resource-body.ts';
import { RequestScope } from './scope.ts';
import { SMART_CONFIGURATION_PATH, smartConfigurationAnswer } from './smart-configuration.ts';
import { requestIdOf, traceparentOf } from './trace.ts';
import { refuseUpsert } from './update-only.ts';
import { decodePairs } from './url.ts';
import type { Pairs } from './url.ts';
import { writeAnswer } from './write.ts';

export interface FhirOptions extends AdmissionOptions {
  readonly backend: Backend;
  /** The interactions promised for a type; undefined when the type is not part of the API. */
  readonly promised: (type: string) => readonly Interaction[] | undefined;
  readonly parseSearch: ParseSearch;
  /** Absent: `$everything` is not promised. */
  readonly parseEverything?: ParseEverything;
  /** Absent: no history is promised. */
  readonly parseHistory?: ParseHistory;
  /**
   * Headers that tell of the end of a life, that of a type or of an operation (`Patient.everything`); undefined: it has
   * none in sight.
   */
  readonly ending?: (what: string) => Readonly<Record<string, string>> | undefined;
  /** The CapabilityStatement as it is now. The same object while nothing has changed. */
  readonly capability: () => Resource;
  /** `.well-known/smart-configuration`; absent: security is open. */
  readonly smartConfiguration?: () => Promise<object>;
  /** Whether a write is decoded and validated first, or streamed on; default `validated`. */
  readonly bodyOf?: (endpoint: Endpoint) => 'validated' | 'streamed';
  /** FHIR base address that clients see, without trailing slash: in Location, fullUrl and links. */
  readonly publicBase: () => string;
  readonly http: {
    readonly deadlineMs: number;
    readonly maxBodyBytes: number;
    readonly compression: boolean;
    readonly cors?: CorsOptions | undefined;
  };
  /** Headers that say who calls while security is open; absent: everyone is anonymous. */
  readonly callers?: CallerHeaders;
  /** Peers that are proxies: whom they name is whoever asks. Absent: none is. */
  readonly trusts?: TrustPeer;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'request'>;
}

/** One request while its answer is made. */
interface Turn {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly scope: RequestScope;
  cors: Readonly<Record<string, string>>;
  /** Headers that tell of the end of what is asked for. */
  ending: Readonly<Record<string, string>> | undefined;
  /** Template of the address for log and metrics: `Patient.read`, `batch`; never a value. */
  route: string;
  pretty: boolean;
  /**
   * May change something: then it is carried to its end although the client has gone, for what is done must be known.
   */
  writes: boolean;
}

/** The FHIR API: every request below the base is answered here, every failure with an OperationOutcome. */
export class FhirHandler {
  readonly #options: FhirOptions;

  constructor(options: FhirOptions) {
    this.#options = options;
  }

  /**
   * Answers one request. Never rejects.
   *
   * @param path below the FHIR base; undefined when the request is outside of it
   * @param query undecoded
   */
  async handle(
    req: IncomingMessage,
    res: ServerResponse,
    path: string | undefined,
    query: string,
  ): Promise<void> {
    const { clock, log, http, callers } = this.#options;
    const scope = new RequestScope({
      requestId: requestIdOf(req.headers['x-request-id']),
      traceparent: traceparentOf(req.headers['traceparent']),
      clock,
      log,
      deadlineMs: http.deadlineMs,
      principal: principalOf(req.headers, callers),
      address: clientAddress(req, this.#options.trusts ?? TRUST_NOBODY),
    });
    const turn: Turn = {
      req,
      res,
      scope,
      cors: corsHeaders(http.cors, req),
      ending: undefined,
      route: 'unrouted',
      pretty: false,
      writes: false,
    };
    let answer: Answer;
    res.on('close', () => this.#closed(turn, answer));
    try {
      if (path === undefined) throw new FicusError('not-found', 'There is nothing at this address');
      answer = await this.#answer(turn, path, query);
    } catch (error) {
      answer = this.#failed(turn, error);
    }
    const limits = scope.admission?.headers();
    if (turn.ending || limits) {
      answer = { ...answer, headers: { ...limits, ...answer.headers, ...turn.ending } };
    }
    try {
      scope.answered();
      await writeAnswer(turn, answer, http.compression);
    } catch (error) {
      // The headers may be out: what was cut short must not look complete.
      scope.log.warn('answer broke off', { route: turn.route, error });
      res.destroy();
    }
  }

  #failed(turn: Turn, error: unknown): Answer {
    const failure = toFicusError(error);
    if (failure.code === 'internal') turn.scope.log.error('fault', { route: turn.route, error });
    return answerOfError(failure, turn.pretty);
  }

  #closed(turn: Turn, answer: Answer | undefined): void {
    const { res, scope, route } = turn;
    const aborted = !res.writableFinished;
    if (aborted && !turn.writes) scope.gone();
    // 499: the client went away before its answer was whole.
    const status = aborted ? 499 : res.statusCode;
    const servedBy = answer?.servedBy ?? SERVED_BY_FICUS;
    const durationMs = scope.elapsed();
    this.#options.metrics.request(route, status, servedBy, durationMs / 1000);
    this.#options.log.info('request', {
      requestId: scope.requestId,
      method: turn.req.method,
      route,
      status,
      durationMs,
      servedBy,
      errorCode: answer?.errorCode,
    });
    scope.closed();
  }

  async #answer(turn: Turn, path: string, query: string): Promise<Answer> {
    const { req } = turn;
    const method = req.method ?? 'GET';
    const { promised } = this.#options;
    if (path === SMART_CONFIGURATION_PATH) {
      turn.route = 'smart-configuration';
      turn.cors = {};
      return smartConfigurationAnswer(req, this.#options.smartConfiguration);
    }
    const address = parseAddress(path);
    if (!address) throw new FicusError('not-promised', 'There is no such address in this API');
    if (method === 'OPTIONS') return this.#allow(turn, address);
    const asked = askedOf(method, address, promised);
    turn.route = asked.kind === 'interaction' ? endpointOf(asked) : asked.kind;
    const presentation = takePresentation(decodePairs(query));
    turn.pretty = presentation.pretty;
    checkAccept(req.headers.accept, presentation.format);
    const { authenticator, limiter } = this.#options;
    if (asked.kind !== 'metadata' && (authenticator || limiter)) {
      await admit(req, turn.scope, asked, turn.route, presentation.others, this.#options);
    }
    if (asked.kind === 'metadata')
      return capabilityAnswer(this.#options.capability(), req.headers, presentation.pretty);
    if (asked.kind === 'batch') {
      refuseParameters('batch', presentation.others);
      turn.writes = true;
    }
    try {
      return await (asked.kind === 'batch'
        ? answerBatch(turn, this.#options)
        : this.#interaction(turn, asked, presentation.others));
    } catch (error) {
      // What failed before it was put to anybody is told like what was turned away at the door.
      if (!turn.scope.put) await tellRefused(this.#options, turn.scope, turn.route, error);
      throw error;
    }
  }

  #allow(turn: Turn, address: Address): Answer {
    turn.route = 'options';
    const promised = 'type' in address ? (this.#options.promised(address.type) ?? []) : [];
    const headers = { allow: allowedMethods(address, promised).join(', ') };
    return { status: 204, headers, body: undefined, servedBy: SERVED_BY_FICUS };
  }

  async #interaction(
    turn: Turn,
    asked: Extract<Asked, { kind: 'interaction' }>,
    others: Pairs,
  ): Promise<Answer> {
    const { headers } = turn.req;
    const write = asked.interaction === 'create' || asked.interaction === 'update';
    turn.writes = write;
    turn.ending = this.#options.ending?.(endpointOf(asked)) ?? this.#options.ending?.(asked.type);
    refuseSenselessHeaders(asked.interaction, headers);
    const conditions = {
      ifNoneMatch: parseIfNoneMatch(headers['if-none-match']),
      ifModifiedSince: headers['if-modified-since'],
    };
    let parameters = others;
    if (asked.form || asked.inBody) {
      const { req, res, scope } = turn;
      const form = asked.form ? 'urlencoded' : 'Parameters';
      const pairs = await bodyParameters(req, res, form, scope.signal);
      if (this.#options.authenticator) refuseStrayToken(pairs);
      const inBody = takePresentation(pairs);
      checkAccept(headers.accept, inBody.format);
      turn.pretty ||= inBody.pretty;
      parameters = [...others, ...inBody.others];
    }
    if (turn.scope.admission) await countAsked(turn.scope.admission, asked, parameters);
    const ifNoneExist = headers['if-none-exist'];
    const call: Call = {
      asked,
      parameters,
      preferences: parsePrefer(headerText(headers['prefer'])),
      conditions,
      ifMatch: write ? parseIfMatch(headers['if-match']) : undefined,
      ifNoneExist: headerText(ifNoneExist),
      idempotencyKey: write ? parseIdempotencyKey(headers['idempotency-key']) : undefined,
      ...(write ? await this.#written(turn, asked) : {}),
    };
    const asking = perform(call, this.#options, turn.scope);
    const performed = await (write
      ? asking.catch((error: unknown) => refuseUpsert(error, asked, this.#options.promised))
      : asking);
    return answerOf(performed, call, this.#options.publicBase(), turn.pretty);
  }

  /**
   * The body of a write: decoded, or a stream where the route wants it as it comes and the caller may write anything.
   */
  async #written(
    turn: Turn,
    asked: Extract<Asked, { kind: 'interaction' }>,
  ): Promise<Pick<Call, 'resource' | 'body' | 'bodyLength'>> {
    const { req, res, scope } = turn;
    const { maxBodyBytes } = this.#options.http;
    checkFhirBody(req.headers);
    const mode = this.#options.bodyOf?.(endpointOf(asked)) ?? 'validated';
    // What a caller may write depends on the content.
    if (mode === 'streamed' && !scope.principal.access) {
      const length = req.headers['content-length'];
      const bodyLength = length === undefined ? undefined : Number(length);
      return { body: streamBody(req, res, maxBodyBytes), bodyLength };
    }
    const body = await readBody(req, res, maxBodyBytes, scope.signal);
    return { resource: parseResource(body), body };
  }
}
