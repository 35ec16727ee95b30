import { toFicusError } from '../errors.ts';
import { isResourceType } from '../fhir/elements.ts';
import type { SearchFilter, SearchQuery } from '../fhir/search-query.ts';
import { MODIFIERS } from '../search/match.ts';
import { evaluable } from '../search/parameter.ts';
import type { Grant, GrantContext, Permission } from '../security-ports.ts';

/** What a token's scopes say. */
export interface ParsedScopes {
  readonly grants: readonly Grant[];
  /** Scopes that are about no resource: `openid`, `fhirUser`, `launch/patient`, `offline_access`, … */
  readonly others: readonly string[];
  /** What is malformed or unknown, and why: it grants nothing. */
  readonly refused: readonly { readonly scope: string; readonly why: string }[];
}

/** Reads search parameters by the strict rules of requests. @throws FicusError */
export type ParseConstraint = (
  type: string,
  pairs: readonly (readonly [name: string, value: string])[],
) => SearchQuery;

const OF_A_RESOURCE = /^(patient|user|system)\//;
const SCOPE = /^(patient|user|system)\/(\*|[A-Za-z]+)\.([^?]+)(?:\?(.*))?$/s;
const V2 = /^(?=.)c?r?u?d?s?$/;
/** SMART App Launch 1.0: what its words are in those of 2.0. */
const V1: ReadonlyMap<string, readonly Permission[]> = new Map([
  ['read', ['r', 's']],
  ['write', ['c', 'u', 'd']],
  ['*', ['c', 'r', 'u', 'd', 's']],
]);
const OTHERS = /^(openid|profile|email|fhirUser|launch(\/[A-Za-z]+)?|offline_access|online_access)$/;

/**
 * The grants of a token's scopes: SMART App Launch 1.0 (`patient/Observation.read`) and 2.0
 * (`patient/Observation.rs?category=laboratory`). What cannot be understood, or not be checked on a resource, grants
 * nothing.
 *
 * @param scope as in the token: separated by white space
 * @param parse reads the search parameters of a granular scope as a request's are read
 */
export function parseScopes(scope: string, parse: ParseConstraint): ParsedScopes {
  const grants: Grant[] = [];
  const others: string[] = [];
  const refused: { scope: string; why: string }[] = [];
  for (const one of new Set(scope.split(/\s+/))) {
    if (one === '') continue;
    if (OF_A_RESOURCE.test(one)) {
      const grant = parseGrant(one, parse);
      if (typeof grant === 'string') refused.push({ scope: one, why: grant });
      else grants.push(grant);
    } else if (OTHERS.test(one)) others.push(one);
    else refused.push({ scope: one, why: 'It is not known here.' });
  }
  return { grants, others, refused };
}

/** The grant of one scope, or why there is none. */
function parseGrant(scope: string, parse: ParseConstraint): Grant | string {
  const [, context, type = '', words = '', query] = SCOPE.exec(scope) ?? [];
  if (context === undefined) return 'It is written context/Type.cruds.';
  if (type !== '*' && !isResourceType(type)) return 'It names no FHIR R4 resource type.';
  const former = V1.get(words);
  if (!former && !V2.test(words)) return 'Its permissions are a part of cruds, in that order.';
  const permissions = new Set(former ?? (words.split('') as Permission[]));
  const grant = { context: context as GrantContext, type, permissions };
  if (query === undefined) return { ...grant, constraints: [] };
  if (former) return 'Search parameters belong to scopes of SMART 2.0.';
  if (type === '*') return 'Search parameters need a resource type.';
  const constraints = parseConstraints(type, query, parse);
  return typeof constraints === 'string' ? constraints : { ...grant, constraints };
}

function parseConstraints(
  type: string,
  query: string,
  parse: ParseConstraint,
): readonly SearchFilter[] | string {
  let parsed: SearchQuery;
  try {
    parsed = parse(type, pairsOf(query));
  } catch (error) {
    return `Its search parameters cannot be understood (${toFicusError(error).code}).`;
  }
  const { filters, applied } = parsed;
  if (filters.length === 0) return 'It has a question mark, and no search parameter.';
  if (filters.length !== applied.length) return 'It has a parameter that shapes an answer.';
  return filters.every((filter) => isCheckable(type, filter)) ? filters : 'It has a parameter that cannot be checked on a resource.'; // prettier-ignore
}

/** @throws URIError */
function pairsOf(query: string): [string, string][] {
  return query.split('&').map((pair) => {
    const mark = pair.indexOf('=');
    const [name, value] = mark < 0 ? [pair, ''] : [pair.slice(0, mark), pair.slice(mark + 1)];
    return [decodeURIComponent(name), decodeURIComponent(value.replaceAll('+', ' '))];
  });
}

/** Whether one resource alone tells if it meets a filter, now as well as later. */
function isCheckable(
  type: string,
  { name, chain, has, modifier, values, type: kind }: SearchFilter,
): boolean {
  if (chain || has || !evaluable(type, name)) return false;
  // What is about now is another thing each time.
  if (values.some(({ prefix }) => prefix === 'ap')) return false;
  return modifier === undefined || modifier === 'missing' || MODIFIERS[kind].includes(modifier);
}
