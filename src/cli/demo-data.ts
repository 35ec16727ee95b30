import type { Backend, Logger } from '../ports.ts';
import { searchAll } from './demo-ask.ts';
import { inParallel } from './in-parallel.ts';

/** A patient of the sandbox, as its control API describes it. */
export interface ListedPatient {
  readonly mrn: string;
  readonly authority: string;
  readonly name: string;
  /** What is special about the record. */
  readonly about: string;
  /** Nothing is: there to make up the number. */
  readonly ordinary: boolean;
}

export interface DemoPatient extends ListedPatient {
  /** The id that Ficus gives. */
  readonly id: string;
}

const SYSTEMS: Readonly<Record<string, string>> = { HOSP: 'urn:oid:2.999.1.1', CLINIC: 'urn:oid:2.999.1.2' };
/** Queries at once: as many as the demo has connections to the core. */
const AT_ONCE = 8;

/** The patients that the sandbox's control API lists, those with a story first. */
export async function listDemoPatients(controlBase: string): Promise<readonly ListedPatient[]> {
  const response = await fetch(`${controlBase}/patients`);
  if (!response.ok) throw new Error(`GET /patients answered ${response.status}`);
  return ((await response.json()) as { patients: ListedPatient[] }).patients;
}

/** Patients of the sandbox, each found by its number as Ficus finds it; one that is not found is left out. */
export async function findDemoPatients(options: {
  readonly core: Backend;
  readonly listed: readonly ListedPatient[];
  readonly log: Logger;
}): Promise<DemoPatient[]> {
  const { core, listed, log } = options;
  const found = await inParallel(AT_ONCE, listed, async (one): Promise<DemoPatient | undefined> => {
    const system = SYSTEMS[one.authority] ?? '';
    const values = [{ text: `${system}|${one.mrn}`, system, code: one.mrn }];
    const [patient] = await searchAll(core, 'Patient', { name: 'identifier', type: 'token', values }, log);
    return patient?.id === undefined ? undefined : { ...one, id: patient.id };
  });
  return found.filter((one) => one !== undefined);
}
