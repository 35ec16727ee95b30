import type { CodeMap } from '../../mapping/code-map.ts';
import type { CompareOptions } from '../../strangler/compare/options.ts';
import { codeEquivalences } from '../../strangler/compare/options.ts';

/**
 * Codes that say the same to a comparison: a legacy code and the code that it is mapped to, and what the site adds.
 *
 * Only where the maps say so both ways, and no two maps say something else: of several legacy codes that read as one
 * (`A`, `N` and `O` as `other`), the one that is written for it. Otherwise two different legacy codes would count as
 * the same.
 *
 * @param site groups of `system|code`, `migration.compare.codes`
 */
export function equivalencesOf(
  codes: ReadonlyMap<string, CodeMap>,
  site: Iterable<readonly string[]>,
): NonNullable<CompareOptions['codeMaps']> {
  const partners = new Map<string, Set<string>>();
  const pair = (one: string, other: string): void => {
    partners.set(one, (partners.get(one) ?? new Set()).add(other));
  };
  for (const { v2System, toFhir, toLegacy } of codes.values()) {
    if (v2System === undefined) continue;
    for (const [v2, { system, code }] of toFhir) {
      if (system === undefined || toLegacy.get(`${system}|${code}`) !== v2) continue;
      const [fhir, legacy] = [`${system}|${code}`, `${v2System}|${v2}`];
      if (fhir === legacy) continue;
      pair(fhir, legacy);
      pair(legacy, fhir);
    }
  }
  const sure = [...partners].flatMap(([one, others]) => {
    const [other] = others;
    const alone = others.size === 1 && other !== undefined && partners.get(other)?.size === 1;
    return alone ? [[one, other]] : [];
  });
  return codeEquivalences([...sure, ...site]);
}
