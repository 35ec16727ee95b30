import { FicusError } from '../errors.ts';
import type { SearchQuery, SearchSet } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import type { Backend, FhirResponse, RequestContext } from '../ports.ts';
import { readBundle, readPipe } from './pipe.ts';
import { CONTINUATIONS } from './rules.ts';

/** A search set, wherever it came from. */
export interface Asked {
  readonly set: SearchSet;
  /**
   * Where it goes on: the parameters of a modern service's `next` link. A legacy source's token stands in `set.next`.
   */
  readonly link?: readonly (readonly [string, string])[];
}

/**
 * The set of a search's answer; a Bundle that is piped is read and taken apart.
 * @throws FicusError `legacy-rejected` or `legacy-exception` for an answer that is no success.
 */
export async function setOf({ status, body }: FhirResponse, maxBytes: number): Promise<Asked> {
  if (body.kind === 'searchset') return { set: body.set };
  if (body.kind === 'pipe' && status === 200) {
    const { next, ...set } = readBundle(await readPipe(body, maxBytes));
    return next === undefined ? { set } : { set, link: next };
  }
  throw refused(status, body);
}

/**
 * All matches of a search, page after page.
 * @param limit most of them; beyond it the result is undefined.
 */
export async function askAll(
  backend: Backend,
  query: SearchQuery,
  context: RequestContext,
  limit: number,
  maxBytes: number,
): Promise<{ readonly set: SearchSet; readonly servedBy: string } | undefined> {
  const matches: Resource[] = [];
  const issues: SearchSet['issues'][number][] = [];
  let asked: SearchQuery | undefined = query;
  let servedBy = '';
  for (let pages = 0; asked; pages++) {
    if (matches.length > limit || pages > limit) return undefined;
    const request = { interaction: 'search', type: query.type, query: asked, handling: 'strict' } as const;
    const response = await backend.handle(request, context);
    const { set, link } = await setOf(response, maxBytes);
    servedBy = response.servedBy;
    matches.push(...set.matches);
    issues.push(...set.issues);
    if (link) asked = followed(query, link);
    else asked = set.next === undefined ? undefined : { ...query, page: set.next };
  }
  if (matches.length > limit) return undefined;
  return { set: { matches, included: [], issues }, servedBy };
}

/**
 * A search as a modern service goes on with it. Its page is a value that the link asks for: it says whose page this is,
 * and that no other system can answer it.
 * @throws FicusError `legacy-malformed` for a link that asks for nothing: followed, it would be a search for
 *   everything.
 */
export function followed(query: SearchQuery, link: NonNullable<Asked['link']>): SearchQuery {
  const [, page] = link.findLast(([name]) => CONTINUATIONS.includes(name)) ?? link.at(-1) ?? [];
  if (page === undefined) {
    throw new FicusError('legacy-malformed', 'The link to the next page of a service cannot be followed.');
  }
  return { ...query, applied: link, page };
}

/**
 * The resource of a read's answer; undefined: there is none (any more).
 * @throws FicusError as setOf.
 */
export async function resourceOf(
  { status, body }: FhirResponse,
  maxBytes: number,
): Promise<Resource | undefined> {
  if (body.kind === 'resource' && status === 200) return body.resource;
  if (body.kind === 'pipe' && status === 200) return readOne(body, maxBytes);
  if (status === 404 || status === 410) {
    if (body.kind === 'pipe') body.discard();
    return undefined;
  }
  throw refused(status, body);
}

/** One resource is not too much because of what was asked for. */
async function readOne(body: Parameters<typeof readPipe>[0], maxBytes: number): Promise<Resource> {
  try {
    return await readPipe(body, maxBytes);
  } catch (error) {
    if (!(error instanceof FicusError) || error.code !== 'too-costly') throw error;
    throw new FicusError('legacy-malformed', 'The answer of the service is too large.', { cause: error });
  }
}

function refused(status: number, body: FhirResponse['body']): FicusError {
  if (body.kind === 'pipe') body.discard();
  return new FicusError(
    status < 500 ? 'legacy-rejected' : 'legacy-exception',
    `A service that had to be asked for a part of this answer refused it with status ${status}.`,
  );
}
