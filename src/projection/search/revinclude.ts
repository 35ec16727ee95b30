import type { Issue } from '../../errors.ts';
import type { SearchQuery } from '../../fhir/search-query.ts';
import type { Resource } from '../../fhir/types.ts';
import { referenceRows, type FilterContext } from './filter.ts';
import type { Reading } from './reading.ts';

export interface RevIncluded {
  readonly resources: readonly Resource[];
  readonly issues: readonly Issue[];
  readonly complete: boolean;
}

/**
 * The resources that refer to those of a page by the parameters that `_revinclude` names, each once (FHIR R4
 * search.html#revinclude).
 * @param limit most of them; that there are more is said.
 * @throws FicusError `search-unsupported` for what is no reference parameter.
 */
export function revIncluded(
  reading: Reading,
  query: SearchQuery,
  page: readonly number[],
  limit: number,
  indexed: FilterContext['indexed'],
): RevIncluded {
  const { revinclude = [], type } = query;
  const wanted = revinclude.filter(({ target }) => target === undefined || target === type);
  const found = new Set<number>();
  const matches = new Set(page);
  for (const { source, param } of wanted) {
    const number = referenceRows(source, param, type, {
      indexed,
      number: (name) => reading.names.find(name),
    });
    if (number === undefined || page.length === 0) continue;
    const rids = reading.rids({
      text: `SELECT DISTINCT rid FROM reference_value WHERE param = ? AND target IN (SELECT value FROM json_each(?)) LIMIT ?`,
      values: [number, JSON.stringify(page), limit + page.length + 1],
    });
    for (const rid of rids) if (!matches.has(rid)) found.add(rid);
  }
  const all = [...found].sort((a, b) => a - b);
  const complete = all.length <= limit;
  return {
    resources: reading.byRids(all.slice(0, limit)).map(({ resource }) => resource),
    issues: complete ? [] : [tooMany(limit)],
    complete,
  };
}

function tooMany(limit: number): Issue {
  return {
    severity: 'warning',
    code: 'incomplete',
    diagnostics: `No more than ${limit} resources are included in a page; the others were left out.`,
    expression: ['_revinclude'],
  };
}
