import { Failure, outcome } from './failure.ts';
import { isObject, objects, parseJson, string, type Json, type Resource } from './json.ts';
import { parseSearch, type Search } from './search.ts';
import type { Store, Version } from './store.ts';
import { TYPES } from './types/index.ts';
import type { ResourceType } from './types/type.ts';
import type { HttpAnswer } from '../http.ts';

/** A request of the FHIR API, taken apart. */
export interface FhirCall {
  readonly interaction: 'read' | 'vread' | 'search' | 'create' | 'update';
  readonly type: ResourceType;
  readonly id: string;
  readonly versionId: string;
  readonly pairs: readonly (readonly [string, string])[];
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

const JSON_TYPE = 'application/fhir+json; charset=utf-8';
const ID = /^[A-Za-z0-9\-.]{1,64}$/;

export function fhirAnswer(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  return { status, headers: { 'content-type': JSON_TYPE, ...headers }, body };
}

/** What the service has, and what stands between it and the wire. */
export interface Served {
  readonly storeOf: (type: ResourceType) => Store;
  /** Own base URL, without a slash at the end. */
  readonly base: string;
  /** The resource as it is answered: as it is, while no planted fault touches it. */
  readonly shown: (resource: Resource) => Resource;
  /** The entries of a page in the order in which they are answered. */
  readonly ordered: (page: readonly Version[]) => readonly Version[];
}

/** The interactions of the service over its store; throws Failure. */
export function perform(call: FhirCall, served: Served): HttpAnswer {
  const store = served.storeOf(call.type);
  const interactions: Readonly<Record<FhirCall['interaction'], () => HttpAnswer>> = {
    read: () => read(store.current(call.id), call, served),
    vread: () => read(store.version(call.id, call.versionId), call, served),
    search: () => search(call, store, served),
    create: () => create(call, store, served.base),
    update: () => update(call, store, served.base),
  };
  return interactions[call.interaction]();
}

/** The JSON of a resource; as it is stored it is kept ready. */
function textOf(version: Version, asked: Search, { shown }: Served): string {
  const resource = asked.project(shown(version.resource));
  return resource === version.resource ? version.text : JSON.stringify(resource);
}

function read(version: Version | undefined, call: FhirCall, served: Served): HttpAnswer {
  if (!version) throw new Failure(404, 'not-found', `No such ${call.type.name}`);
  const headers = versionHeaders(version);
  const known = call.headers['if-none-match'];
  if (known !== undefined && (known === '*' || versionsIn(known).includes(version.versionId))) {
    return { status: 304, headers, body: '' };
  }
  const since = Date.parse(call.headers['if-modified-since'] ?? '');
  if (known === undefined && Date.parse(headers['last-modified']) <= since)
    return { status: 304, headers, body: '' };
  const asked = parseSearch(
    call.type,
    call.pairs.filter(([name]) => name.startsWith('_')),
    '',
    false,
  );
  return fhirAnswer(200, textOf(version, asked, served), headers);
}

function versionHeaders(version: Version): { etag: string; 'last-modified': string } {
  return { etag: `W/"${version.versionId}"`, 'last-modified': new Date(version.lastUpdated).toUTCString() };
}

function versionsIn(header: string): string[] {
  return header.split(',').map((tag) => tag.trim().replace(/^W\//, '').replaceAll('"', ''));
}

function search(call: FhirCall, store: Store, served: Served): HttpAnswer {
  const { base } = served;
  const strict = (call.headers['prefer'] ?? '').includes('handling=strict');
  const asked = parseSearch(call.type, call.pairs, base, strict);
  const found = store.all().filter((version) => asked.matches(version.resource));
  const sorted = asked.compare ? found.toSorted(asked.compare) : found;
  const here = asked.countOnly ? [] : sorted.slice(asked.offset, asked.offset + asked.count);
  const link = (relation: string, offset: number): string =>
    `{"relation":"${relation}","url":${JSON.stringify(searchUrl(call.type, asked, offset, base))}}`;
  const next = asked.offset + here.length;
  const links = [link('self', asked.offset)];
  if (!asked.countOnly && next < sorted.length) links.push(link('next', next));
  if (!asked.countOnly && asked.offset > 0)
    links.push(link('previous', Math.max(0, asked.offset - asked.count)));
  const entries = served.ordered(here).map((version) => {
    const json = textOf(version, asked, served);
    return `{"fullUrl":"${base}/${call.type.name}/${version.id}","resource":${json},"search":{"mode":"match"}}`;
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

function searchUrl(type: ResourceType, asked: Search, offset: number, base: string): string {
  const query = new URLSearchParams(asked.applied.map(([name, value]): [string, string] => [name, value]));
  query.append('_count', String(asked.count));
  if (offset > 0) query.append('_offset', String(offset));
  return `${base}/${type.name}?${query.toString()}`;
}

function create(call: FhirCall, store: Store, base: string): HttpAnswer {
  const resource = parseBody(call);
  const criteria = call.headers['if-none-exist'];
  if (criteria !== undefined) {
    const existing = matching(call.type, criteria, store, base);
    if (existing) return written(existing, 200, call, base);
  }
  return written(store.create(resource), 201, call, base);
}

function update(call: FhirCall, store: Store, base: string): HttpAnswer {
  const resource = parseBody(call);
  const own = string(resource['id']);
  if (call.id === '') {
    const existing = matching(
      call.type,
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
  if (own !== call.id) throw new Failure(400, 'invalid', `${call.type.name}.id is not the id of the URL`);
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

/** The one resource that meets the criteria; throws 412 for several. */
function matching(type: ResourceType, criteria: string, store: Store, base: string): Version | undefined {
  const pairs = [...new URLSearchParams(criteria.replace(/^.*\?/, ''))];
  const asked = parseSearch(type, pairs, base, true);
  if (asked.applied.length === 0) throw new Failure(400, 'invalid', 'There are no criteria');
  const [first, second] = store.all().filter((version) => asked.matches(version.resource));
  if (second) throw new Failure(412, 'multiple-matches', `Several of type ${type.name} meet the criteria`);
  return first;
}

function parseBody(call: FhirCall): Resource {
  const type = (call.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (!['application/fhir+json', 'application/json'].includes(type)) {
    throw new Failure(415, 'not-supported', 'The body is application/fhir+json');
  }
  return readResource(call.body.toString('utf8'), call.type);
}

/**
 * Reads and checks what the service needs to rely on. Throws Failure 400 or 422.
 * @param expected its type; absent: any that the service keeps
 */
export function readResource(text: string, expected?: ResourceType): Resource {
  let json;
  try {
    json = parseJson(text);
  } catch {
    throw new Failure(400, 'structure', 'The body is not JSON');
  }
  const named = isObject(json) ? string(json['resourceType']) : '';
  const type = TYPES.find(({ name }) => name === named);
  if (!isObject(json) || !type || (expected && type !== expected)) {
    throw new Failure(
      400,
      'structure',
      `The body is no ${expected?.name ?? 'resource of a type that is kept here'}`,
    );
  }
  const id = json['id'];
  if (id !== undefined && !(typeof id === 'string' && ID.test(id)))
    throw new Failure(400, 'value', `${type.name}.id`);
  if (type.statuses && !type.statuses.includes(string(json['status'])))
    throw new Failure(422, 'code-invalid', `${type.name}.status`);
  for (const name of type.required) {
    if (!isThere(json[name])) throw new Failure(422, 'required', `${type.name}.${name}`);
  }
  return { ...json, resourceType: type.name };
}

/** An element with content: a text, an object, or a list of these that is not empty. */
function isThere(value: Json | undefined): boolean {
  if (typeof value === 'string') return value !== '';
  return objects(value).length > 0;
}

function written(version: Version, status: 200 | 201, call: FhirCall, base: string): HttpAnswer {
  const headers = {
    ...versionHeaders(version),
    location: `${base}/${call.type.name}/${version.id}/_history/${version.versionId}`,
  };
  const prefer = /return=(\w+)/.exec(call.headers['prefer'] ?? '')?.[1];
  if (prefer === 'minimal') return { status, headers, body: '' };
  if (prefer === 'OperationOutcome')
    return fhirAnswer(status, outcome('information', 'informational', 'Stored'), headers);
  return fhirAnswer(status, version.text, headers);
}
