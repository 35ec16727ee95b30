import { FicusError, type Issue } from '../errors.ts';
import type { SearchFilter, SearchQuery } from '../fhir/search-query.ts';
import type { Backend, RequestContext } from '../ports.ts';
import { askAll } from './ask.ts';
import { resolveHas, type HasOptions } from './has.ts';

export interface ChainOptions {
  /** Most resources one chained parameter may stand for. */
  readonly maxChained: number;
  readonly maxBytes: number;
  /** How `_has` is resolved; absent: it is left to who answers. */
  readonly has?: HasOptions;
}

export type ResolvedChains =
  | { readonly kind: 'resolved'; readonly query: SearchQuery; readonly issues: readonly Issue[] }
  /** Nothing stands behind a chain, so nothing can match. `servedBy`: who said so. */
  | { readonly kind: 'nothing'; readonly servedBy: string; readonly issues: readonly Issue[] };

/**
 * Replaces chained parameters by what they stand for: `patient.identifier=x` becomes `patient=Patient/a,Patient/b`, and
 * `_has:Observation:patient:code=x` becomes `_id=a,b`. Each is searched for by itself, so that two of them may be met
 * by two targets (FHIR R4 search.html#chaining, #has).
 * @throws FicusError `too-costly` when one stands for too many resources.
 */
export async function resolveChains(
  query: SearchQuery,
  backend: Backend,
  context: RequestContext,
  options: ChainOptions,
): Promise<ResolvedChains> {
  const { has: reversing } = options;
  if (!query.filters.some(({ chain, has }) => chain || (has && reversing)))
    return { kind: 'resolved', query, issues: [] };
  const filters: SearchFilter[] = [];
  const issues: Issue[] = [];
  const chained = query.applied.filter(isChain);
  const reversed = reversing ? query.applied.filter(isHas) : [];
  const applied = query.applied.filter((pair) => !isChain(pair) && !reversed.includes(pair));
  for (const filter of query.filters) {
    const { chain, has, name } = filter;
    if (has && reversing) {
      const pair = reversed.shift() ?? ['', ''];
      const found = await resolveHas(query.type, has, pair, backend, context, reversing);
      if (!found || found.ids.length > reversing.maxReferred) throw tooMany('_has', reversing.maxReferred);
      issues.push(...found.issues);
      if (found.ids.length === 0) return { kind: 'nothing', servedBy: found.servedBy, issues };
      const values = found.ids.map((id) => ({ text: id, code: id }));
      filters.push({ name: '_id', type: 'token', values });
      applied.push(['_id', found.ids.join(',')]);
      continue;
    }
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
function isChain(pair: readonly [string, string]): boolean {
  return pair[0].includes('.') && !isHas(pair);
}

function isHas([name]: readonly [string, string]): boolean {
  return name.startsWith('_has:');
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
