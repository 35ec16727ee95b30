import type { Resource } from './types.ts';
import type { Issue } from '../errors.ts';

/** FHIR R4 search parameter types (search.html#ptypes). */
export type SearchParamType =
  | 'token'
  | 'reference'
  | 'date'
  | 'string'
  | 'quantity'
  | 'number'
  | 'uri'
  | 'composite'
  | 'special';

export type SearchPrefix = 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le' | 'sa' | 'eb' | 'ap';

/** One OR-ed value of a filter, already unescaped. Which fields are set follows from the parameter's type. */
export interface SearchValue {
  /** As the client wrote it (after unescaping `\,` `\$` `\|` where the type has no structure). */
  readonly text: string;
  readonly prefix?: SearchPrefix;
  /** token: system part; undefined = not said, '' = `|code` (must have no system). quantity: unit system. */
  readonly system?: string;
  /** token: code part; undefined = `system|` (any code). quantity: unit code. */
  readonly code?: string;
  /** reference: type and logical id; an absolute URL stays in `text`. */
  readonly refType?: string;
  readonly refId?: string;
}

/** One AND-ed parameter. `values` are OR-ed. */
export interface SearchFilter {
  readonly name: string;
  readonly type: SearchParamType;
  readonly modifier?: string;
  /** `patient.identifier=…`: the parameter of the target type that `values` belong to. */
  readonly chain?: { readonly targetType: string; readonly filter: SearchFilter };
  /**
   * `_has:Observation:patient:code=…` (the filter's name is `_has`): resources of `source` that refer to the searched
   * one by `param`, and that `filter` finds. FHIR R4 search.html#has
   */
  readonly has?: { readonly source: string; readonly param: string; readonly filter: SearchFilter };
  readonly values: readonly SearchValue[];
}

export interface SortKey {
  readonly name: string;
  readonly descending: boolean;
}

/** A parsed, checked search: FHIR R4 search.html. */
export interface SearchQuery {
  readonly type: string;
  /** Where it is asked, relative to the base: `Patient/17/$everything`. Absent: at the type. */
  readonly address?: string;
  readonly filters: readonly SearchFilter[];
  readonly sort: readonly SortKey[];
  /** Page size asked for, already capped; undefined = the server's default. */
  readonly count?: number;
  readonly total?: 'none' | 'estimate' | 'accurate';
  readonly summary?: 'true' | 'text' | 'data' | 'count' | 'false';
  readonly elements?: readonly string[];
  /** `_include=Source:param[:Target]`. */
  readonly include: readonly { readonly source: string; readonly param: string; readonly target?: string }[];
  /** `_revinclude=Source:param[:Target]`: resources that refer to the matches. Absent: none. */
  readonly revinclude?: readonly {
    readonly source: string;
    readonly param: string;
    readonly target?: string;
  }[];
  /** Opaque continuation from a `next` link. */
  readonly page?: string;
  /** What will really be searched, as name (with modifier) and raw value: the honest `self` link. */
  readonly applied: readonly (readonly [string, string])[];
  /** Lenient handling: what was left out and why; becomes an outcome entry. */
  readonly ignored: readonly Issue[];
}

/** What of a patient's record `$everything` is to give (FHIR R4 patient-operation-everything.html). */
export interface EverythingQuery {
  /** FHIR dates, inclusive: when care was given. */
  readonly start?: string;
  readonly end?: string;
  /** FHIR instant: changed since then. */
  readonly since?: string;
  /** Resource types; absent: all. */
  readonly types?: readonly string[];
}

/** The result of a search before it is written as a Bundle: http/ adds links, fullUrl, `_summary` and `_elements`. */
export interface SearchSet {
  readonly matches: readonly Resource[];
  readonly included: readonly Resource[];
  /** Exact, or absent. */
  readonly total?: number;
  /** Opaque token of the next page. */
  readonly next?: string;
  /** Warnings that belong in the Bundle as an OperationOutcome entry. */
  readonly issues: readonly Issue[];
}
