import { decimalText, isJsonObject } from '../../fhir/json.ts';
import type { SearchQuery, SearchSet } from '../../fhir/search-query.ts';
import type { Json, JsonObject, Resource } from '../../fhir/types.ts';
import type { FicusError } from '../../errors.ts';
import type { FhirBody } from '../../ports.ts';

/** One side's answer, as it is compared. */
export type ComparableAnswer =
  | { readonly kind: 'resource'; readonly resource: Resource }
  | ComparableSet
  /** A refusal or failure: HTTP status and the issue types it names. */
  | { readonly kind: 'error'; readonly status: number; readonly codes: readonly string[] }
  /** An answer without content, e.g. 304. */
  | { readonly kind: 'none'; readonly status: number };

/** What a search found. */
export interface ComparableSet {
  readonly kind: 'set';
  readonly matches: readonly Resource[];
  readonly included: readonly Resource[];
  readonly total?: number;
  /** False: there are more pages than this. */
  readonly complete: boolean;
  /** A source did not answer: what is not here may be there. */
  readonly partial?: boolean;
  /** The client asked for an order. */
  readonly sorted: boolean;
  /** Names of the parameters it is sorted by: matches that are equal by all of them may come in any order. */
  readonly sortedBy?: readonly string[];
}

type Asked = Pick<SearchQuery, 'sort'>;

/** Issue types that say that an answer is not whole. */
const PARTIAL = new Set(['incomplete', 'timeout', 'transient', 'throttled', 'no-store', 'exception']);

/**
 * A Backend's answer as it is compared: a Bundle of type searchset as a set, an OperationOutcome of a failure as an
 * error. Numbers must have kept their digits (parseJson).
 * @param query what a search asked for.
 */
export function comparableBody(
  status: number,
  body: Exclude<FhirBody, { kind: 'pipe' }>,
  query?: Asked,
): ComparableAnswer {
  if (status >= 400)
    return { kind: 'error', status, codes: body.kind === 'resource' ? issueCodes(body.resource) : [] };
  if (body.kind === 'none') return { kind: 'none', status };
  if (body.kind === 'searchset') return comparableSet(body.set, query);
  const { resource } = body;
  return isSearchset(resource) ? comparableBundle(resource, query) : { kind: 'resource', resource };
}

/** What a Backend threw, as it is compared. */
export function comparableError({ status, issues }: FicusError): ComparableAnswer {
  return { kind: 'error', status, codes: issues.map((issue) => issue.code) };
}

function comparableSet(set: SearchSet, query?: Asked): ComparableSet {
  return {
    kind: 'set',
    matches: set.matches,
    included: set.included,
    ...(set.total === undefined ? {} : { total: set.total }),
    complete: set.next === undefined,
    partial: set.issues.some((issue) => PARTIAL.has(issue.code)),
    ...order(query),
  };
}

function comparableBundle(bundle: Resource, query: Asked | undefined): ComparableSet {
  const matches: Resource[] = [];
  const included: Resource[] = [];
  let partial = false;
  for (const entry of objects(bundle['entry'])) {
    const { resource, search } = entry;
    const mode = isJsonObject(search) ? search['mode'] : undefined;
    if (mode === 'outcome' || (mode !== 'match' && isOutcome(resource))) {
      partial ||= issueCodes(resource).some((code) => PARTIAL.has(code));
    } else (mode === 'include' ? included : matches).push(isResource(resource) ? resource : NOTHING);
  }
  const total = Number(decimalText(bundle['total']) ?? Number.NaN);
  return {
    kind: 'set',
    matches,
    included,
    ...(Number.isNaN(total) ? {} : { total }),
    complete: !objects(bundle['link']).some((link) => link['relation'] === 'next'),
    partial,
    ...order(query),
  };
}

/** An entry without a resource: it counts, and equals none. */
const NOTHING: Resource = { resourceType: '' };

function order(query: Asked | undefined): Pick<ComparableSet, 'sorted' | 'sortedBy'> {
  if (!query || query.sort.length === 0) return { sorted: false };
  return { sorted: true, sortedBy: query.sort.map(({ name }) => name) };
}

function issueCodes(content: Json | undefined): string[] {
  if (!isOutcome(content)) return [];
  return objects(content['issue']).flatMap(({ code }) => (typeof code === 'string' ? [code] : []));
}

function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter((it) => isJsonObject(it)) : [];
}

function isResource(value: Json | undefined): value is Resource {
  return isJsonObject(value) && typeof value['resourceType'] === 'string';
}

function isOutcome(value: Json | undefined): value is Resource {
  return isResource(value) && value.resourceType === 'OperationOutcome';
}

function isSearchset(resource: Resource): boolean {
  return resource.resourceType === 'Bundle' && resource['type'] === 'searchset';
}
