import { writeField, type Field, type Repetition, type Segment } from '../hl7/message.ts';
import { plain } from '../hl7/message.ts';
import { HOSP, medicalRecordNumber, readIdentifier, type Identifier } from './authorities.ts';

/** A patient as the core keeps it: the segments it was told, leaves untouched. */
export interface Patient {
  pid: Segment;
  pd1: Segment | undefined;
  nk1: readonly Segment[];
  zpi: Segment | undefined;
  /** One line for people who try the sandbox; only patients of the seed have it. */
  readonly about: string;
}

export interface Patients {
  all(): readonly Patient[];
  /** By number and authority (namespace); a merged number finds the survivor. */
  find(value: string, authority: string): Patient | undefined;
  add(patient: Patient): void;
  /** Replaces the segments of a patient; numbers that are new find it from now on. */
  replace(patient: Patient, next: Omit<Patient, 'about'>): void;
  /** The next free number of the hospital. */
  nextNumber(): string;
}

/** PID-3 is field 3. */
export const IDENTIFIERS = 3;
const FIRST_NEW_NUMBER = 100_901;

export function createPatients(seed: readonly Patient[]): Patients {
  const all: Patient[] = [];
  const index = new Map<string, Patient>();
  let next = FIRST_NEW_NUMBER;
  const enter = (patient: Patient): void => {
    for (const { value, authority } of identifiersOf(patient)) {
      if (value !== '' && authority !== '') index.set(`${authority}|${value}`, patient);
    }
  };
  const leave = (patient: Patient): void => {
    for (const { value, authority } of identifiersOf(patient)) {
      if (index.get(`${authority}|${value}`) === patient) index.delete(`${authority}|${value}`);
    }
  };
  const patients: Patients = {
    all: () => all,
    find: (value, authority) => index.get(`${authority}|${value}`),
    add(patient) {
      all.push(patient);
      enter(patient);
    },
    replace(patient, segments) {
      leave(patient);
      Object.assign(patient, segments);
      enter(patient);
    },
    nextNumber() {
      while (index.has(`${HOSP.name}|${next}`)) next += 1;
      return String(next++);
    },
  };
  for (const patient of seed) patients.add({ ...patient });
  return patients;
}

export function identifiersOf(patient: Patient): Identifier[] {
  return fieldOf(patient.pid, IDENTIFIERS).map(readIdentifier);
}

/**
 * The number the patient is known by in answers: the hospital's own current one, else the first current one. A number
 * with an expiration date (CX.8) was merged away.
 */
export function primaryIdentifier(patient: Patient): Identifier {
  const current = fieldOf(patient.pid, IDENTIFIERS).filter((cx) => plain(cx[7]?.[0]) === '');
  const identifiers = current.map(readIdentifier);
  const primary = identifiers.find((identifier) => identifier.authority === HOSP.name) ?? identifiers[0];
  return primary ?? { value: '', authority: '', type: '' };
}

/** `HALLER, Johanna`, as old screens print it. */
export function displayName(patient: Patient): string {
  const name = fieldOf(patient.pid, 5)[0];
  const family = plain(name?.[0]?.[0]);
  const given = plain(name?.[1]?.[0]);
  return [family.toUpperCase(), given].filter((part) => part !== '').join(', ');
}

export function fieldOf(segment: Segment | undefined, field: number): Field {
  return segment?.fields[field - 1] ?? [];
}

/**
 * Snapshot update (HL7 v2.5.1 §2.10.4): an empty field says nothing, `""` deletes, anything else replaces the field
 * with all its repetitions.
 */
export function mergeFields(stored: Segment | undefined, told: Segment): Segment {
  const length = Math.max(stored?.fields.length ?? 0, told.fields.length);
  const fields = Array.from({ length }, (_, i): Field => {
    const news = told.fields[i] ?? [];
    if (writeField(news) === '') return stored?.fields[i] ?? [];
    return writeField(news) === '""' ? [] : withoutDeletions(news);
  });
  return { name: told.name, fields };
}

/** `""` inside a field clears that part. */
function withoutDeletions(field: Field): Field {
  return field.map((repetition) =>
    repetition.map((component) => component.map((leaf) => (leaf === '""' ? '' : leaf))),
  );
}

/** PID-3 with a number of the hospital's own: kept when there is one, else assigned. */
export function withOwnNumber(pid: Segment, nextNumber: () => string): Segment {
  const identifiers = fieldOf(pid, IDENTIFIERS);
  if (identifiers.some((cx) => readIdentifier(cx).authority === HOSP.name)) return pid;
  return withField(pid, IDENTIFIERS, [medicalRecordNumber(nextNumber(), HOSP), ...identifiers]);
}

export function withField(segment: Segment, field: number, value: readonly Repetition[]): Segment {
  const fields = Array.from(
    { length: Math.max(segment.fields.length, field) },
    (_, i) => segment.fields[i] ?? [],
  );
  fields[field - 1] = value;
  return { name: segment.name, fields };
}
