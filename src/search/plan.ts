import { FicusError } from '../errors.ts';
import type { SearchFilter } from '../fhir/search-query.ts';
import type { NativeFilter, SourceSearch } from './source.ts';

/**
 * How a search is put to a source. Whatever way is taken, every resource that comes back is checked against the whole
 * query, so that a plan can only cost too much or too little, never answer wrongly.
 */
export type Plan =
  | {
      readonly kind: 'search';
      /**
       * One native search for each entry; the results together are the answer. More than one: the source cannot OR, so
       * the values of a filter are asked for one by one.
       */
      readonly branches: readonly (readonly SearchFilter[])[];
      /** Filters that no branch carries in full. */
      readonly residual: readonly SearchFilter[];
    }
  | { readonly kind: 'read'; readonly ids: readonly string[] }
  /** The source would have to give everything it has. `anchors`: what would bound the search. */
  | { readonly kind: 'unbounded'; readonly anchors: readonly (readonly string[])[] };

export interface PlanOptions {
  /** Most native searches, or reads by id, that one search may become. */
  readonly maxBranches: number;
  /** Whether the source reads this type by id. */
  readonly canRead: boolean;
}

const PREFIXED = ['date', 'number', 'quantity'];

/** Plans a search over what the source declares. `source` undefined: it cannot search the type, only read it by id. */
export function planSearch(
  filters: readonly SearchFilter[],
  source: SourceSearch | undefined,
  options: PlanOptions,
): Plan {
  const reads = options.canRead ? readsOf(filters, source, options.maxBranches) : undefined;
  if (reads && !(source && '_id' in source.filters)) return reads;
  const search = source && planNative(filters, source, options.maxBranches);
  return search ?? reads ?? { kind: 'unbounded', anchors: source?.anchors ?? [] };
}

/** The `too-costly` error of an unbounded plan, in words that help. */
export function tooCostly(type: string, anchors: readonly (readonly string[])[]): FicusError {
  const ways = anchors.map((names) => names.join(' with ')).filter((words) => words !== '');
  const help = ways.length > 0 ? ` Search by ${ways.join(', or by ')}.` : ' Search by _id.';
  return new FicusError(
    'too-costly',
    `This search cannot be narrowed down in the system that holds the data: it would have to read every ${type}.${help}`,
  );
}

/** A bare `_id`: the ids are read one by one. */
function readsOf(
  filters: readonly SearchFilter[],
  source: SourceSearch | undefined,
  maxReads: number,
): Plan | undefined {
  const filter = filters.find(({ name, modifier }) => name === '_id' && modifier === undefined);
  if (!filter) return undefined;
  const ids = new Set(filter.values.flatMap(({ code, text }) => code ?? text));
  if (ids.size <= maxReads) return { kind: 'read', ids: [...ids] };
  return source ? undefined : { kind: 'unbounded', anchors: [] };
}

function planNative(
  filters: readonly SearchFilter[],
  source: SourceSearch,
  maxBranches: number,
): Plan | undefined {
  const whole: SearchFilter[] = [];
  const split: SearchFilter[] = [];
  const pushable = filters.flatMap((filter) => {
    const native = source.filters[filter.name];
    return native && canPush(filter, native) ? [{ filter, native }] : [];
  });
  // Where a parameter may be pushed once only, the filter that can bound the search goes first.
  for (const { filter, native } of pushable.toSorted(
    (a, b) => Number(narrows(b.filter)) - Number(narrows(a.filter)),
  )) {
    const again = [...whole, ...split].some(({ name }) => name === filter.name);
    if (again && !native.repeat) continue;
    if (filter.values.length === 1 || native.or) whole.push(filter);
    // Not one of several: whoever has the first is out already, the others are checked here.
    else if (filter.modifier === 'not') whole.push({ ...filter, values: filter.values.slice(0, 1) });
    else split.push(filter);
  }
  const splits = cheapestSplit(whole, split, source.anchors, maxBranches);
  if (!splits) return undefined;
  const branches = splits.reduce<readonly (readonly SearchFilter[])[]>(
    (all, filter) =>
      all.flatMap((branch) => filter.values.map((value) => [...branch, { ...filter, values: [value] }])),
    [whole],
  );
  return {
    kind: 'search',
    branches,
    residual: filters.filter((filter) => !whole.includes(filter) && !splits.includes(filter)),
  };
}

function canPush(filter: SearchFilter, native: NativeFilter): boolean {
  if (filter.chain || !native.modifiers.includes(filter.modifier ?? '')) return false;
  if (!PREFIXED.includes(filter.type) || filter.modifier === 'missing') return true;
  return filter.values.every(({ prefix = 'eq' }) => native.prefixes.includes(prefix));
}

/**
 * The filters to take apart so that an anchor is reached, with the fewest branches; undefined: none within the limit.
 */
function cheapestSplit(
  whole: readonly SearchFilter[],
  split: readonly SearchFilter[],
  anchors: readonly (readonly string[])[],
  maxBranches: number,
): readonly SearchFilter[] | undefined {
  const reached = new Set(whole.filter(narrows).map(({ name }) => name));
  let best: { filters: readonly SearchFilter[]; cost: number } | undefined;
  for (const anchor of anchors) {
    const lacking = anchor.filter((name) => !reached.has(name));
    const filters = lacking.map((name) => split.find((filter) => filter.name === name && narrows(filter)));
    const found = filters.filter((filter) => filter !== undefined);
    if (found.length < lacking.length) continue;
    const cost = found.reduce((product, { values }) => product * values.length, 1);
    if (cost <= maxBranches && (!best || cost < best.cost)) best = { filters: found, cost };
  }
  return best?.filters;
}

/** Whether a filter picks out some, rather than leaving out a few. */
function narrows({ modifier, values }: SearchFilter): boolean {
  return modifier !== 'not' && modifier !== 'missing' && values.every(({ prefix }) => prefix !== 'ne');
}
