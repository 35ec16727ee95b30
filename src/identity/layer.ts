import { LRUCache } from 'lru-cache';
import { FicusError } from '../errors.ts';
import type { SearchSet } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import type { Backend, CrosswalkStore, FhirBody, FhirRequest, FhirResponse, Layer } from '../ports.ts';
import { createOpener } from './opener.ts';
import type { Opener } from './opener.ts';
import { mapReferences } from './references.ts';
import type { Sealer } from './seal.ts';

export interface IdentityOptions {
  readonly sealer: Sealer;
  readonly crosswalk: CrosswalkStore;
  /** FHIR base address that clients see, without a final slash. */
  readonly publicBase: string;
  /** What X-Served-By says of a search that matches nothing without asking, e.g. `legacy:core`. */
  readonly servedBy: string;
}

/**
 * The identity Layer: FHIR ids above it, legacy keys (`authority|value`) below. An id that is not ours is `not-found`
 * on a read or update, matches nothing in a search, and is refused as a reference of a body. Answers are copied, never
 * changed in place.
 */
export function identity(options: IdentityOptions): Layer {
  const opener = createOpener(options);
  const remembered = new LRUCache<string, true>({ max: 10_000 });
  const sealed: Sealed = new WeakMap();

  return (next: Backend): Backend => ({
    async handle(request, context) {
      const inward = openedRead(opener, request) ?? (await translateRequest(opener, request));
      if (!inward) return nothingMatches(options.servedBy);
      const outward = createOutward(options, sealed, request, inward.id);
      const answer = translateResponse(await next.handle(inward, context), outward);
      if (outward.hashed.length === 0) return answer;
      const unknown = outward.hashed.filter(({ id }) => !remembered.has(id));
      if (unknown.length > 0) {
        await options.crosswalk.remember(unknown);
        for (const { id } of unknown) remembered.set(id, true);
      }
      return answer;
    },
  });
}

/** A read that asks for nothing but an id, in keys; undefined: not one, or its id has to be looked up. */
function openedRead(opener: Opener, request: FhirRequest): FhirRequest | undefined {
  const { interaction, type, id, query } = request;
  if (interaction !== 'read' || id === undefined || query) return undefined;
  const key = opener.keyNow(type, id);
  return key === undefined ? undefined : { ...request, id: key };
}

/** The request in keys; undefined: a search that can match nothing. */
async function translateRequest(opener: Opener, request: FhirRequest): Promise<FhirRequest | undefined> {
  // The bytes hold the client's ids: below this Layer only the decoded resource counts.
  const { body: _bytes, ...rest } = request;
  const translated: { -readonly [Name in keyof FhirRequest]: FhirRequest[Name] } = rest;
  if (request.id !== undefined) {
    const key = await opener.key(request.type, request.id);
    if (key === undefined) throw new FicusError('not-found', `There is no ${request.type} with this id.`);
    translated.id = key;
  }
  if (request.query) {
    const query = await opener.query(request.query);
    if (!query) return undefined;
    translated.query = query;
  }
  if (request.resource) {
    // On create the server chooses the id (FHIR R4 http.html#create).
    const { id: _clients, ...content } = await opener.body(request.resource);
    translated.resource = translated.id === undefined ? content : { ...content, id: translated.id };
  }
  return translated;
}

interface Outward {
  /** FHIR id of a key. */
  id(type: string, key: string): string;
  /** Ids that cannot be opened; remembered before the answer leaves. */
  readonly hashed: SealedKey[];
  readonly sealed: Sealed;
}

interface SealedKey {
  readonly id: string;
  readonly type: string;
  readonly key: string;
}

/**
 * What frozen resources became, and by which ids: an adapter gives one again while its record is the same. Kept as long
 * as they are.
 */
type Sealed = WeakMap<Resource, { readonly ids: readonly SealedKey[]; readonly resource: Resource }>;

function createOutward(
  { sealer, crosswalk }: Pick<IdentityOptions, 'sealer' | 'crosswalk'>,
  sealed: Sealed,
  request: FhirRequest,
  requestKey: string | undefined,
): Outward {
  const hashed: Outward['hashed'] = [];
  return {
    hashed,
    sealed,
    id(type, key) {
      // An id sealed by an older key stays the id of the answer: what is read at /Patient/x has the id x.
      if (request.id !== undefined && key === requestKey && type === request.type) return request.id;
      // What was made on the modern side keeps the id that it was given there.
      const assigned = crosswalk.assignedId(type, key);
      if (assigned !== undefined) return assigned;
      const { id, hashed: oneWay } = sealer.seal(type, key);
      if (oneWay) hashed.push({ id, type, key });
      return id;
    },
  };
}

function translateResponse(response: FhirResponse, outward: Outward): FhirResponse {
  const location = response.headers['location'];
  return {
    ...response,
    headers:
      location === undefined
        ? response.headers
        : { ...response.headers, location: sealReference(location, (type, key) => outward.id(type, key)) },
    body: translateBody(response.body, outward),
  };
}

function translateBody(body: FhirBody, outward: Outward): FhirBody {
  if (body.kind === 'none') return body;
  if (body.kind === 'resource') return { kind: 'resource', resource: sealResource(body.resource, outward) };
  if (body.kind === 'searchset') return { kind: 'searchset', set: sealSet(body.set, outward) };
  body.discard();
  throw new FicusError('internal', 'A body that is streamed cannot pass the identity Layer.');
}

function sealSet(set: SearchSet, outward: Outward): SearchSet {
  const seal = (resource: Resource) => sealResource(resource, outward);
  return { ...set, matches: set.matches.map(seal), included: set.included.map(seal) };
}

function sealResource(resource: Resource, outward: Outward): Resource {
  const known = outward.sealed.get(resource);
  // The ids are asked for each time: they depend on the request, and on what was made elsewhere meanwhile.
  if (known?.ids.every(({ type, key, id }) => outward.id(type, key) === id)) return known.resource;
  const ids: SealedKey[] = [];
  const sealId = (type: string, key: string): string => {
    const id = outward.id(type, key);
    ids.push({ id, type, key });
    return id;
  };
  const content = mapReferences(resource, (reference) => sealReference(reference, sealId));
  const sealed =
    content.id === undefined ? content : { ...content, id: sealId(content.resourceType, content.id) };
  if (!Object.isFrozen(resource)) return sealed;
  outward.sealed.set(resource, { ids, resource: Object.freeze(sealed) });
  return sealed;
}

const HISTORY = /\/_history\/[^/]+$/;

/** `Type/authority|value`, with its version if it has one; references that are not relative stay as they are. */
function sealReference(reference: string, sealId: Outward['id']): string {
  if (reference.startsWith('#') || reference.startsWith('urn:') || /^[a-z][a-z0-9+.-]*:\/\//i.test(reference))
    return reference;
  const slash = reference.indexOf('/');
  const history = HISTORY.exec(reference)?.[0] ?? '';
  const type = reference.slice(0, slash);
  const key = reference.slice(slash + 1, reference.length - history.length);
  if (slash < 1)
    throw new FicusError('internal', 'A backend answered with a reference that is no legacy key.');
  return `${type}/${sealId(type, key)}${history}`;
}

function nothingMatches(servedBy: string): FhirResponse {
  const set: SearchSet = { matches: [], included: [], total: 0, issues: [] };
  return { status: 200, headers: {}, body: { kind: 'searchset', set }, servedBy };
}
