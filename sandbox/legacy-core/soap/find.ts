import { createHash } from 'node:crypto';
import type { Hospital } from '../state/hospital.ts';
import { withPatient, type Row, type Table } from '../state/records.ts';
import type { Patient } from '../state/patients.ts';
import { refuse } from './refusal.ts';
import { branch, text, texts, type Tree } from './schema.ts';

const DEFAULT_ROWS = 25;
const MOST_ROWS = 100;
const DAY_MS = 86_400_000;

/** FindAppointments: at least one thing that narrows it down. In the order of the calendar; no date comes last. */
export function findAppointments(request: Tree, hospital: Hospital): Tree {
  const key = branch(request, 'Patient');
  const patient = key && requirePatient(key, hospital);
  const table = hospital.records.appointments;
  const [from, to] = dateRange(request);
  const narrow = patient || text(request, 'ProviderId') || text(request, 'ExternalRef');
  if (!narrow && !shortRange(from, to)) {
    refuse('MISSING', 'Patient, ProviderId, ExternalRef or a range of at most 31 days is needed');
  }
  const rows = (patient ? table.of(patient) : table.all()).filter(
    ({ tree }) =>
      oneOf(request, 'StatusCode', text(tree, 'StatusCode')) &&
      inRange(text(tree, 'ApptDate'), text(tree, 'ApptDate'), from, to) &&
      same(request, 'ExternalRef', text(tree, 'ExternalRef')) &&
      same(request, 'SiteCode', text(tree, 'Location', 'SiteCode')) &&
      hasProvider(tree, text(request, 'ProviderId')),
  );
  const when = ({ tree }: Row): string => `${text(tree, 'ApptDate') || '9999'}T${text(tree, 'ApptTime')}`;
  return pageOf('Appointments', 'Appointment', byKey(rows, when), request);
}

/** FindAllergies, in the order they were recorded. */
export function findAllergies(request: Tree, hospital: Hospital): Tree {
  const rows = ofPatient(request, hospital, hospital.records.allergies).filter(({ tree }) =>
    oneOf(request, 'RecordStatus', text(tree, 'RecordStatus')),
  );
  return pageOf(
    'Allergies',
    'Allergy',
    byKey(rows, ({ number }) => number),
    request,
  );
}

/** FindEncounters, newest first. */
export function findEncounters(request: Tree, hospital: Hospital): Tree {
  const [from, to] = dateRange(request);
  const rows = ofPatient(request, hospital, hospital.records.encounters).filter(
    ({ tree }) =>
      oneOf(request, 'VisitClass', text(tree, 'VisitClass')) &&
      oneOf(request, 'VisitStatus', text(tree, 'VisitStatus')) &&
      inRange(text(tree, 'AdmitTime'), text(tree, 'DischargeTime') || '9999', from, to),
  );
  return pageOf(
    'Encounters',
    'Encounter',
    byKey(rows, ({ tree }) => text(tree, 'AdmitTime')).reverse(),
    request,
  );
}

/** FindObservations, newest first; what has no time comes last. */
export function findObservations(request: Tree, hospital: Hospital): Tree {
  const [from, to] = dateRange(request);
  const codes = texts(request, 'Code').map((code) => code.trim());
  const rows = ofPatient(request, hospital, hospital.records.observations).filter(
    ({ tree }) =>
      (codes.length === 0 ||
        codes.includes(text(tree, 'Item', 'Code')) ||
        codes.includes(text(tree, 'Item', 'AltCode'))) &&
      oneOf(request, 'Category', text(tree, 'Category')) &&
      oneOf(request, 'StatusCode', text(tree, 'StatusCode')) &&
      inRange(text(tree, 'ObservedOn'), text(tree, 'ObservedOn'), from, to),
  );
  return pageOf(
    'Observations',
    'Observation',
    byKey(rows, ({ tree }) => text(tree, 'ObservedOn')).reverse(),
    request,
  );
}

/** The patient of a PatientKey; throws UNKNOWN_PATIENT. */
export function requirePatient(key: Tree | undefined, hospital: Hospital): Patient {
  return hospital.records.findPatient(key) ?? refuse('UNKNOWN_PATIENT', 'No patient has this number');
}

function ofPatient(request: Tree, hospital: Hospital, table: Table): readonly Row[] {
  return table.of(requirePatient(branch(request, 'Patient'), hospital));
}

function byKey(rows: readonly Row[], key: (row: Row) => string): Row[] {
  const sortable = (row: Row): string => `${key(row)} ${row.number}`;
  return rows.toSorted((a, b) => (sortable(a) < sortable(b) ? -1 : 1));
}

function oneOf(request: Tree, name: string, value: string): boolean {
  const wanted = texts(request, name);
  return wanted.length === 0 || wanted.some((each) => each.trim() === value);
}

function same(request: Tree, name: string, value: string): boolean {
  const wanted = text(request, name);
  return wanted === '' || wanted === value;
}

function hasProvider(tree: Tree, provider: string): boolean {
  if (provider === '') return true;
  const list = branch(tree, 'Providers')?.['Provider'];
  return Array.isArray(list) && list.some((each: Tree) => text(each, 'ProviderId') === provider);
}

export function isDate(value: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(value)) return false;
  const date = new Date(`${value}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(value);
}

function dateRange(request: Tree): [from: string, to: string] {
  const from = text(request, 'DateFrom');
  const to = text(request, 'DateTo');
  for (const date of [from, to]) if (date !== '' && !isDate(date)) refuse('INVALID', 'A date is yyyy-MM-dd');
  return [from, to];
}

function shortRange(from: string, to: string): boolean {
  return from !== '' && to !== '' && (Date.parse(to) - Date.parse(from)) / DAY_MS <= 31;
}

/** Whether a time between `start` and `end` (of any precision) may lie in the range of days. */
function inRange(start: string, end: string, from: string, to: string): boolean {
  if (from === '' && to === '') return true;
  if (start === '') return false;
  const startDay = start.slice(0, 10);
  const endDay = end.slice(0, 10);
  return (
    (from === '' || endDay >= from.slice(0, endDay.length)) &&
    (to === '' || startDay <= to.slice(0, startDay.length))
  );
}

/** PageToken is the place to go on, bound to the criteria it was given for. */
function pageOf(listName: string, rowName: string, rows: readonly Row[], request: Tree): Tree {
  const size = text(request, 'MaxRows') === '' ? DEFAULT_ROWS : Number(text(request, 'MaxRows'));
  if (size < 1 || size > MOST_ROWS) refuse('INVALID', `MaxRows is 1 to ${MOST_ROWS}`);
  const { PageToken: _, MaxRows: __, ...criteria } = request;
  const bound = createHash('sha256')
    .update(listName + JSON.stringify(criteria))
    .digest('hex')
    .slice(0, 16);
  const token = text(request, 'PageToken');
  const [, offset = '0', given] =
    /^(\d+)-([0-9a-f]+)$/.exec(Buffer.from(token, 'base64url').toString()) ?? [];
  if (token !== '' && given !== bound) refuse('INVALID', 'The PageToken does not belong to these criteria');
  const start = Number(offset);
  const here = rows.slice(start, start + size);
  const next = start + here.length;
  const more = next < rows.length;
  return {
    [listName]: { [rowName]: here.map(withPatient) },
    Page: {
      RowsReturned: String(here.length),
      TotalRows: String(rows.length),
      ...(more ? { NextPageToken: Buffer.from(`${next}-${bound}`).toString('base64url') } : {}),
    },
  };
}
