import type { Severities } from './severity.ts';

/** What a comparison needs to know of this installation. */
export interface CompareOptions {
  readonly severities: Severities;
  /** One form of a reference or a resource's address: `Type/id` when it is ours. Default: as written. */
  readonly canonicalReference?: (reference: string) => string;
  /** Codes that say the same (`codeEquivalences`): `system|code` to the one that stands for its group. */
  readonly codeMaps?: ReadonlyMap<string, string>;
  /** Must-support elements by resource type, as definition paths: `Observation.value[x]`, `Patient.name.family`. */
  readonly mustSupport?: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * Groups of codes that say the same, as `CompareOptions.codeMaps` wants them.
 * @param groups each of `system|code` texts; the first of a group stands for it. Groups that share a code become one.
 */
export function codeEquivalences(groups: Iterable<readonly string[]>): ReadonlyMap<string, string> {
  const all = new Map<string, string>();
  const find = (code: string): string => {
    let at = code;
    for (let next = all.get(at); next !== undefined && next !== at; next = all.get(at)) at = next;
    return at;
  };
  for (const [first, ...others] of groups) {
    if (first === undefined) continue;
    const chief = find(first);
    all.set(first, chief).set(chief, chief);
    for (const other of others) {
      all.set(find(other), chief);
      all.set(other, chief);
    }
  }
  return new Map([...all.keys()].map((code) => [code, find(code)]));
}
