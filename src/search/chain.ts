import { FicusError, type Issue } from '../errors.ts';
import type { SearchFilter, SearchQuery } from '../fhir/search-query.ts';
import type { Backend, RequestContext } from '../ports.ts';
import { askAll } from './ask.ts';

export interface ChainOptions {
  /** Most resources one chained parameter may stand for. */
  readonly maxChained: number;
  readonly maxBytes: number;
}

export type ResolvedChains =
  | { readonly kind: 'resolved'; readonly query: SearchQuery; readonly issues: readonly Issue[] }
  /** Nothing stands behind a chain, so nothing can match. `servedBy`: who said so. */
  | { readonly kind: 'nothing'; readonly servedBy: string; readonly issues: readonly Issue[] };

/**
 * Replaces chained parameters by what they stand for: `patient.identifier=x` becomes `patient=Patient/a,Patient/b`. Each chain is
 * searched for by itself, so that two of them may be met by two targets (FHIR R4 search.html#chaining).
 * @throws FicusError `too-costly` when a chain stands for too many resources.
 */
export async function resolveChains(
  query: SearchQuery,
  backend: Backend,
  context: RequestContext,
  options: ChainOptions,
): Promise<ResolvedChains> {
  if (!query.filters.some(({ chain }) => chain)) return { kind: 'resolved', query, issues: [] };
  const filters: SearchFilter[] = [];
  const issues: Issue[] = [];
  const chained = query.applied.filter(isChain);
  const applied = query.applied.filter((pair) => !isChain(pair));
  for (const filter of query.filters) {
    const { chain, name } = filter;
    if (!chain) {
      filters.push(filter);
      continue;
    }
    const [written = '', raw = ''] = chained.shift() ?? [];
    const inner = targetQuery(chain, [written.slice(written.indexOf('.') + 1), raw], options.maxChained);
    const found = await askAll(backend, inner, context, options.maxChained, options.maxBytes);
    if (!found) throw tooMany(written, options.maxChained);
    issues.push(...found.set.issues);
    const ids = new Set(found.set.matches.flatMap(({ id }) => id ?? []));
    if (ids.size === 0) return { kind: 'nothing', servedBy: found.servedBy, issues };
    const values = [...ids]
      .sort()
      .map((id) => ({ text: `${chain.targetType}/${id}`, refType: chain.targetType, refId: id }));
    filters.push({ name, type: 'reference', values });
    applied.push([name, values.map(({ text }) => text).join(',')]);
  }
  return { kind: 'resolved', query: { ...query, filters, applied }, issues };
}

/** No R4 parameter has a dot in its name. */
function isChain([name]: readonly [string, string]): boolean {
  return name.includes('.') && !name.startsWith('_has:');
}

function targetQuery(
  { targetType, filter }: NonNullable<SearchFilter['chain']>,
  pair: readonly [string, string],
  maxChained: number,
): SearchQuery {
  const count = maxChained + 1;
  return {
    type: targetType,
    filters: [filter],
    sort: [],
    count,
    include: [],
    applied: [pair, ['_count', String(count)]],
    ignored: [],
  };
}

function tooMany(name: string, limit: number): FicusError {
  return new FicusError('too-costly', `${name} stands for more than ${limit} resources. Narrow it down.`, {
    expression: [name],
  });
}
