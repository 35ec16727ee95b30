import type { Hospital } from '../state/hospital.ts';
import { HOSP, readIdentifier } from '../state/authorities.ts';
import {
  IDENTIFIERS,
  fieldOf,
  mergeFields,
  withField,
  withOwnNumber,
  type Patient,
} from '../state/patients.ts';
import {
  firstSegment,
  segmentsNamed,
  value,
  writeSegment,
  type Hl7Message,
  type Segment,
} from './message.ts';
import { refuse, type Reply } from './reply.ts';

/**
 * ADT^A28, add person information (HL7 v2.5.1 §3.3.28). Assigns a number of the hospital's own when PID-3 has none.
 * The acknowledgement carries the PID as it is kept, a habit of this vendor, so that the sender learns the number.
 */
export function addPatient(message: Hl7Message, hospital: Hospital): Reply {
  const pid = requirePid(message);
  for (const cx of fieldOf(pid, IDENTIFIERS)) {
    const { value: number, authority } = readIdentifier(cx);
    if (number !== '' && hospital.patients.find(number, authority))
      refuse('205', 'PID^1^3', 'This number is taken');
  }
  if (value(pid, 5) === '' && value(pid, 5, 2) === '') refuse('101', 'PID^1^5', 'A patient has a name');
  const told = mergeFields(undefined, pid);
  const patient: Patient = {
    pid: withOwnNumber(told, () => hospital.patients.nextNumber()),
    pd1: optional(message, 'PD1'),
    nk1: relatives(message) ?? [],
    zpi: optional(message, 'ZPI'),
    about: '',
  };
  hospital.patients.add(patient);
  return acknowledgement('A28', patient);
}

/** ADT^A31, update person information (HL7 v2.5.1 §3.3.31). The hospital's own numbers cannot be taken away by it. */
export function updatePatient(message: Hl7Message, hospital: Hospital): Reply {
  const pid = requirePid(message);
  const identifiers = fieldOf(pid, IDENTIFIERS).map(readIdentifier);
  if (identifiers.length === 0) refuse('101', 'PID^1^3', 'An update names the patient');
  const found = new Set(identifiers.map((id) => hospital.patients.find(id.value, id.authority)));
  found.delete(undefined);
  const [patient, another] = [...found];
  if (!patient) refuse('204', 'PID^1^3', 'No such patient');
  if (another) refuse('205', 'PID^1^3', 'The numbers belong to different patients');
  const next = mergeFields(patient.pid, pid);
  hospital.patients.replace(patient, {
    pid: withField(next, IDENTIFIERS, keepOwnNumbers(patient.pid, next)),
    pd1: merged(patient.pd1, firstSegment(message, 'PD1')),
    nk1: relatives(message) ?? patient.nk1,
    zpi: merged(patient.zpi, firstSegment(message, 'ZPI')),
  });
  return acknowledgement('A31', patient);
}

function requirePid(message: Hl7Message): Segment {
  return firstSegment(message, 'PID') ?? refuse('100', 'PID^1', 'A PID segment is needed');
}

function keepOwnNumbers(stored: Segment, told: Segment): Segment['fields'][number] {
  const news = fieldOf(told, IDENTIFIERS);
  const numbers = new Set(news.map((cx) => `${readIdentifier(cx).authority}|${readIdentifier(cx).value}`));
  const kept = fieldOf(stored, IDENTIFIERS).filter((cx) => {
    const { authority, value: number } = readIdentifier(cx);
    return authority === HOSP.name && !numbers.has(`${authority}|${number}`);
  });
  return [...kept, ...news];
}

function optional(message: Hl7Message, name: string): Segment | undefined {
  return merged(undefined, firstSegment(message, name));
}

function merged(stored: Segment | undefined, told: Segment | undefined): Segment | undefined {
  return told ? mergeFields(stored, told) : stored;
}

/** All NK1 as a snapshot; undefined when the message has none; `NK1|1|""` removes them all. */
function relatives(message: Hl7Message): readonly Segment[] | undefined {
  const told = segmentsNamed(message, 'NK1');
  if (told.length === 0) return undefined;
  return told.filter((nk1) => value(nk1, 2) !== '""').map((nk1) => mergeFields(undefined, nk1));
}

function acknowledgement(event: string, patient: Patient): Reply {
  return { type: `ACK^${event}^ACK`, outcome: 'A', segments: [writeSegment(patient.pid)] };
}
