import type { Backend, Logger } from '../ports.ts';
import { searchAll } from './demo-ask.ts';
import { inParallel } from './in-parallel.ts';

/** Patients at once; the results of one patient go in their order, so that both sides list them alike. */
const AT_ONCE = 4;

/**
 * Gives the sandbox's modern service what the legacy core has, as upserts under our ids: the state in which an endpoint
 * can be switched.
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
  const counts = await inParallel(AT_ONCE, patientIds, async (id) => {
    const values = [{ text: `Patient/${id}`, refType: 'Patient', refId: id }];
    const filter = { name: 'patient', type: 'reference', values } as const;
    const observations = await searchAll(legacy, 'Observation', filter, log);
    for (const observation of observations) {
      const response = await fetch(`${modernBase}/Observation/${observation.id}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/fhir+json' },
        body: JSON.stringify(observation),
      });
      if (!response.ok) throw new Error(`The modern service answered ${response.status} to an upsert.`);
      await response.arrayBuffer();
    }
    return observations.length;
  });
  return counts.reduce((sum, count) => sum + count, 0);
}
