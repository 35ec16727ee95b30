import { FicusError } from '../errors.ts';
import type { SearchQuery } from '../fhir/search-query.ts';
import { PAGE_PARAMETER } from './controls.ts';
import { parseTimeRange } from './dates.ts';
import { countOf, sinceOf } from './everything-parse.ts';
import { CONTINUATIONS } from './rules.ts';
import { createTimeZone } from './time-zone.ts';
import { invalid } from './values.ts';

/** An instant says its offset. */
const UTC = createTimeZone('UTC');

/** What is asked for of the versions of a resource, and what the links of its pages say. */
export interface ParsedHistory {
  readonly query: SearchQuery;
  /** Epoch milliseconds: versions made then or later. */
  readonly since?: number;
}

/**
 * Reads the parameters of `[type]/[id]/_history`. A Bundle of type history has no place to name one that was left out
 * (FHIR R4 bundle.html, bdl-3): whatever is unknown is refused, in lenient handling, too.
 *
 * @param pairs name and value, decoded, in the order given
 * @param maxCount largest page
 * @throws FicusError `parameter-unknown`, `parameter-invalid`. FHIR R4 http.html#history
 */
export function parseHistory(
  type: string,
  id: string,
  pairs: readonly (readonly [name: string, value: string])[],
  maxCount: number,
): ParsedHistory {
  const values = new Map<string, string>();
  let page: string | undefined;
  for (const [name, raw] of pairs) {
    if (values.has(name)) throw invalid(name, 'It may be given once only.');
    const value = READERS.get(name)?.(raw, maxCount) ?? continued(name, raw);
    values.set(name, value);
    if (name !== '_since' && name !== '_count') page = value;
  }
  const [since, count] = [values.get('_since'), values.get('_count')];
  return {
    query: {
      type,
      address: `${type}/${id}/_history`,
      filters: [],
      sort: [],
      include: [],
      applied: [...values].filter(([name]) => name !== PAGE_PARAMETER),
      ignored: [],
      ...(count === undefined ? {} : { count: Number(count) }),
      ...(page === undefined ? {} : { page }),
    },
    ...(since === undefined ? {} : { since: millisecondsOf(since) }),
  };
}

/** The first whole millisecond that is not before a FHIR instant. */
function millisecondsOf(instant: string): number {
  const { low } = parseTimeRange(instant, UTC)!;
  return Number((low + 999_999n) / 1_000_000n);
}

const READERS: ReadonlyMap<string, (raw: string, maxCount: number) => string> = new Map([
  ['_since', sinceOf],
  ['_count', countOf],
  [PAGE_PARAMETER, (raw: string) => raw],
]);

/** What the `next` link of a modern service goes on with. */
function continued(name: string, raw: string): string {
  if (CONTINUATIONS.includes(name)) return raw;
  throw new FicusError('parameter-unknown', 'A history takes _count and _since, and no other parameter.', {
    expression: [name.slice(0, 64)],
  });
}
