import type { Ficus } from '../compose.ts';
import { createLogger } from '../log.ts';
import type { Logger } from '../ports.ts';
import { findDemoPatients, listDemoPatients } from './demo-data.ts';
import type { DemoPatient } from './demo-data.ts';
import { fillModern } from './demo-fill.ts';

/** The patients of the demo. */
export interface DemoPeople {
  /** Those with a story. */
  readonly named: readonly DemoPatient[];
  /** How many there are in all. */
  readonly count: number;
  /** Resolves when the modern service has the results of all of them; says in the log when it cannot. */
  readonly others: Promise<void>;
}

/**
 * Finds the patients of the sandbox and gives their results to the modern service. The named ones are done when this
 * resolves; the many follow, for the first screen need not wait for them. What Ficus does for it is not in the log.
 *
 * @param stopping aborted when the demo ends, after which a failure is none
 */
export async function welcomePeople(
  ficus: Ficus,
  places: Record<'control' | 'modern', string>,
  log: Logger,
  stopping: AbortSignal,
): Promise<DemoPeople> {
  const core = ficus.backends.get('core');
  const legacy = ficus.backends.get('clinical');
  if (!core || !legacy) throw new Error('The demo needs its backends "core" and "clinical".');
  const silent = createLogger({ level: 'silent' });
  const listed = await listDemoPatients(places.control);
  const fill = async (ordinary: boolean): Promise<readonly DemoPatient[]> => {
    const chosen = listed.filter((one) => one.ordinary === ordinary);
    const patients = await findDemoPatients({ core, listed: chosen, log: silent });
    const patientIds = patients.map(({ id }) => id);
    await fillModern({ legacy, modernBase: places.modern, patientIds, log: silent });
    return patients;
  };
  const named = await fill(false);
  const others = fill(true).then(
    () => {},
    (error: unknown) => {
      if (!stopping.aborted) log.warn('The modern service was not filled with everything', { error });
    },
  );
  return { named, count: listed.length, others };
}
