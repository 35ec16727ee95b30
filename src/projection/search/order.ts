import type { SortKey } from '../../fhir/search-query.ts';
import { evaluable } from '../../search/parameter.ts';
import { parameterName } from '../index/parameters.ts';
import { unsupported } from './filter.ts';

/**
 * An order in SQL for rows `x.rid` joined with `resource r`; undefined: some parameter has no rows, and resources are
 * to be sorted themselves.
 */
export function orderOf(
  type: string,
  sort: readonly SortKey[],
  number: (name: string) => number | undefined,
  indexed: (type: string, code: string) => unknown,
): string | undefined {
  const terms: string[] = [];
  for (const { name, descending } of sort) {
    const key = keyOf(type, name, descending, number, indexed);
    if (key === undefined) return undefined;
    // What has no value comes last, in either direction.
    if (key !== '') terms.push(`${key} IS NULL`, `${key}${descending ? ' DESC' : ''}`);
  }
  return [...terms, 'r.id'].join(', ');
}

/** The key as SQL, made of numbers of our own only; '' : no resource has one. */
function keyOf(
  type: string,
  name: string,
  descending: boolean,
  number: (name: string) => number | undefined,
  indexed: (type: string, code: string) => unknown,
): string | undefined {
  if (name === '_lastUpdated') return 'r.updated_at';
  if (name === '_id') return 'r.id';
  const definition = evaluable(type, name)?.definition;
  if (!definition) throw unsupported({ name, type: 'special', values: [] });
  if (!indexed(type, name)) return undefined;
  const param = number(parameterName(type, name));
  if (param === undefined) return '';
  if (definition.type === 'date') {
    const end = descending ? 'max(high)' : 'min(low)';
    return `(SELECT ${end} FROM date_value WHERE rid = x.rid AND param = ${param})`;
  }
  return `(r.sorts ->> '$."${param}"[${descending ? '#-1' : 0}]')`;
}
