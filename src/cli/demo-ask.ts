import { randomUUID } from 'node:crypto';
import type { SearchFilter, SearchQuery } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import type { Backend, Logger, RequestContext } from '../ports.ts';

const DEADLINE_MS = 30_000;
const PAGE = 100;

function context(log: Logger): RequestContext {
  return {
    requestId: randomUUID(),
    traceparent: `00-${randomUUID().replaceAll('-', '')}-${randomUUID().replaceAll('-', '').slice(16)}-01`,
    principal: { key: 'fill' },
    signal: AbortSignal.timeout(DEADLINE_MS),
    deadline: Date.now() + DEADLINE_MS,
    log,
    timing: () => {},
  };
}

/** All that a backend finds, page after page, whatever the route table says. Ids are those that clients see. */
export async function searchAll(
  backend: Backend,
  type: string,
  filter: SearchFilter,
  log: Logger,
): Promise<Resource[]> {
  const found: Resource[] = [];
  let page: string | undefined;
  do {
    const query: SearchQuery = {
      type,
      filters: [filter],
      sort: [],
      count: PAGE,
      include: [],
      ...(page === undefined ? {} : { page }),
      applied: [[filter.name, filter.values[0]?.text ?? '']],
      ignored: [],
    };
    const request = { interaction: 'search', type, query, handling: 'strict' } as const;
    const { body } = await backend.handle(request, context(log));
    if (body.kind !== 'searchset')
      throw new Error(`A search for ${type} was not answered with a search result.`);
    found.push(...body.set.matches);
    page = body.set.next;
  } while (page !== undefined);
  return found;
}
