import { FicusError } from '../errors.ts';
import { endpointNamed } from '../fhir/endpoint.ts';
import type { Endpoint, Resource } from '../fhir/types.ts';
import type { SearchQuery } from '../fhir/search-query.ts';
import type { Backend, FhirRequest, FhirResponse } from '../ports.ts';
import { tellRefused } from './admission.ts';
import type { AdmissionOptions } from './admission.ts';
import { criteriaOf, isConditional, isUnchanged } from './conditions.ts';
import type { Preferences, ReadConditions } from './conditions.ts';
import type { Asked } from './interaction.ts';
import type { RequestScope } from './scope.ts';
import { decodePairs } from './url.ts';
import type { Pairs } from './url.ts';

/** Turns the parameters of a search into a checked query: the contract's rules and FHIR's. Throws FicusError. */
export type ParseSearch = (type: string, pairs: Pairs, handling: 'strict' | 'lenient') => SearchQuery;

/** Reads the parameters of `$everything`. Throws FicusError. */
export type ParseEverything = (
  id: string | undefined,
  pairs: Pairs,
  handling: 'strict' | 'lenient',
) => Required<Pick<FhirRequest, 'query' | 'everything'>>;

/** Reads the parameters of a history. Throws FicusError. */
export type ParseHistory = (
  type: string,
  id: string,
  pairs: Pairs,
) => Required<Pick<FhirRequest, 'query'>> & Pick<FhirRequest, 'since'>;

/** One interaction as it was asked for, by a request or by an entry of a batch. */
export interface Call {
  readonly asked: Extract<Asked, { kind: 'interaction' }>;
  /** Parameters of the address and of the form, without those about presentation. */
  readonly parameters: Pairs;
  readonly preferences: Preferences;
  readonly conditions: ReadConditions;
  readonly ifMatch?: string | undefined;
  /** `If-None-Exist` as it came: criteria in query form. */
  readonly ifNoneExist?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly resource?: Resource | undefined;
  readonly body?: FhirRequest['body'] | undefined;
  readonly bodyLength?: number | undefined;
}

export interface Performed {
  readonly response: FhirResponse;
  /** The search that was made, for its links; of a read, what is asked for of the resource. */
  readonly query?: SearchQuery | undefined;
}

export function endpointOf(asked: Call['asked']): Endpoint {
  return endpointNamed(asked.type, asked.interaction);
}

/**
 * Criteria decide what is written: what is not understood in them is an error, whatever handling the client prefers.
 */
function parseCriteria(type: string, pairs: Pairs, parseSearch: ParseSearch, header?: string): SearchQuery {
  const query = parseSearch(type, pairs, 'strict');
  if (query.filters.length > 0) return query;
  const message = `${header ?? 'A conditional update'} needs at least one search parameter`;
  throw new FicusError('parameter-invalid', message, header === undefined ? {} : { expression: [header] });
}

/** The parameters that say how much of a resource a read gives (FHIR R4 http.html#read). */
const SHAPING: readonly string[] = ['_summary', '_elements'];

/** Throws `parameter-unknown` for a parameter that an interaction does not take. */
export function refuseParameters(what: string, parameters: Pairs, known: readonly string[] = []): void {
  const other = parameters.find(([name]) => !known.includes(name));
  if (!other) return;
  const expression = [other[0].slice(0, 64)];
  throw new FicusError('parameter-unknown', `There is no such parameter here (${what})`, { expression });
}

function queryOf(call: Call, parseSearch: ParseSearch): SearchQuery | undefined {
  const { asked, parameters } = call;
  if (asked.interaction === 'search') return parseSearch(asked.type, parameters, call.preferences.handling);
  if (asked.interaction === 'update' && asked.id === undefined) {
    return parseCriteria(asked.type, parameters, parseSearch);
  }
  const shaping = asked.interaction === 'read' || asked.interaction === 'vread' ? SHAPING : [];
  refuseParameters(asked.interaction, parameters, shaping);
  if (parameters.length === 0) return undefined;
  const query = parseSearch(asked.type, parameters, call.preferences.handling);
  if (query.summary !== 'count') return query;
  throw new FicusError('parameter-invalid', 'Only the matches of a search can be counted', {
    expression: ['_summary'],
  });
}

/** The interaction in the terms of the port. Throws `parameter-*`, `search-unsupported`. */
export function toFhirRequest(
  call: Call,
  {
    parseSearch,
    parseEverything,
    parseHistory,
  }: Pick<PerformOptions, 'parseSearch' | 'parseEverything' | 'parseHistory'>,
): FhirRequest {
  const { asked, conditions, parameters } = call;
  if (asked.interaction === 'everything') return everythingOf(call, parseEverything);
  if (asked.interaction === 'history') return historyOf(call, parseHistory);
  const query = queryOf(call, parseSearch);
  const [ifNoneMatch, ...more] = conditions.ifNoneMatch;
  const single =
    ifNoneMatch !== undefined && ifNoneMatch !== '*' && more.length === 0 ? ifNoneMatch : undefined;
  const create = asked.interaction === 'create';
  const ifNoneExist =
    create && call.ifNoneExist !== undefined
      ? parseCriteria(asked.type, decodePairs(criteriaOf(call.ifNoneExist)), parseSearch, 'If-None-Exist')
      : undefined;
  const read = asked.interaction === 'read' || asked.interaction === 'vread';
  const { handling, lossy, returning } = call.preferences;
  const request: { -readonly [Name in keyof FhirRequest]: FhirRequest[Name] } = {
    interaction: asked.interaction,
    type: asked.type,
    handling,
  };
  if (lossy && (create || asked.interaction === 'update')) request.lossy = true;
  if (asked.id !== undefined) request.id = asked.id;
  if (asked.versionId !== undefined) request.versionId = asked.versionId;
  if (query) request.query = query;
  if (asked.interaction === 'search') request.asked = parameters;
  if (call.resource) request.resource = call.resource;
  if (call.body) request.body = call.body;
  if (call.bodyLength !== undefined) request.bodyLength = call.bodyLength;
  if (call.ifMatch !== undefined) request.ifMatch = call.ifMatch;
  if (read && single !== undefined) request.ifNoneMatch = single;
  if (ifNoneExist) request.ifNoneExist = ifNoneExist;
  if (call.idempotencyKey !== undefined) request.idempotencyKey = call.idempotencyKey;
  if (returning) request.returning = returning;
  return request;
}

function everythingOf(
  { asked, parameters, preferences }: Call,
  parse: ParseEverything | undefined,
): FhirRequest {
  if (!parse) throw new FicusError('not-implemented', 'This operation is not carried out here');
  const { type, id } = asked;
  const { handling } = preferences;
  const named = id === undefined ? {} : { id };
  const read = parse(id, parameters, handling);
  return { interaction: 'everything', type, ...named, ...read, asked: parameters, handling };
}

function historyOf({ asked, parameters, preferences }: Call, parse: ParseHistory | undefined): FhirRequest {
  const { type, id } = asked;
  if (!parse || id === undefined) throw new FicusError('not-implemented', 'Histories are not answered here');
  const { handling } = preferences;
  return { interaction: 'history', type, id, ...parse(type, id, parameters), handling };
}

function release(response: FhirResponse): void {
  if (response.body.kind === 'pipe') response.body.discard();
}

/** `ETag` and `Last-Modified` of an answer: its headers', else what its resource says of itself. */
export function validatorsOf(response: FhirResponse): {
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
} {
  const resource = response.body.kind === 'resource' ? response.body.resource : undefined;
  const meta = resource?.['meta'] as { versionId?: unknown; lastUpdated?: unknown } | undefined;
  const etag =
    response.headers['etag'] ?? (typeof meta?.versionId === 'string' ? `W/"${meta.versionId}"` : undefined);
  const updated = typeof meta?.lastUpdated === 'string' ? Date.parse(meta.lastUpdated) : Number.NaN;
  const lastModified =
    response.headers['last-modified'] ??
    (Number.isFinite(updated) ? new Date(updated).toUTCString() : undefined);
  return { etag, lastModified };
}

export interface PerformOptions extends Pick<AdmissionOptions, 'refused'> {
  readonly backend: Backend;
  readonly parseSearch: ParseSearch;
  /** Absent: the operation is not promised. */
  readonly parseEverything?: ParseEverything;
  /** Absent: no history is promised. */
  readonly parseHistory?: ParseHistory;
}

/** What was left out of a search may be what was to bound it. */
function withIgnored(error: unknown, query: SearchQuery | undefined): unknown {
  const ignored = query?.ignored ?? [];
  if (ignored.length === 0 || !(error instanceof FicusError) || error.code !== 'too-costly') return error;
  return new FicusError(error.code, error.message, { cause: error, issues: [...error.issues, ...ignored] });
}

/**
 * Asks the Backend, within the deadline, and makes 304 of an answer that the client already has.
 * Throws FicusError.
 */
export async function perform(call: Call, deps: PerformOptions, scope: RequestScope): Promise<Performed> {
  scope.put = true;
  let request: FhirRequest;
  try {
    request = toFhirRequest(call, deps);
  } catch (error) {
    await tellRefused(deps, scope, endpointOf(call.asked), error, call.parameters);
    throw error;
  }
  const { interaction } = request;
  const write = interaction === 'create' || interaction === 'update';
  const { query } = request;
  let response: FhirResponse;
  try {
    response = await scope.within(deps.backend.handle(request, scope.context()), write, release);
  } catch (error) {
    throw withIgnored(error, query);
  }
  const read = interaction === 'read' || interaction === 'vread';
  if (response.status !== 200 || !read || !isConditional(call.conditions)) return { response, query };
  const { etag, lastModified } = validatorsOf(response);
  if (!isUnchanged(call.conditions, etag, lastModified)) return { response, query };
  release(response);
  const { servedBy } = response;
  const headers = { ...(etag ? { etag } : {}), ...(lastModified ? { 'last-modified': lastModified } : {}) };
  return { response: { status: 304, headers, body: { kind: 'none' }, servedBy }, query };
}
