import type { DatabaseSync } from 'node:sqlite';
import type { MessageContent, ResourceChange } from '../../../src/projection-ports.ts';
import type { SearchQuery, SearchSet } from '../../../src/fhir/search-query.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import type { Backend, FhirRequest } from '../../../src/ports.ts';
import { createProjectionBackend, type ProjectionBackendOptions } from '../../../src/projection/backend.ts';
import { createProjectionLog } from '../../../src/projection/event-log.ts';
import { createReading } from '../../../src/projection/search/reading.ts';
import { createProjectionWriter } from '../../../src/projection/writer.ts';
import { PROJECTION_MIGRATIONS } from '../../../src/projection/schema.ts';
import { parseHistory } from '../../../src/search/history-parse.ts';
import { openDatabase } from '../../../src/store/database.ts';
import {
  BASE,
  context,
  everythingReversed,
  NOW,
  query as parsed,
  sealer,
  testClock,
  UTC,
} from '../search/support.ts';

export { BASE, context, NOW, UTC };

/** A query from its text, with all that R4 has, in both directions. */
export const query = (type: string, text: string): SearchQuery =>
  parsed(type, text, { rules: everythingReversed });

export type Known = Resource & { readonly id: string };

/** A projection, in memory unless a file is given, with a backend over it and a clock that stands still. */
export function projection(change: Partial<ProjectionBackendOptions> = {}, file = ':memory:') {
  const database: DatabaseSync = openDatabase(file, PROJECTION_MIGRATIONS);
  const clock = testClock();
  const writer = createProjectionWriter(database, { zone: UTC, base: BASE });
  const reading = createReading(database);
  const backend = createProjectionBackend(reading, {
    clock,
    pages: sealer(clock),
    zone: UTC,
    base: BASE,
    defaultCount: 10,
    ...change,
  });
  let seq = 0;

  /** Applies one message; what it says happened at `eventAt`, by default a second after the one before. */
  function apply(content: Partial<MessageContent>, options: { seq?: number; replay?: number } = {}) {
    seq = options.seq ?? seq + 1;
    const whole: MessageContent = {
      eventAt: NOW + seq * 1000,
      changes: [],
      identity: [],
      hashed: [],
      ...content,
    };
    const [applied] = writer.apply([{ seq, replay: options.replay ?? 0, content: whole }], NOW + seq);
    if (!applied) throw new Error('nothing was applied');
    return applied;
  }

  const ask = (request: Partial<FhirRequest> & Pick<FhirRequest, 'interaction' | 'type'>) =>
    backend.handle({ handling: 'strict', ...request }, context());

  return { database, clock, writer, reading, backend, log: createProjectionLog(database), apply, ask };
}

export type Projection = ReturnType<typeof projection>;

/** Everything the change says is all that is known. */
export const snapshot = (resource: Known): ResourceChange => ({ resource, mode: 'snapshot' });
export const update = (resource: Known, deleted?: readonly string[]): ResourceChange => ({
  resource,
  mode: 'update',
  ...(deleted ? { deleted } : {}),
});

/** The history of a resource, as `parameters` ask for it. */
export const historyOf = (
  type: string,
  id: string,
  parameters: readonly (readonly [string, string])[] = [],
) => ({ interaction: 'history', type, id, ...parseHistory(type, id, parameters, 50) }) as const;

export async function readOf({ ask }: Pick<Projection, 'ask'>, type: string, id: string): Promise<Resource> {
  const { body } = await ask({ interaction: 'read', type, id });
  if (body.kind !== 'resource') throw new Error('no resource');
  return body.resource;
}

export async function setOf(backend: Backend, asked: SearchQuery): Promise<SearchSet> {
  const { body } = await backend.handle(
    { interaction: 'search', type: asked.type, query: asked, handling: 'strict' },
    context(),
  );
  if (body.kind !== 'searchset') throw new Error('no search set');
  return body.set;
}

/** Ids of all pages of a search, in order. */
export async function idsOf(backend: Backend, type: string, text: string): Promise<string[]> {
  const ids: string[] = [];
  let asked: SearchQuery | undefined = query(type, text);
  while (asked) {
    const set: SearchSet = await setOf(backend, asked);
    ids.push(...set.matches.map(({ id }) => id ?? ''));
    asked = set.next === undefined ? undefined : { ...asked, page: set.next };
  }
  return ids;
}
