import { isJsonObject } from '../../fhir/json.ts';
import type { SearchValue } from '../../fhir/search-query.ts';
import type { Json } from '../../fhir/types.ts';

export interface TokenContext {
  /** `_id`, and nothing else, is always compared with its case (FHIR R4 search.html#token). */
  readonly caseSensitive: boolean;
  /** Code systems that a bare `code` element stands in. */
  readonly codeSystems?: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Code systems known to tell upper from lower case; in doubt a token matches either (FHIR R4 search.html#token). */
export const CASE_SENSITIVE_SYSTEMS: ReadonlySet<string> = new Set(['http://unitsofmeasure.org']);

/**
 * Tests one value that a token parameter's expression found: CodeableConcept, Coding, Identifier, ContactPoint, code,
 * boolean, string or id, against `code`, `system|code`, `|code` or `system|`.
 */
export function compileToken(value: SearchValue, context: TokenContext): (item: Json) => boolean {
  const { system, code } = value;
  const lower = code?.toLowerCase();

  const sameCode = (found: Json | undefined, foundSystem: Json | undefined): boolean => {
    if (code === undefined) return true;
    if (typeof found !== 'string') return false;
    const exact =
      context.caseSensitive || (typeof foundSystem === 'string' && CASE_SENSITIVE_SYSTEMS.has(foundSystem));
    return exact ? found === code : found.toLowerCase() === lower;
  };
  const sameSystem = (found: Json | undefined): boolean =>
    system === undefined || (system === '' ? found === undefined : found === system);
  const inImplicitSystem = (found: string): boolean =>
    !system || context.codeSystems?.get(system)?.has(found) === true;

  return function matches(item: Json): boolean {
    if (typeof item === 'string') return inImplicitSystem(item) && sameCode(item, undefined);
    if (typeof item === 'boolean') return !system && code === String(item);
    if (!isJsonObject(item)) return false;
    const coding = item['coding'];
    if (Array.isArray(coding)) return coding.some(matches);
    const found = item['value'] ?? item['code'];
    return sameSystem(item['system']) && sameCode(found, item['system']);
  };
}
