import type { SearchFilter, SearchQuery } from '../fhir/search-query.ts';
import type { FhirRequest } from '../ports.ts';

/** Sorted shapes by the order in which their parameters came; an order is seen again and again. */
const sorted = new Map<string, string>();
const MOST_ORDERS = 4_096;

/**
 * What a request asks with, without any value: of a search the names of its parameters (with their modifiers) in
 * alphabetical order, `code,date,patient`, or `(none)`; of another interaction its name. Page size and page say nothing
 * of what is asked.
 */
export function shapeOf(request: Pick<FhirRequest, 'interaction' | 'query'>): string {
  const { interaction, query } = request;
  if (interaction !== 'search') return interaction;
  if (!query) return '(none)';
  let order = '';
  for (const filter of query.filters) order += `,${nameOf(filter)}`;
  order += resultParameters(query);
  if (order === '') return '(none)';
  const known = sorted.get(order);
  if (known !== undefined) return known;
  const shape = [...new Set(order.slice(1).split(','))].toSorted().join(',');
  if (sorted.size >= MOST_ORDERS) sorted.clear();
  sorted.set(order, shape);
  return shape;
}

function nameOf({ name, modifier, chain }: SearchFilter): string {
  const own = modifier === undefined ? name : `${name}:${modifier}`;
  return chain ? `${own}.${nameOf(chain.filter)}` : own;
}

/** The parameters that shape the answer (FHIR R4 search.html#return). */
function resultParameters({ sort, include, summary, elements, total }: SearchQuery): string {
  let names = '';
  if (sort.length > 0) names += ',_sort';
  if (include.length > 0) names += ',_include';
  if (summary !== undefined) names += ',_summary';
  if (elements !== undefined) names += ',_elements';
  if (total !== undefined) names += ',_total';
  return names;
}
