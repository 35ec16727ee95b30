import { hash } from 'node:crypto';
import type { Issue } from '../../../src/errors.ts';
import { FicusError } from '../../../src/errors.ts';
import type { SearchFilter } from '../../../src/fhir/search-query.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import type { RequestContext } from '../../../src/ports.ts';
import type { SourcePage } from '../../../src/search/source.ts';
import { readAnswer, type Answer } from './answer.ts';
import { decodeCursor, encodeCursor, type Cursor } from './cursor.ts';
import type { Endpoint } from './endpoint.ts';
import { checkTag, type Core } from './core.ts';
import { planWays, type SearchEndpoint, type WayPlan } from './ways.ts';
import { writeCancel, writeQuery } from './query.ts';

/**
 * One page: the records of one answer of the core, or, where filters hold in several ways, of the answers to the first
 * ways until the page is full. Each resource is given in one way only.
 */
export async function searchPage(
  search: SearchEndpoint,
  filters: readonly SearchFilter[],
  page: { readonly count: number; readonly cursor?: string },
  core: Core,
  context: RequestContext,
): Promise<SourcePage> {
  const { endpoint } = search;
  const plan = planWays(search, filters, core.matching());
  const resources: Resource[] = [];
  const issues: Issue[] = [...plan.issues];
  let nameless = 0;
  let at: Cursor | undefined = page.cursor === undefined ? { way: 0 } : decodeCursor(page.cursor);
  const strays = new Set(at.strays);
  while (at && resources.length < page.count) {
    const asked: Cursor = at;
    const answer = await ask(search.endpoint, plan, asked, page.count - resources.length, core, context);
    nameless += answer.nameless;
    for (const { resource } of answer.records) {
      const turn = plan.turnOf(asked.way, resource);
      if (turn === 'own' || (turn === 'nobody' && isNew(strays, resource))) resources.push(resource);
    }
    if (answer.next) {
      at = answer.next;
      break;
    }
    at = asked.way + 1 < plan.ways.length ? { way: asked.way + 1 } : undefined;
  }
  if (nameless > 0) issues.push(leftOut(endpoint.type, nameless));
  return {
    resources,
    ...(at ? { next: encodeCursor({ ...at, strays: [...strays] }) } : {}),
    ...(issues.length > 0 ? { issues } : {}),
  };
}

/** More of them would make the address of the next page too long. */
const MOST_STRAYS = 100;

/**
 * Whether a resource that no way stands for was not given before; remembered by a mark of its key that says nothing.
 *
 * @throws {FicusError} `too-costly` for too many
 */
function isNew(strays: Set<string>, { resourceType, id }: Resource): boolean {
  const mark = hash('sha256', `${resourceType}/${id}`, 'base64url').slice(0, 10);
  if (strays.has(mark)) return false;
  if (strays.size === MOST_STRAYS) {
    const words = `More than ${MOST_STRAYS} resources of type ${resourceType} match by something that the legacy system cannot be asked for. Narrow the search down.`;
    throw new FicusError('too-costly', words);
  }
  strays.add(mark);
  return true;
}

interface WayAnswer extends Answer {
  readonly next?: Cursor;
}

async function ask(
  endpoint: Endpoint,
  plan: WayPlan,
  at: Cursor,
  count: number,
  core: Core,
  context: RequestContext,
): Promise<WayAnswer> {
  const { envelope, line } = core;
  const criteria = plan.ways[at.way];
  if (!criteria)
    throw new FicusError('page-expired', 'How this search is carried out has changed. Start it again.');
  const tag = at.tag ?? envelope.mint();
  const controlId = envelope.controlId();
  const { pointer } = at;
  const parts = { criteria, tag, count, ...(pointer === undefined ? {} : { pointer }) };
  const bytes = asked(() => writeQuery(endpoint, parts, envelope, controlId));
  const facts = { continued: pointer === undefined ? 'no' : 'yes' };
  core.openQueries.release(tag);
  const reply = await line.send({ endpoint, purpose: 'search', controlId, bytes, facts }, context);
  if (reply.empty || !endpoint.reads) return { records: [], nameless: 0 };
  checkTag(reply.message, tag);
  const answer = readAnswer(endpoint.reads, reply.message, core.run, context.log);
  const next = endpoint.next(reply.message);
  if (next === undefined) return answer;
  core.openQueries.keep(tag, () => cancelQuery(endpoint, tag, core));
  return { ...answer, next: { way: at.way, tag, pointer: next } };
}

/** A query that the line's character set cannot carry is the search's fault, not a resource's. */
function asked<T>(write: () => T): T {
  try {
    return write();
  } catch (error) {
    if (!(error instanceof FicusError) || error.code !== 'unmappable') throw error;
    const words = 'The search holds a character that the line to the legacy system cannot carry.';
    throw new FicusError('search-unsupported', words, { cause: error });
  }
}

/** Tells the core that a query will not be continued: QCN^J01. Never throws; nobody waits for it. */
export function cancelQuery(endpoint: Endpoint, tag: string, core: Core): void {
  const { query = '' } = endpoint.request;
  const controlId = core.envelope.controlId();
  const bytes = writeCancel(tag, query, core.envelope, controlId);
  const cancel = { ...endpoint, kind: 'QCN^J01', accepts: () => true, status: () => undefined };
  // The line has logged it; the core will forget the query in its own time.
  core.line
    .send({ endpoint: cancel, purpose: 'search', controlId, bytes }, core.background())
    .catch(() => {});
}

function leftOut(type: string, count: number): Issue {
  return {
    severity: 'warning',
    code: 'incomplete',
    diagnostics: `${count} record${count === 1 ? '' : 's'} of type ${type} left out: no number of a registered assigning authority.`,
  };
}
