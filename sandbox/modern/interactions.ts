import { capabilityStatement } from './capability.ts';
import { Failure, outcome } from './failure.ts';
import { isObject, parseJson, string, type Resource } from './json.ts';
import { parseSearch, type Search } from './search.ts';
import type { Store, Version } from './store.ts';
import type { HttpAnswer } from '../http.ts';

/** A request of the FHIR API, taken apart. */
export interface FhirCall {
  readonly interaction: 'read' | 'vread' | 'search' | 'create' | 'update' | 'metadata';
  readonly id: string;
  readonly versionId: string;
  readonly pairs: readonly (readonly [string, string])[];
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

const JSON_TYPE = 'application/fhir+json; charset=utf-8';
const ID = /^[A-Za-z0-9\-.]{1,64}$/;
const STATUSES = 'registered preliminary final amended corrected cancelled entered-in-error unknown'.split(
  ' ',
);

export function fhirAnswer(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  return { status, headers: { 'content-type': JSON_TYPE, ...headers }, body };
}

/**
 * The interactions of the service over its store; throws Failure.
 * @param base own base URL, without a slash at the end
 * @param started ISO 8601, the date of the CapabilityStatement
 */
export function perform(call: FhirCall, store: Store, base: string, started: string): HttpAnswer {
  const interactions: Readonly<Record<FhirCall['interaction'], () => HttpAnswer>> = {
    read: () => read(store.current(call.id), call),
    vread: () => read(store.version(call.id, call.versionId), call),
    search: () => search(call, store, base),
    create: () => create(call, store, base),
    update: () => update(call, store, base),
    metadata: () => fhirAnswer(200, capabilityStatement(base, started)),
  };
  return interactions[call.interaction]();
}

function read(version: Version | undefined, call: FhirCall): HttpAnswer {
  if (!version) throw new Failure(404, 'not-found', 'No such Observation');
  const headers = versionHeaders(version);
  const known = call.headers['if-none-match'];
  if (known !== undefined && (known === '*' || versionsIn(known).includes(version.versionId))) {
    return { status: 304, headers, body: '' };
  }
  const since = Date.parse(call.headers['if-modified-since'] ?? '');
  if (known === undefined && Date.parse(headers['last-modified']) <= since)
    return { status: 304, headers, body: '' };
  const { project } = parseSearch(
    call.pairs.filter(([name]) => name.startsWith('_')),
    '',
    false,
  );
  const resource = project(version.resource);
  return fhirAnswer(200, resource === version.resource ? version.text : JSON.stringify(resource), headers);
}

function versionHeaders(version: Version): { etag: string; 'last-modified': string } {
  return { etag: `W/"${version.versionId}"`, 'last-modified': new Date(version.lastUpdated).toUTCString() };
}

function versionsIn(header: string): string[] {
  return header.split(',').map((tag) => tag.trim().replace(/^W\//, '').replaceAll('"', ''));
}

function search(call: FhirCall, store: Store, base: string): HttpAnswer {
  const strict = (call.headers['prefer'] ?? '').includes('handling=strict');
  const asked = parseSearch(call.pairs, base, strict);
  const found = store.all().filter((version) => asked.matches(version.resource));
  const sorted = asked.compare ? found.toSorted(asked.compare) : found;
  const here = asked.countOnly ? [] : sorted.slice(asked.offset, asked.offset + asked.count);
  const link = (relation: string, offset: number): string =>
    `{"relation":"${relation}","url":${JSON.stringify(searchUrl(asked, offset, base))}}`;
  const next = asked.offset + here.length;
  const links = [link('self', asked.offset)];
  if (!asked.countOnly && next < sorted.length) links.push(link('next', next));
  if (!asked.countOnly && asked.offset > 0)
    links.push(link('previous', Math.max(0, asked.offset - asked.count)));
  const entries = here.map(({ id, resource, text }) => {
    const projected = asked.project(resource);
    const json = projected === resource ? text : JSON.stringify(projected);
    return `{"fullUrl":"${base}/Observation/${id}","resource":${json},"search":{"mode":"match"}}`;
  });
  if (asked.ignored.length > 0) {
    const text = `Not known here and left out: ${asked.ignored.join(', ')}`;
    entries.push(`{"resource":${outcome('warning', 'not-supported', text)},"search":{"mode":"outcome"}}`);
  }
  const body = [
    `"resourceType":"Bundle","type":"searchset","total":${sorted.length}`,
    `"link":[${links.join(',')}]`,
  ];
  if (entries.length > 0) body.push(`"entry":[${entries.join(',')}]`);
  return fhirAnswer(200, `{${body.join(',')}}`);
}

function searchUrl(asked: Search, offset: number, base: string): string {
  const query = new URLSearchParams(asked.applied.map(([name, value]): [string, string] => [name, value]));
  query.append('_count', String(asked.count));
  if (offset > 0) query.append('_offset', String(offset));
  return `${base}/Observation?${query.toString()}`;
}

function create(call: FhirCall, store: Store, base: string): HttpAnswer {
  const resource = parseObservation(call);
  const criteria = call.headers['if-none-exist'];
  if (criteria !== undefined) {
    const existing = matching(criteria, store, base);
    if (existing) return written(existing, 200, call, base);
  }
  return written(store.create(resource), 201, call, base);
}

function update(call: FhirCall, store: Store, base: string): HttpAnswer {
  const resource = parseObservation(call);
  const own = string(resource['id']);
  if (call.id === '') {
    const existing = matching(
      new URLSearchParams(call.pairs.map(([n, v]): [string, string] => [n, v])).toString(),
      store,
      base,
    );
    if (existing && own !== '' && own !== existing.id)
      throw new Failure(400, 'invalid', 'The id is not that of the match');
    checkPreconditions(call, existing);
    if (existing) return written(store.put(existing.id, resource), 200, call, base);
    return written(own === '' ? store.create(resource) : store.put(own, resource), 201, call, base);
  }
  if (own !== call.id) throw new Failure(400, 'invalid', 'Observation.id is not the id of the URL');
  const existing = store.current(call.id);
  checkPreconditions(call, existing);
  return written(store.put(call.id, resource), existing ? 200 : 201, call, base);
}

/** If-Match, If-None-Match: * (RFC 9110 §13.1). */
function checkPreconditions(call: FhirCall, existing: Version | undefined): void {
  const ifMatch = call.headers['if-match'];
  if (
    ifMatch !== undefined &&
    !(existing && (ifMatch === '*' || versionsIn(ifMatch).includes(existing.versionId)))
  ) {
    throw new Failure(412, 'conflict', 'The version is not the current one');
  }
  if (call.headers['if-none-match'] === '*' && existing)
    throw new Failure(412, 'conflict', 'It is there already');
}

/** The one Observation that meets the criteria; throws 412 for several. */
function matching(criteria: string, store: Store, base: string): Version | undefined {
  const pairs = [...new URLSearchParams(criteria.replace(/^.*\?/, ''))];
  const asked = parseSearch(pairs, base, true);
  if (asked.applied.length === 0) throw new Failure(400, 'invalid', 'There are no criteria');
  const [first, second] = store.all().filter((version) => asked.matches(version.resource));
  if (second) throw new Failure(412, 'multiple-matches', 'Several Observations meet the criteria');
  return first;
}

function parseObservation(call: FhirCall): Resource {
  const type = (call.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (!['application/fhir+json', 'application/json'].includes(type)) {
    throw new Failure(415, 'not-supported', 'The body is application/fhir+json');
  }
  return readObservation(call.body.toString('utf8'));
}

/** Reads and checks what the service needs to rely on. Throws Failure 400 or 422. */
export function readObservation(text: string): Resource {
  let json;
  try {
    json = parseJson(text);
  } catch {
    throw new Failure(400, 'structure', 'The body is not JSON');
  }
  if (!isObject(json) || json['resourceType'] !== 'Observation') {
    throw new Failure(400, 'structure', 'The body is no Observation');
  }
  const id = json['id'];
  if (id !== undefined && !(typeof id === 'string' && ID.test(id)))
    throw new Failure(400, 'value', 'Observation.id');
  if (!STATUSES.includes(string(json['status'])))
    throw new Failure(422, 'code-invalid', 'Observation.status');
  if (!isObject(json['code'])) throw new Failure(422, 'required', 'Observation.code');
  return { ...json, resourceType: 'Observation' };
}

function written(version: Version, status: 200 | 201, call: FhirCall, base: string): HttpAnswer {
  const headers = {
    ...versionHeaders(version),
    location: `${base}/Observation/${version.id}/_history/${version.versionId}`,
  };
  const prefer = /return=(\w+)/.exec(call.headers['prefer'] ?? '')?.[1];
  if (prefer === 'minimal') return { status, headers, body: '' };
  if (prefer === 'OperationOutcome')
    return fhirAnswer(status, outcome('information', 'informational', 'Stored'), headers);
  return fhirAnswer(status, version.text, headers);
}
