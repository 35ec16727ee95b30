import { isDeepStrictEqual } from 'node:util';
import { FicusError } from '../errors.ts';
import type { Issue } from '../errors.ts';
import type { SearchQuery } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import type { Backend, FhirResponse } from '../ports.ts';
import { followed, setOf } from '../search/ask.ts';
import type { Asked } from '../search/ask.ts';
import { pageBinding } from '../search/page.ts';
import type { PageSealer } from '../search/page.ts';
import type { Sieve, Turn } from './enforce-answer.ts';

export interface PagesOptions {
  readonly next: Backend;
  readonly sealer: PageSealer;
  /** Largest answer of a modern service that is looked at, in bytes. */
  readonly maxBytes: number;
}

export interface PageAsked {
  readonly turn: Turn;
  /** What whoever answers is asked: narrowed, and whole resources. */
  readonly query: SearchQuery;
  /** The search as it came: its pages belong to it. */
  readonly asked: SearchQuery;
  /** Most matches on the page. */
  readonly wanted: number;
  readonly sieve: Sieve;
}

/** A page of what may be seen. */
export interface Page {
  readonly matches: readonly Resource[];
  /** Where it goes on; absent: there is nothing more to be seen. */
  readonly next?: string;
  /** What whoever answers said, each once. */
  readonly issues: readonly Issue[];
  readonly servedBy: string;
  readonly headers: FhirResponse['headers'];
}

/** Where a page begins: in which page of whoever answers, and where in that. */
interface Place {
  /** Token of a legacy source or a projection; absent, and no link: the first page. */
  readonly page?: string;
  /** Parameters of a modern service's link. */
  readonly link?: NonNullable<Asked['link']>;
  /** Matches of that page to be passed over. */
  readonly skip: number;
  /** Id of the match after them: it is found again although something came or went before it. */
  readonly first?: string;
  /** What each of those pages is asked for with: a continuation may hold for its own size only. */
  readonly size: number;
}

/** Marks tokens that say where a page of what may be seen begins. */
const SEEN = 'v.';
/** Pages of whoever answers that are looked at for one page; what is not found by then is left to the next one. */
const MOST_PAGES = 20;
/** A token is as long wherever it leads, as far as can be: how far it had to look is not told. */
const TOKEN_BLOCK = 512;
/** What a place takes beside the search, which the link of a modern service says over again. */
const PLACE_ROOM = 384;

/**
 * Pages of what may be seen, cut as if nothing else were there: what is hidden is passed over until the page is full,
 * and there is a `next` only where something follows that may be seen. Past 20 pages of whoever answers the page ends
 * short of it, with a `next`.
 */
export function createPages({ next, sealer, maxBytes }: PagesOptions): {
  page(page: PageAsked): Promise<Page | { readonly refused: FhirResponse }>;
} {
  return {
    async page({ turn, query, asked, wanted, sieve }) {
      const { request, context } = turn;
      const binding = SEEN + pageBinding(asked, context.principal.key);
      // One more than is given says whether anything follows.
      let place = placeOf(asked, binding) ?? { skip: 0, size: wanted + 1 };
      const found: { readonly resource: Resource; readonly place: Place }[] = [];
      const issues: Issue[] = [];
      let first: FhirResponse | undefined;
      for (let pages = 0; pages < MOST_PAGES; pages += 1) {
        const response = await next.handle({ ...request, query: at(query, place) }, context);
        if (response.status >= 300) return { refused: response };
        const { set, link } = await setOf(response, maxBytes);
        first ??= response;
        for (const issue of set.issues)
          if (!issues.some((known) => isDeepStrictEqual(known, issue))) issues.push(issue);
        const begin = beginOf(set.matches, place);
        for (const [passed, resource] of set.matches.slice(begin).entries()) {
          if (!sieve.keeps(resource, set.matches)) continue;
          const { id } = resource;
          const here = { ...place, skip: begin + passed, ...(id === undefined ? {} : { first: id }) };
          if (found.length === wanted) return pageOf(first, here);
          found.push({ resource, place: here });
        }
        const following = followingOf(set.next, link, place);
        if (!following) return pageOf(first);
        place = following;
      }
      return pageOf(first!, place);

      function pageOf({ servedBy, headers }: FhirResponse, goesOn?: Place): Page {
        const token = goesOn && SEEN + sealer.seal(padded(goesOn, query), binding);
        return {
          matches: found.map(({ resource }) => resource),
          issues,
          servedBy,
          headers: ofSet(headers),
          ...(token === undefined ? {} : { next: token }),
        };
      }
    },
  };

  /**
   * @throws FicusError `parameter-invalid` for a page that was not made here for this search and caller, `page-expired`
   */
  function placeOf({ page }: SearchQuery, binding: string): Place | undefined {
    if (page === undefined) return undefined;
    // Whoever may choose at which of all matches a page begins could count what is hidden before it.
    if (!page.startsWith(SEEN))
      throw new FicusError('parameter-invalid', 'The page does not belong to this search of this caller. Start it again without one.', { expression: ['_page'] }); // prettier-ignore
    return (sealer.open(page.slice(SEEN.length), binding) as { readonly place: Place }).place;
  }
}

/** The search for the page that a place is in. */
function at(query: SearchQuery, { page, link, size }: Place): SearchQuery {
  const { page: _asked, ...rest } = query;
  if (link) return followed(rest, link);
  const applied = [...rest.applied.filter(([name]) => name !== '_count'), ['_count', String(size)] as const];
  return { ...rest, applied, count: size, ...(page === undefined ? {} : { page }) };
}

function beginOf(matches: readonly Resource[], { skip, first }: Place): number {
  const again = first === undefined ? -1 : matches.findIndex(({ id }) => id === first);
  return again < 0 ? skip : again;
}

function followingOf(page: string | undefined, link: Place['link'], { size }: Place): Place | undefined {
  if (link) return { link, skip: 0, size };
  return page === undefined ? undefined : { page, skip: 0, size };
}

function padded(place: Place, { applied }: SearchQuery): unknown {
  const room = JSON.stringify(applied).length + PLACE_ROOM;
  const block = Math.ceil(room / TOKEN_BLOCK) * TOKEN_BLOCK;
  const { length } = JSON.stringify(place);
  return { place, pad: ' '.repeat(block - (length % block)) };
}

/** Headers that described the bytes of one page do not describe what was made of some. */
function ofSet(headers: FhirResponse['headers']): FhirResponse['headers'] {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => !name.startsWith('content-') && name !== 'etag' && name !== 'last-modified',
    ),
  );
}
