import { branch, text, type Tree } from '../soap/schema.ts';
import { displayName, primaryIdentifier, type Patient, type Patients } from './patients.ts';
import { findAuthority } from './authorities.ts';
import type { Seed } from './seed.ts';

/** A clinical record: whose it is and its content in the shape of the WSDL, without Patient. */
export interface Row {
  readonly number: string;
  readonly patient: Patient;
  tree: Tree;
}

/** Rows of one kind, by number and by patient. */
export interface Table {
  get(number: string): Row | undefined;
  all(): readonly Row[];
  of(patient: Patient): readonly Row[];
  add(row: Row): void;
}

export interface Records {
  readonly appointments: Table;
  readonly allergies: Table;
  readonly encounters: Table;
  readonly observations: Table;
  /** By number and authority (namespace or OID). */
  findPatient(key: Tree | undefined): Patient | undefined;
  nextAppointmentNumber(): string;
}

/** Throws when a record of the seed belongs to nobody. */
export function createRecords(seed: Seed, patients: Patients): Records {
  const findPatient = (key: Tree | undefined): Patient | undefined => {
    const authority = findAuthority(text(key, 'AssigningAuthority'));
    return authority && patients.find(text(key, 'MRN'), authority.name);
  };
  const fill = (trees: readonly Tree[], numberName: string): Table => {
    const table = createTable();
    for (const tree of trees) {
      const patient = findPatient(branch(tree, 'Patient'));
      const number = text(tree, numberName);
      if (!patient) throw new Error(`Seed: ${numberName} ${number} belongs to no patient`);
      table.add({ number, patient, tree });
    }
    return table;
  };
  let next = 60_001;
  return {
    appointments: fill(seed.appointments, 'ApptNo'),
    allergies: fill(seed.allergies, 'AllergyNo'),
    encounters: fill(seed.encounters, 'VisitNo'),
    observations: fill(seed.observations, 'ObsNo'),
    findPatient,
    nextAppointmentNumber: () => `A${next++}`,
  };
}

function createTable(): Table {
  const byNumber = new Map<string, Row>();
  const byPatient = new Map<Patient, Row[]>();
  return {
    get: (number) => byNumber.get(number),
    all: () => [...byNumber.values()],
    of: (patient) => byPatient.get(patient) ?? [],
    add(row) {
      if (byNumber.has(row.number)) throw new Error(`Number ${row.number} is there twice`);
      byNumber.set(row.number, row);
      const rows = byPatient.get(row.patient);
      if (rows) rows.push(row);
      else byPatient.set(row.patient, [row]);
    },
  };
}

/** The record as it is answered: the patient under the number that counts today. */
export function withPatient(row: Row): Tree {
  const { value, authority } = primaryIdentifier(row.patient);
  const name = displayName(row.patient);
  return {
    ...row.tree,
    Patient: { MRN: value, AssigningAuthority: authority, ...(name === '' ? {} : { DisplayName: name }) },
  };
}
