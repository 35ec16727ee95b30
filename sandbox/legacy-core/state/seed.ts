import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { createPopulation } from '../../population/index.ts';
import { parseSegment, type Segment } from '../hl7/message.ts';
import { loadSchema, type Schema, type Tree } from '../soap/schema.ts';
import { createExpander, readTable, type Catalogues } from './catalogues.ts';
import { readObservations } from './observation-rows.ts';
import type { Patient } from './patients.ts';

/** What the core knows when it starts: the files of sandbox/data, read and checked against the WSDL. */
export interface Seed {
  readonly patients: readonly Patient[];
  readonly appointments: readonly Tree[];
  readonly allergies: readonly Tree[];
  readonly encounters: readonly Tree[];
  readonly observations: readonly Tree[];
  readonly services: ReadonlySet<string>;
  readonly catalogues: Catalogues;
  readonly schema: Schema;
  readonly wsdl: Buffer;
}

const DATA = new URL('../../data/', import.meta.url);

/**
 * Reads the seed. Throws an Error that names the file and the record when something is wrong with it.
 * @param others so many made-up people beside those of the files
 */
export function loadSeed(others = 0): Seed {
  const population = createPopulation(others);
  const read = (name: string): string => readFileSync(new URL(name, DATA), 'utf8');
  const wsdl = readFileSync(new URL('../hospital.wsdl', import.meta.url));
  const schema = loadSchema(wsdl);
  const catalogues: Catalogues = {
    codes: readTable(read('codes.psv'), 'Code'),
    providers: readTable(read('providers.psv'), 'ProviderId'),
    items: readTable(read('items.psv'), 'Code'),
  };
  const expand = createExpander(schema, catalogues);
  const records = (file: string, type: string): Tree[] => {
    // Failsafe: every value stays text, digits as they were written.
    const list: unknown = parse(read(file), { schema: 'failsafe' });
    if (!Array.isArray(list)) throw new Error(`${file} is a list`);
    return list.map((each, i) => expand(type, each, `${file} ${i + 1}`));
  };
  return {
    patients: [...readPatients(read('patients.psv')), ...readPatients(population.patients)],
    appointments: records('appointments.yaml', 'Appointment'),
    allergies: records('allergies.yaml', 'Allergy'),
    encounters: records('encounters.yaml', 'Encounter'),
    observations: [
      ...readObservations(read('observations.psv'), catalogues),
      ...records('observations.yaml', 'Observation'),
      ...readObservations(population.observations, catalogues),
    ],
    services: new Set(
      readTable(read('services.psv'), 'Code')
        .values()
        .flatMap((row) => [row['Code'], row['AltCode']])
        .filter((code) => code !== undefined && code !== '') as Iterable<string>,
    ),
    catalogues,
    schema,
    wsdl,
  };
}

/** Blocks of segments; `# text` before a PID says who it is. */
function readPatients(file: string): Patient[] {
  const patients: (Omit<Patient, 'nk1'> & { nk1: Segment[] })[] = [];
  let about = '';
  for (const line of file
    .split('\n')
    .map((each) => each.trim())
    .filter((each) => each !== '')) {
    if (line.startsWith('#')) {
      about = line.slice(1).trim();
      continue;
    }
    const segment = parseSegment(line);
    const patient = patients.at(-1);
    if (segment.name === 'PID')
      patients.push({ pid: segment, pd1: undefined, nk1: [], zpi: undefined, about });
    else if (!patient) throw new Error('patients.psv: a segment before the first PID');
    else if (segment.name === 'PD1') patient.pd1 = segment;
    else if (segment.name === 'NK1') patient.nk1.push(segment);
    else if (segment.name === 'ZPI') patient.zpi = segment;
    else throw new Error(`patients.psv: no place for ${segment.name}`);
  }
  return patients;
}
