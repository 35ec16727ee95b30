import { FicusError } from '../../errors.ts';
import type { Resource } from '../../fhir/types.ts';
import type { FhirRequest, Side } from '../../ports.ts';
import type { ParseQuery } from './asked-request.ts';
import type { ComparableAnswer, ComparableSet } from '../compare/answer.ts';
import { isTelling, pageOf } from './settled.ts';
import type { Page, Settled } from './settled.ts';
import { uncomparable } from './uncomparable.ts';

export interface GatherOptions {
  readonly side: Side;
  readonly request: FhirRequest;
  /** Asks the same side for a later page. */
  readonly again: (request: FhirRequest) => Promise<Settled>;
  readonly parse: ParseQuery;
  /** A set is followed to its end only while it is smaller than this. */
  readonly maxResources: number;
}

/** Pages of one set that are followed; a side that goes on and on says nothing. */
const MAX_PAGES = 20;

/**
 * The whole of an answer: of a set, all its pages, so that two sides that cut them differently can be compared. One
 * that is too large to be followed to its end is not `complete`.
 * @throws Uncomparable when it failed technically, is not FHIR, or goes on where nobody can follow
 */
export async function gather(first: Settled, options: GatherOptions): Promise<ComparableAnswer> {
  const { side, request, again, maxResources } = options;
  const begun = pageAt(side, first, request);
  if (begun.answer.kind !== 'set') return begun.answer;
  let { answer: set, next } = { ...begun, answer: begun.answer };
  for (let pages = 1; next !== undefined && pages < MAX_PAGES; pages++) {
    if (set.matches.length + set.included.length >= maxResources) break;
    const page = pageAt(side, await again(nextRequest(next, options)), request);
    // A first page that is fine and a later one that is refused: there is no whole answer to compare.
    if (page.answer.kind !== 'set') throw uncomparable('pages');
    set = joined(set, page.answer);
    next = page.next;
  }
  return { ...set, complete: next === undefined };
}

function pageAt(side: Side, settled: Settled, request: FhirRequest): Page {
  if (!isTelling(settled)) throw uncomparable(`${side}-failed`);
  return pageOf(settled, request);
}

function joined(set: ComparableSet, more: ComparableSet): ComparableSet {
  const known = new Set(set.included.map(addressOf));
  const total = set.total ?? more.total;
  return {
    ...set,
    matches: [...set.matches, ...more.matches],
    included: [...set.included, ...more.included.filter((resource) => !known.has(addressOf(resource)))],
    ...(total === undefined ? {} : { total }),
    partial: set.partial === true || more.partial === true,
  };
}

export function addressOf({ resourceType, id }: Resource): string {
  return `${resourceType}/${id}`;
}

function nextRequest(next: NonNullable<Page['next']>, options: GatherOptions): FhirRequest {
  const { request, parse } = options;
  if (!request.query) throw uncomparable('pages');
  if (typeof next === 'string') return { ...request, query: { ...request.query, page: next } };
  if (next.length === 0) throw uncomparable('pages');
  try {
    return { ...request, query: parse(request.type, next, 'strict') };
  } catch (error) {
    // A link with parameters that this API does not know: clients cannot follow it either.
    if (error instanceof FicusError) throw uncomparable('pages');
    throw error;
  }
}
