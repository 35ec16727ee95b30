import { FicusError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { searchsetBundle, searchsetText } from '../fhir/bundle.ts';
import { isFhirId } from '../fhir/id.ts';
import { operationOutcome, outcomeOfError } from '../fhir/outcome.ts';
import { shaped } from '../fhir/summary.ts';
import type { Resource } from '../fhir/types.ts';
import { matchesOf } from '../fhir/written.ts';
import type { SearchQuery, SearchSet } from '../fhir/search-query.ts';
import type { FhirBody } from '../ports.ts';
import { leftOutOf } from './left-out.ts';
import { FHIR_JSON } from './negotiate.ts';
import { validatorsOf } from './perform.ts';
import type { Call, Performed } from './perform.ts';
import { bytesOf, checkPublicId, serialise } from './serialise.ts';

/** What is written to the client. */
export interface Answer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Record<string, string>;
  readonly body: Buffer | Extract<FhirBody, { kind: 'pipe' }> | undefined;
  readonly servedBy: string;
  /** Of a failure: its code in the closed list, for the log. */
  readonly errorCode?: ErrorCode;
}

/** Who answers when no backend was asked. */
export const SERVED_BY_FICUS = 'ficus';

/**
 * `Patient/id` or `Patient/id/_history/version`, from a location relative to the base. Throws when a key would leave.
 */
function publicLocation(location: string, publicBase: string): string {
  const [type, id, , version] = location.split('/');
  const legal =
    type !== undefined && id !== undefined && isFhirId(id) && (version === undefined || isFhirId(version));
  if (!legal) throw new FicusError('internal', 'A location held an id that is no FHIR id; it was not sent');
  return `${publicBase}/${location}`;
}

/** Location of what a create or an update left behind, relative to the base (FHIR R4 http.html#create). */
export function locationOf(performed: Performed, call: Call): string | undefined {
  const { headers, body } = performed.response;
  const given = headers['location'];
  const wrote = call.asked.interaction === 'create' || call.asked.interaction === 'update';
  if (!wrote || body.kind !== 'resource' || body.resource.resourceType !== call.asked.type) return given;
  const { id } = body.resource;
  if (id === undefined) return given;
  const current = `${call.asked.type}/${id}`;
  // Where the version is told by the resource alone, it belongs to the location all the same.
  if (given !== undefined && given !== current) return given;
  const version = (body.resource['meta'] as { versionId?: unknown } | undefined)?.versionId;
  return typeof version === 'string' ? `${current}/_history/${version}` : current;
}

/** The search that a set answers. Throws `internal` when a legacy key would leave with it. */
function searchOf({ query }: Performed, set: SearchSet): SearchQuery {
  for (const resource of [...matchesOf(set), ...set.included]) checkPublicId(resource);
  if (!query) throw new FicusError('internal', 'A search was answered that nobody asked');
  return query;
}

/** The resource that answers, where the answer is ours to write. undefined: none, or a stream. */
export function resourceOf(performed: Performed, call: Call, publicBase: string): Resource | undefined {
  const { body, status } = performed.response;
  if (body.kind === 'searchset') return searchsetBundle(body.set, searchOf(performed, body.set), publicBase);
  if (body.kind !== 'resource') return undefined;
  const wrote = call.asked.interaction === 'create' || call.asked.interaction === 'update';
  if (status >= 300 || body.resource.resourceType === 'OperationOutcome') return body.resource;
  if (!wrote) return performed.query ? shaped(body.resource, performed.query) : body.resource;
  const { returning } = call.preferences;
  if (returning === 'minimal') return undefined;
  if (returning !== 'OperationOutcome') return body.resource;
  return operationOutcome([
    {
      severity: 'information',
      code: 'informational',
      diagnostics: `The ${call.asked.interaction} was carried out`,
    },
    ...(performed.response.issues ?? []),
  ]);
}

/** The HTTP answer to one interaction. Throws `internal` when a legacy key would leave. */
export function answerOf(performed: Performed, call: Call, publicBase: string, pretty: boolean): Answer {
  const { response } = performed;
  const headers: Record<string, string> = { ...response.headers };
  if (response.body.kind === 'resource') {
    const { etag, lastModified } = validatorsOf(response);
    if (etag !== undefined) headers['etag'] = etag;
    if (lastModified !== undefined) headers['last-modified'] = lastModified;
  }
  const location = locationOf(performed, call);
  if (location !== undefined) headers['location'] = publicLocation(location, publicBase);
  const contentLocation = headers['content-location'];
  if (contentLocation !== undefined)
    headers['content-location'] = publicLocation(contentLocation, publicBase);
  const leftOut = leftOutOf(response);
  if (leftOut !== undefined) headers['x-left-out'] = leftOut;
  const { servedBy, status } = response;
  if (response.body.kind === 'pipe') return { status, headers, body: response.body, servedBy };
  if (response.body.kind === 'searchset' && !pretty) {
    const { set } = response.body;
    headers['content-type'] = FHIR_JSON;
    const body = bytesOf(searchsetText(set, searchOf(performed, set), publicBase));
    return { status, headers, body, servedBy };
  }
  const resource = resourceOf(performed, call, publicBase);
  if (!resource) return { status, headers, body: undefined, servedBy };
  headers['content-type'] = FHIR_JSON;
  return { status, headers, body: serialise(resource, pretty), servedBy };
}

/** A failure as it is answered (FHIR R4 http.html#Status-Codes, operationoutcome.html). */
export function answerOfError(error: FicusError, pretty: boolean): Answer {
  const headers: Record<string, string> = { ...error.headers, 'content-type': FHIR_JSON };
  if (error.retryAfter !== undefined) headers['retry-after'] = String(error.retryAfter);
  return {
    status: error.status,
    headers,
    body: serialise(outcomeOfError(error), pretty),
    servedBy: SERVED_BY_FICUS,
    errorCode: error.code,
  };
}
