import type { Catalogues } from '../state/catalogues.ts';
import type { Hospital } from '../state/hospital.ts';
import { withPatient, type Records, type Table } from '../state/records.ts';
import { bookAppointment, cancelAppointment, updateAppointment } from './booking.ts';
import { findAllergies, findAppointments, findEncounters, findObservations } from './find.ts';
import { BusinessRefusal, refuse } from './refusal.ts';
import { text, type Tree } from './schema.ts';

type Operation = (request: Tree, hospital: Hospital, catalogues: Catalogues) => Tree;

const OPERATIONS: Readonly<Record<string, Operation>> = {
  FindAppointments: findAppointments,
  GetAppointment: getBy('Appointment', 'ApptNo', (records) => records.appointments),
  BookAppointment: bookAppointment,
  UpdateAppointment: updateAppointment,
  CancelAppointment: cancelAppointment,
  FindAllergies: findAllergies,
  GetAllergy: getBy('Allergy', 'AllergyNo', (records) => records.allergies),
  FindEncounters: findEncounters,
  GetEncounter: getBy('Encounter', 'VisitNo', (records) => records.encounters),
  FindObservations: findObservations,
  GetObservation: getBy('Observation', 'ObsNo', (records) => records.observations),
};

export function isOperation(name: string): boolean {
  return Object.hasOwn(OPERATIONS, name);
}

/** Runs an operation; a business refusal is an answer with ReturnCode 8. */
export function runOperation(name: string, request: Tree, hospital: Hospital, catalogues: Catalogues): Tree {
  const operation = OPERATIONS[name];
  if (!operation) throw new Error(`No operation ${name}`);
  const time = { ServerTime: hospital.localNow() };
  try {
    const content = operation(request, hospital, catalogues);
    return { Result: { ReturnCode: '0', ...time }, ...content };
  } catch (error) {
    if (!(error instanceof BusinessRefusal)) throw error;
    const result = { ReturnCode: '8', ReasonCode: error.reason, ReturnText: error.message, ...time };
    return { Result: result, ...error.content };
  }
}

function getBy(name: string, key: string, table: (records: Records) => Table): Operation {
  return (request, hospital) => {
    const row = table(hospital.records).get(text(request, key));
    return { [name]: withPatient(row ?? refuse('NOT_FOUND', `${name}: no record has this number`)) };
  };
}

/** What a `partial` dial makes of an answer: every second row is left out, and a warning says so. */
export function partially(response: Tree, source: string): Tree {
  const warnings = {
    Warning: [{ Code: 'SOURCE_UNAVAILABLE', Text: 'Records of a source could not be read', Source: source }],
  };
  const result = { ...(response['Result'] as Tree), ReturnCode: '4', ReturnText: 'Done in part' };
  const thinned = Object.entries(response).map(([name, value]): [string, Tree[string]] => {
    const [list] = name === 'Page' || name === 'Result' ? [] : Object.entries(value as Tree);
    if (!list || !Array.isArray(list[1])) return [name, value];
    return [name, { [list[0]]: (list[1] as readonly Tree[]).filter((_, i) => i % 2 === 0) }];
  });
  const { Page: page, ...rest } = Object.fromEntries(thinned);
  const rows = Object.values(rest)
    .flatMap((value) => Object.values((value ?? {}) as Tree))
    .find(Array.isArray);
  const counted = page
    ? { Page: { ...(page as Tree), RowsReturned: String(rows?.length ?? 0), TotalRows: undefined } }
    : {};
  return { ...rest, ...counted, Result: result, Warnings: warnings };
}
