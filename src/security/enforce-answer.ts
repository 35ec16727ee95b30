import { FicusError } from '../errors.ts';
import { isJsonObject } from '../fhir/json.ts';
import { operationOutcome } from '../fhir/outcome.ts';
import { shaped } from '../fhir/summary.ts';
import type { SearchQuery, SearchSet } from '../fhir/search-query.ts';
import type { Json, JsonObject, Resource } from '../fhir/types.ts';
import type { FhirBody, FhirRequest, FhirResponse, RequestContext } from '../ports.ts';
import { readPipe } from '../search/pipe.ts';
import type { Access, Permission, Withheld } from '../security-ports.ts';
import type { Sight } from './visible.ts';
import { suppressedIssue } from './withhold.ts';

/** One request of a caller who may not have everything. */
export interface Turn {
  readonly request: FhirRequest;
  readonly context: RequestContext;
  readonly access: Access;
}

/** Who looks at an answer, and what of it counts as found. */
export interface Viewer {
  readonly sight: Sight;
  readonly access: Access;
  /** One of them is needed for a match. */
  readonly matches: readonly Permission[];
  /** Largest answer of a modern service that is looked at, in bytes. */
  readonly maxBytes: number;
}

/** What comes with the matches of a search, whatever it is found by. */
const INCLUDED: readonly Permission[] = ['r', 's'];

/** Divides resources of one answer by whether they may leave. */
class Sieve {
  readonly withheld: Withheld[] = [];
  readonly #viewer: Viewer;
  readonly #together: readonly Resource[];

  constructor(viewer: Viewer, together: readonly Resource[]) {
    this.#viewer = viewer;
    this.#together = together;
  }

  keeps(resource: Resource, permissions: readonly Permission[]): boolean {
    const { sight, access } = this.#viewer;
    const verdict = sight.judge(access, resource, permissions, this.#together);
    if (typeof verdict === 'object') this.withheld.push(verdict);
    return verdict === 'seen';
  }
}

/** A search set without what may not be seen. Its total counts what is in it, and is there only where that is all. */
export function judgedSet(set: SearchSet, query: SearchQuery, viewer: Viewer): SearchSet {
  const sieve = new Sieve(viewer, [...set.matches, ...set.included]);
  const matches = set.matches.filter((it) => sieve.keeps(it, viewer.matches));
  const included = set.included.filter((it) => sieve.keeps(it, INCLUDED));
  const { total, issues, next } = set;
  const whole = query.page === undefined && next === undefined && total === set.matches.length;
  return {
    matches,
    included,
    issues:
      sieve.withheld.length === 0 ? issues : [...issues, suppressedIssue(sieve.withheld, viewer.access)],
    ...(whole ? { total: matches.length } : {}),
    ...(next === undefined ? {} : { next }),
  };
}

/**
 * The Bundle of a modern service without what may not be seen; its links stay as they are.
 * @param query as the client asked: what it wants of each resource is done here, for the service was asked for all of them
 */
export async function judgedBundle(
  body: Extract<FhirBody, { kind: 'pipe' }>,
  query: SearchQuery,
  viewer: Viewer,
): Promise<Resource> {
  const bundle = await readPipe(body, viewer.maxBytes);
  if (bundle.resourceType !== 'Bundle')
    throw new FicusError(
      'legacy-malformed',
      'A service answered a search with something else than a Bundle.',
    );
  const entries = objects(bundle['entry']);
  const resources = entries.flatMap((entry) => resourceOf(entry) ?? []);
  const sieve = new Sieve(viewer, resources);
  const { summary } = query;
  const shape = { match: query, include: summary === undefined ? {} : { summary } };
  let found = 0;
  let left = 0;
  const kept = entries.flatMap((entry): JsonObject[] => {
    const resource = resourceOf(entry);
    if (!resource) return [];
    if (resource.resourceType === 'OperationOutcome') return [entry];
    const mode = modeOf(entry);
    if (mode === 'match') found += 1;
    if (!sieve.keeps(resource, mode === 'match' ? viewer.matches : INCLUDED)) return [];
    if (mode === 'match') left += 1;
    return [{ ...entry, resource: shaped(resource, shape[mode]) }];
  });
  if (sieve.withheld.length > 0) kept.push(outcomeEntry(sieve.withheld, viewer.access));
  const { entry: _entry, total, ...rest } = bundle;
  const links = objects(bundle['link']);
  const whole = query.page === undefined && total === found && !links.some((it) => it['relation'] === 'next');
  return {
    ...rest,
    ...(links.length === 0 ? {} : { link: links.map((link) => shapedLink(link, query)) }),
    ...(whole ? { total: left } : {}),
    ...(kept.length === 0 ? {} : { entry: kept }),
  };
}

/** The versions of a resource that may be seen, as a Bundle; the present one may. */
export function judgedHistory(history: Resource, viewer: Viewer): Resource {
  const { entry, total: _total, link, ...rest } = history;
  const kept = objects(entry).filter((one) => {
    const resource = resourceOf(one);
    return resource !== undefined && viewer.sight.judge(viewer.access, resource, viewer.matches) === 'seen';
  });
  const links = objects(link).filter(({ relation }) => relation === 'self');
  return {
    ...rest,
    total: kept.length,
    ...(links.length === 0 ? {} : { link: links }),
    ...(kept.length === 0 ? {} : { entry: kept }),
  };
}

/** An answer whose body was read: headers that described the bytes do not describe the new ones. */
export function withBody(response: FhirResponse, body: FhirBody): FhirResponse {
  if (response.body.kind !== 'pipe') return { ...response, body };
  const headers = Object.entries(response.headers).filter(
    ([name]) => name !== 'content-length' && name !== 'content-encoding',
  );
  if (body.kind === 'pipe') return { ...response, headers: Object.fromEntries(headers), body };
  return {
    ...response,
    headers: Object.fromEntries(headers.filter(([name]) => name !== 'content-type')),
    body,
  };
}

/** A link by which the client gets pages of the shape it asked for. */
function shapedLink(link: JsonObject, { summary, elements }: SearchQuery): JsonObject {
  const { url } = link;
  const asked = [
    ...(summary === undefined ? [] : [`_summary=${summary}`]),
    ...(elements ? [`_elements=${elements.join(',')}`] : []),
  ];
  if (typeof url !== 'string' || asked.length === 0) return link;
  return { ...link, url: `${url}${url.includes('?') ? '&' : '?'}${asked.join('&')}` };
}

function outcomeEntry(withheld: readonly Withheld[], access: Access): JsonObject {
  return { resource: operationOutcome([suppressedIssue(withheld, access)]), search: { mode: 'outcome' } };
}

function modeOf({ search }: JsonObject): 'match' | 'include' {
  return isJsonObject(search) && search['mode'] === 'include' ? 'include' : 'match';
}

function resourceOf({ resource }: JsonObject): Resource | undefined {
  return isJsonObject(resource) && typeof resource['resourceType'] === 'string'
    ? (resource as Resource)
    : undefined;
}

function objects(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter((item) => isJsonObject(item)) : [];
}

/** The same words for what is not there and for what may not be seen. */
export function notThere({ type, interaction }: FhirRequest): FicusError {
  const words = interaction === 'vread' ? `There is no such version of this ${type}.` : `There is no ${type} with this id.`; // prettier-ignore
  return new FicusError('not-found', words);
}
