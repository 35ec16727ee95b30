import type { Readable } from 'node:stream';
import { FicusError } from '../../src/errors.ts';
import type { FhirRequest, RequestContext } from '../../src/ports.ts';
import type { SearchQuery } from '../../src/fhir/search-query.ts';

/** What goes over the wire to a modern service. */
export interface UpstreamRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: Uint8Array | Readable | null;
}

/** Longer searches go as `POST _search` (FHIR R4 http.html#search): servers cap the length of a request line. */
const LONGEST_QUERY = 4_000;
const FHIR_JSON = 'application/fhir+json';

/** The search as it is really made, in `application/x-www-form-urlencoded` form. */
function encodeQuery(query: SearchQuery): string {
  return query.applied
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
}

function bodyOf(request: FhirRequest): Uint8Array | Readable {
  if (request.body !== undefined) return request.body;
  return Buffer.from(JSON.stringify(request.resource ?? null));
}

function headersOf(request: FhirRequest, context: RequestContext, fixed: readonly string[]): string[] {
  const headers = ['accept', FHIR_JSON];
  // The links in the answer are replaced in its bytes, so they must be readable.
  headers.push('accept-encoding', 'identity');
  headers.push('x-request-id', context.requestId, 'traceparent', context.traceparent, ...fixed);
  const prefer = request.handling === 'strict' ? ['handling=strict'] : [];
  if (request.returning) prefer.push(`return=${request.returning}`);
  if (prefer.length > 0) headers.push('prefer', prefer.join(', '));
  return headers;
}

/** @throws FicusError `page-expired` for a page that is not the service's own */
function refuseForeignPage(query: SearchQuery | undefined): void {
  if (query?.page === undefined || query.applied.some(([, value]) => value === query.page)) return;
  throw new FicusError(
    'page-expired',
    'This page was offered by another system; the search has to begin again',
  );
}

function searchRequest(typePath: string, query: SearchQuery | undefined, headers: string[]): UpstreamRequest {
  refuseForeignPage(query);
  const text = query ? encodeQuery(query) : '';
  if (text.length <= LONGEST_QUERY) {
    return { method: 'GET', path: text === '' ? typePath : `${typePath}?${text}`, headers, body: null };
  }
  headers.push('content-type', 'application/x-www-form-urlencoded');
  return { method: 'POST', path: `${typePath}/_search`, headers, body: Buffer.from(text) };
}

function writeRequest(request: FhirRequest, typePath: string, headers: string[]): UpstreamRequest {
  headers.push('content-type', FHIR_JSON);
  if (request.ifMatch !== undefined) headers.push('if-match', `W/"${request.ifMatch}"`);
  if (request.ifNoneExist) headers.push('if-none-exist', encodeQuery(request.ifNoneExist));
  if (request.idempotencyKey !== undefined) headers.push('idempotency-key', request.idempotencyKey);
  const body = bodyOf(request);
  if (request.bodyLength !== undefined && !(body instanceof Uint8Array))
    headers.push('content-length', String(request.bodyLength));
  if (request.interaction === 'create') return { method: 'POST', path: typePath, headers, body };
  const criteria = request.id === undefined && request.query ? `?${encodeQuery(request.query)}` : undefined;
  return {
    method: 'PUT',
    path: typePath + (criteria ?? `/${encodeURIComponent(request.id ?? '')}`),
    headers,
    body,
  };
}

/**
 * The HTTP request of one interaction (FHIR R4 http.html). Only what is listed here is sent: nothing that the client
 * said about hops, forwarding or connections goes on.
 *
 * @param basePath path of the service's base address, without trailing slash
 * @param fixed headers of the service's own, e.g. its credentials
 * Throws `page-expired` for a page of a search that another backend began.
 */
export function upstreamRequest(
  request: FhirRequest,
  context: RequestContext,
  basePath: string,
  fixed: readonly string[],
): UpstreamRequest {
  const headers = headersOf(request, context, fixed);
  const typePath = `${basePath}/${request.type}`;
  if (request.interaction === 'search') return searchRequest(typePath, request.query, headers);
  if (request.interaction === 'create' || request.interaction === 'update')
    return writeRequest(request, typePath, headers);
  if (request.ifNoneMatch !== undefined) headers.push('if-none-match', `W/"${request.ifNoneMatch}"`);
  const version = request.versionId === undefined ? '' : `/${encodeURIComponent(request.versionId)}`;
  const history = request.interaction === 'history' || version !== '' ? `/_history${version}` : '';
  refuseForeignPage(request.query);
  const shape = request.query ? `?${encodeQuery(request.query)}` : '';
  return {
    method: 'GET',
    path: `${typePath}/${encodeURIComponent(request.id ?? '')}${history}${shape}`,
    headers,
    body: null,
  };
}
