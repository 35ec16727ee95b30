import type { RequestContext, WriteAttempt } from '../ports.ts';
import type { Resource } from '../fhir/types.ts';
import type { SearchFilter, SearchPrefix } from '../fhir/search-query.ts';
import type { Endpoint } from '../fhir/types.ts';
import type { Issue } from '../errors.ts';

/** What a source can do natively with one search parameter. */
export interface NativeFilter {
  /** `exact`: the source returns what FHIR means. `wider`: a superset; every answer is re-checked anyway. */
  readonly match: 'exact' | 'wider';
  /** Modifiers that may be pushed; `''` is the bare parameter. */
  readonly modifiers: readonly string[];
  /** Prefixes that may be pushed (date, number, quantity); `eq` is the bare value. */
  readonly prefixes: readonly SearchPrefix[];
  /** Several OR-ed values in one request. */
  readonly or: boolean;
  /** The same parameter twice (AND) in one request. */
  readonly repeat: boolean;
}

export interface SourceSearch {
  readonly filters: Readonly<Record<string, NativeFilter>>;
  /**
   * A search is bounded when one of these sets of parameters can be pushed; else it is `too-costly`.
   * One empty set means that an unfiltered search is bounded.
   */
  readonly anchors: readonly (readonly string[])[];
  /** Largest page the source gives, in resources. */
  readonly maxPage: number;
}

export interface SourcePage {
  readonly resources: readonly Resource[];
  /** Where the source goes on; opaque to search. Absent on the last page. */
  readonly next?: string;
  /** Partial success and the like. */
  readonly issues?: readonly Issue[];
}

/**
 * What a legacy adapter offers. Ids and references are legacy keys (`authority|value`, `Patient/authority|value`).
 * Every method throws FicusError only.
 */
export interface LegacySource {
  /** Backend name, e.g. `core`: answers say `X-Served-By: legacy:core`. */
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  /** undefined: this source cannot search the type. */
  searchOf(type: string): SourceSearch | undefined;
  /** Throws `not-found`. */
  read(type: string, key: string, context: RequestContext): Promise<Resource>;
  /** One page of the resources that match all pushed filters (or more than those). */
  search(
    type: string,
    filters: readonly SearchFilter[],
    page: { readonly count: number; readonly cursor?: string },
    context: RequestContext,
  ): Promise<SourcePage>;
  /**
   * The resource as the core now holds it. What the core has no place for is refused (`unmappable`), unless the client
   * accepts that it is left out: then `leftOut` is given, and told. A doubtful `attempt` asks first; `outcome-unknown`
   * when that cannot be told.
   */
  create(
    type: string,
    resource: Resource,
    context: RequestContext,
    leftOut?: (issues: readonly Issue[]) => void,
    attempt?: WriteAttempt,
  ): Promise<Resource>;
  /** The resource as the core now holds it; `leftOut` and `attempt` as in `create`. */
  update(
    type: string,
    key: string,
    resource: Resource,
    context: RequestContext,
    leftOut?: (issues: readonly Issue[]) => void,
    attempt?: WriteAttempt,
  ): Promise<Resource>;
  /** Tells the source that a cursor will not be used any more (HL7v2: QCN^J01). Never throws. */
  abandon(type: string, cursor: string): void;
}
