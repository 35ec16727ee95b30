import { randomUUID } from 'node:crypto';
import type { SearchQuery } from '../fhir/search-query.ts';
import type { Resource } from '../fhir/types.ts';
import type { Backend, Logger, RequestContext } from '../ports.ts';

const DEADLINE_MS = 30_000;

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

/** All Observations of a patient from one backend, page after page. */
async function observationsOf(legacy: Backend, patientId: string, log: Logger): Promise<Resource[]> {
  const found: Resource[] = [];
  let page: string | undefined;
  do {
    const query: SearchQuery = {
      type: 'Observation',
      filters: [
        {
          name: 'patient',
          type: 'reference',
          values: [{ text: `Patient/${patientId}`, refType: 'Patient', refId: patientId }],
        },
      ],
      sort: [],
      count: 100,
      include: [],
      ...(page === undefined ? {} : { page }),
      applied: [['patient', patientId]],
      ignored: [],
    };
    const request = { interaction: 'search', type: 'Observation', query, handling: 'strict' } as const;
    const { body } = await legacy.handle(request, context(log));
    if (body.kind !== 'searchset') throw new Error('The legacy side did not answer with a search result.');
    found.push(...body.set.matches);
    page = body.set.next;
  } while (page !== undefined);
  return found;
}

/**
 * Gives the sandbox's modern service what the legacy core has, as upserts under our ids: the state in which an endpoint can be
 * switched.
 *
 * @returns how many Observations it has now
 */
export async function fillModern(options: {
  readonly legacy: Backend;
  readonly modernBase: string;
  readonly patientIds: readonly string[];
  readonly log: Logger;
}): Promise<number> {
  const { legacy, modernBase, patientIds, log } = options;
  let count = 0;
  for (const patientId of patientIds) {
    for (const observation of await observationsOf(legacy, patientId, log)) {
      const response = await fetch(`${modernBase}/Observation/${observation.id}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/fhir+json' },
        body: JSON.stringify(observation),
      });
      if (!response.ok) throw new Error(`The modern service answered ${response.status} to an upsert.`);
      await response.arrayBuffer();
      count++;
    }
  }
  return count;
}
