import table from './data/search-parameters.json' with { type: 'json' };
import type { SearchParamType } from './search-query.ts';

/** A search parameter as HL7 defines it for one resource type (FHIR R4 searchparameter-registry.html). */
export interface SearchParameterDef {
  /** The resource type; `Resource` or `DomainResource` for the ones every type has, such as `_id`. */
  readonly base: string;
  /** Its name in a URL, e.g. `address-city`. */
  readonly code: string;
  readonly type: SearchParamType;
  /** Canonical URL of HL7's SearchParameter. */
  readonly definition: string;
  /**
   * FHIRPath, only the part of HL7's expression that belongs to `base`. Absent: not defined by a path (`_content`,
   * `_text`).
   */
  readonly expression?: string;
  /** reference: the resource types it may point at, as the element allows; absent: any type. */
  readonly targets?: readonly string[];
  /** composite: the parts, in order; their expressions are relative to what `expression` selects. */
  readonly components?: readonly { readonly code: string; readonly expression: string }[];
  /** Matching that no exact evaluator can give: `phonetic` or `nearby`. */
  readonly usage?: string;
}

type Row = Omit<SearchParameterDef, 'base' | 'code'>;

const PREFIX = 'http://hl7.org/fhir/SearchParameter/';

/** The rows, turned into definitions once at load. */
const definitions: ReadonlyMap<string, ReadonlyMap<string, SearchParameterDef>> = new Map(
  Object.entries(table as unknown as Record<string, Record<string, Row>>).map(([base, rows]) => [
    base,
    new Map(
      Object.entries(rows).map(([code, row]) => [
        code,
        { ...row, base, code, definition: PREFIX + row.definition },
      ]),
    ),
  ]),
);

/**
 * HL7's R4 search parameter `code` of a resource type, including those of every resource (`_id`, `_lastUpdated`, …).
 * undefined: the standard defines none of that name.
 */
export function searchParameter(type: string, code: string): SearchParameterDef | undefined {
  return (
    definitions.get(type)?.get(code) ??
    definitions.get('DomainResource')?.get(code) ??
    definitions.get('Resource')?.get(code)
  );
}

/** All search parameters HL7 defines for exactly this base, sorted by code; empty for an unknown type. */
export function searchParametersOf(base: string): readonly SearchParameterDef[] {
  return [...(definitions.get(base)?.values() ?? [])].sort((a, b) => (a.code < b.code ? -1 : 1));
}

/** The bases that have search parameters. */
export function searchParameterBases(): readonly string[] {
  return [...definitions.keys()];
}
