import { FicusError } from '../errors.ts';
import type { SearchQuery } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import type { Backend, FhirRequest, RequestContext } from '../ports.ts';
import { beforeWrite } from './interaction.ts';

export interface Match {
  readonly resource: Resource;
  readonly servedBy: string;
}

/** A page may be shorter than asked for, even empty, and not be the last. */
const MAX_PAGES = 20;

/**
 * The one resource that criteria match, asked by searches through `next`; undefined: none.
 *
 * @throws FicusError `multiple-matches`; `parameter-invalid` for criteria that are empty; `parameter-unknown` when one
 * of them would be ignored; `too-costly` when it cannot be told within 20 pages.
 */
export async function findMatch(
  next: Backend,
  criteria: SearchQuery,
  context: RequestContext,
): Promise<Match | undefined> {
  if (criteria.ignored.length > 0) {
    throw new FicusError('parameter-unknown', 'Criteria that decide about a write must all be understood.', {
      issues: criteria.ignored,
    });
  }
  if (criteria.filters.length === 0) throw new FicusError('parameter-invalid', 'The criteria are empty.');
  let match: Match | undefined;
  const { type, filters, applied, ignored } = criteria;
  let query: SearchQuery = { type, filters, applied, ignored, sort: [], include: [], count: 10 };
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const request: FhirRequest = { interaction: 'search', type, query, handling: 'strict' };
    const { body, servedBy } = await next.handle(request, context).catch((error: unknown) => {
      throw beforeWrite(error);
    });
    if (body.kind === 'pipe') body.discard();
    if (body.kind !== 'searchset') {
      throw new FicusError(
        'not-implemented',
        'Conditional requests are not supported by the backend of this endpoint.',
      );
    }
    for (const resource of body.set.matches) {
      if (match && match.resource.id !== resource.id) {
        throw new FicusError('multiple-matches', 'More than one resource matches the criteria.');
      }
      match = { resource, servedBy };
    }
    if (body.set.next === undefined) return match;
    query = { ...query, page: body.set.next };
  }
  throw new FicusError('too-costly', 'The criteria match too widely to tell whether there is one resource.');
}
