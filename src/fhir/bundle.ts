import type { Issue } from '../errors.ts';
import { operationOutcome } from './outcome.ts';
import type { SearchQuery, SearchSet } from './search-query.ts';
import { shaped } from './summary.ts';
import type { Json, JsonObject, Resource } from './types.ts';
import { matchesOf, textOf, type Written } from './written.ts';

/** The parameter of a link that carries the opaque token of its page. */
const PAGE_PARAMETER = '_page';

/**
 * A search's result as a Bundle (FHIR R4 bundle.html#searchset, http.html#search).
 *
 * Links: `self` says what was really searched, `next` where it goes on, `first` where it began when this is a later
 * page. What was ignored and what went wrong in part is an OperationOutcome entry. `_summary` and `_elements` are
 * applied here: `_summary` to every resource, `_elements` to the matches, whose elements it names.
 *
 * @param base FHIR base address that clients see, without a slash at its end.
 */
export function searchsetBundle(set: SearchSet, query: SearchQuery, base: string): Resource {
  const { summary } = query;
  const included = summary === undefined ? {} : { summary };
  const entry: JsonObject[] =
    summary === 'count'
      ? []
      : [
          ...set.matches.map((it) => entryOf(shaped(it, query), it, 'match', base)),
          ...set.included.map((it) => entryOf(shaped(it, included), it, 'include', base)),
        ];
  entry.push(...outcomesOf(set, query));
  return { ...headOf(set, query, base), ...(entry.length > 0 ? { entry } : {}) };
}

/** The same Bundle as JSON text, of the texts of its resources where they are sent as they came. */
export function searchsetText(set: SearchSet, query: SearchQuery, base: string): string {
  const { summary, elements } = query;
  if (summary !== undefined || elements) return JSON.stringify(searchsetBundle(set, query, base));
  const entries = [
    ...matchesOf(set).map((it) => entryText(it, 'match', base)),
    ...set.included.map((it) => entryText(it, 'include', base)),
    ...outcomesOf(set, query).map((it) => JSON.stringify(it)),
  ];
  const head = JSON.stringify(headOf(set, query, base));
  return entries.length === 0 ? head : `${head.slice(0, -1)},"entry":[${entries.join(',')}]}`;
}

function headOf(set: SearchSet, query: SearchQuery, base: string): Resource {
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    ...(set.total === undefined ? {} : { total: set.total }),
    link: linksOf(set, query, base),
  };
}

function outcomesOf(set: SearchSet, query: SearchQuery): JsonObject[] {
  const issues: Issue[] = [...query.ignored, ...set.issues];
  return issues.length > 0 ? [{ resource: operationOutcome(issues), search: { mode: 'outcome' } }] : [];
}

function entryText(it: Resource | Written, mode: string, base: string): string {
  const { resourceType, id } = it;
  const fullUrl = id === undefined ? '' : `"fullUrl":${JSON.stringify(`${base}/${resourceType}/${id}`)},`;
  return `{${fullUrl}"resource":${textOf(it)},"search":{"mode":"${mode}"}}`;
}

function entryOf(resource: Resource, { resourceType, id }: Resource, mode: string, base: string): JsonObject {
  return {
    ...(id === undefined ? {} : { fullUrl: `${base}/${resourceType}/${id}` }),
    resource,
    search: { mode },
  };
}

/** Links of a page: `self`, `first` of a later one, `next` where something follows. */
export function linksOf(
  { next }: Pick<SearchSet, 'next'>,
  { type, address = type, applied, page }: SearchQuery,
  base: string,
): Json[] {
  const link = (relation: string, token: string | undefined): JsonObject => {
    const parameters = token === undefined ? applied : [...applied, [PAGE_PARAMETER, token] as const];
    const text = parameters.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
    return { relation, url: `${base}/${address}${text === '' ? '' : `?${text}`}` };
  };
  return [
    link('self', page),
    ...(page === undefined ? [] : [link('first', undefined)]),
    ...(next === undefined ? [] : [link('next', next)]),
  ];
}

/** Percent-encoded, but for what is plain in a query and usual in FHIR (`:`, `,`, `/`). */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':').replaceAll('%2C', ',').replaceAll('%2F', '/');
}
