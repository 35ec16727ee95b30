import type { Hospital } from '../state/hospital.ts';
import type { Catalogues } from '../state/catalogues.ts';
import { withPatient, type Row } from '../state/records.ts';
import { isDate, requirePatient } from './find.ts';
import { refuse } from './refusal.ts';
import { branch, branches, text, type Tree, type Value } from './schema.ts';

const BOOKABLE = ['PEND', 'WAITL', 'BOOKED'];
const STATUSES = [...BOOKABLE, 'ARRIVED', 'CHECKEDIN', 'DONE', 'NOSHOW', 'ERROR'];
const CODED = ['ApptType', 'Department', 'Reason'];
/** These take a provider's time. */
const HOLDING = ['PEND', 'BOOKED', 'ARRIVED', 'CHECKEDIN'];

/** BookAppointment. */
export function bookAppointment(request: Tree, hospital: Hospital, catalogues: Catalogues): Tree {
  const input = withoutEmpty(branch(request, 'Appointment') ?? {});
  const { Patient: key, ...content } = input;
  const patient = requirePatient(key as Tree, hospital);
  const table = hospital.records.appointments;
  const reference = text(content, 'ExternalRef');
  const before =
    reference === '' ? undefined : table.all().find((row) => text(row.tree, 'ExternalRef') === reference);
  if (before) refuse('DUPLICATE', 'This ExternalRef was booked before', { Appointment: withPatient(before) });
  const status = text(content, 'StatusCode') || 'BOOKED';
  if (!BOOKABLE.includes(status)) refuse('INVALID', 'A new appointment is PEND, WAITL or BOOKED');
  const now = hospital.localNow();
  const number = hospital.records.nextAppointmentNumber();
  const tree: Tree = {
    ...content,
    StatusCode: status,
    RowVersion: '1',
    ApptNo: number,
    CreatedOn: now,
    LastModified: now,
  };
  const row: Row = { number, patient, tree };
  check(tree, catalogues);
  checkSlot(row, tree, hospital);
  table.add(row);
  return { Appointment: withPatient(row) };
}

/** UpdateAppointment: what is present replaces, what is present and empty goes. */
export function updateAppointment(request: Tree, hospital: Hospital, catalogues: Catalogues): Tree {
  const row = requireAppointment(request, hospital);
  const change = branch(request, 'Change') ?? {};
  if (['CANC', 'ERROR'].includes(text(row.tree, 'StatusCode')))
    refuse('CONFLICT', 'A cancelled appointment stays as it is');
  const status = text(change, 'StatusCode');
  if ('StatusCode' in change && !STATUSES.includes(status)) {
    refuse('INVALID', status === 'CANC' ? 'Use CancelAppointment' : 'The status is not known');
  }
  const tree = withoutEmpty({ ...row.tree, ...change, ...nextVersion(row, hospital) });
  check(tree, catalogues);
  checkSlot(row, tree, hospital);
  row.tree = tree;
  return { Appointment: withPatient(row) };
}

/** CancelAppointment. */
export function cancelAppointment(request: Tree, hospital: Hospital, catalogues: Catalogues): Tree {
  const row = requireAppointment(request, hospital);
  if (['CANC', 'ERROR', 'DONE', 'NOSHOW'].includes(text(row.tree, 'StatusCode'))) {
    refuse('CONFLICT', 'The appointment is not open any more');
  }
  const reason = branch(request, 'CancelReason');
  const tree: Tree = {
    ...row.tree,
    StatusCode: 'CANC',
    ...(reason ? { CancelReason: reason } : {}),
    ...nextVersion(row, hospital),
  };
  checkCoded(tree, 'CancelReason', catalogues);
  row.tree = tree;
  return { Appointment: withPatient(row) };
}

function requireAppointment(request: Tree, hospital: Hospital): Row {
  const row =
    hospital.records.appointments.get(text(request, 'ApptNo')) ??
    refuse('NOT_FOUND', 'No appointment has this number');
  const version = text(request, 'RowVersion');
  if (version !== '' && Number(version) !== Number(text(row.tree, 'RowVersion'))) {
    refuse('STALE', 'The appointment was changed in between', { Appointment: withPatient(row) });
  }
  return row;
}

function nextVersion(row: Row, hospital: Hospital): Tree {
  return { RowVersion: String(Number(text(row.tree, 'RowVersion')) + 1), LastModified: hospital.localNow() };
}

function withoutEmpty(tree: Tree): Tree {
  const isEmpty = (value: Value | undefined): boolean =>
    value === undefined ||
    (typeof value === 'string' ? value.trim() === '' : Object.values(value).every(isEmpty));
  return Object.fromEntries(Object.entries(tree).filter(([, value]) => !isEmpty(value)));
}

function check(tree: Tree, catalogues: Catalogues): void {
  const date = text(tree, 'ApptDate');
  const time = text(tree, 'ApptTime');
  const waits = text(tree, 'StatusCode') === 'WAITL';
  if (!waits && (date === '' || time === '')) refuse('MISSING', 'ApptDate and ApptTime are needed');
  if (date !== '' && !isDate(date)) refuse('INVALID', 'ApptDate is yyyy-MM-dd');
  if (time !== '' && !/^([01]\d|2[0-3]):[0-5]\d$/.test(time)) refuse('INVALID', 'ApptTime is HH:mm');
  const minutes = text(tree, 'DurationMin');
  if (minutes !== '' && !(Number(minutes) >= 1 && Number(minutes) <= 1440))
    refuse('INVALID', 'DurationMin is 1 to 1440');
  for (const name of CODED) checkCoded(tree, name, catalogues);
  for (const provider of branches(branch(tree, 'Providers'), 'Provider')) {
    const id = text(provider, 'ProviderId');
    if (id !== '' && !catalogues.providers.has(id)) refuse('UNKNOWN_CODE', 'No provider has this id');
  }
}

/** A code of our own list is on the list; others are kept as they are told. */
function checkCoded(tree: Tree, name: string, catalogues: Catalogues): void {
  const coded = branch(tree, name);
  const code = text(coded, 'Code');
  const own = ['', 'L'].includes(text(coded, 'CodingScheme'));
  if (own && code !== '' && !catalogues.codes.has(code))
    refuse('UNKNOWN_CODE', `${name}: the code is not on our list`);
}

/** Two appointments of one provider do not overlap. */
function checkSlot(row: Row, tree: Tree, hospital: Hospital): void {
  const mine = slotOf(tree);
  if (!mine) return;
  const providers = providersOf(tree);
  const taken = hospital.records.appointments.all().some((other) => {
    const theirs = other.number === row.number ? undefined : slotOf(other.tree);
    if (!theirs || theirs.date !== mine.date || theirs.start >= mine.end || mine.start >= theirs.end)
      return false;
    return providersOf(other.tree).some((id) => providers.includes(id));
  });
  if (taken) refuse('SLOT_TAKEN', 'The provider is not free at that time');
}

function slotOf(tree: Tree): { date: string; start: number; end: number } | undefined {
  const [, hours, minutes] = /^(\d{2}):(\d{2})$/.exec(text(tree, 'ApptTime')) ?? [];
  if (hours === undefined || !HOLDING.includes(text(tree, 'StatusCode'))) return undefined;
  const start = Number(hours) * 60 + Number(minutes);
  return { date: text(tree, 'ApptDate'), start, end: start + Number(text(tree, 'DurationMin') || '15') };
}

function providersOf(tree: Tree): string[] {
  const ids = branches(branch(tree, 'Providers'), 'Provider').map((provider) => text(provider, 'ProviderId'));
  return ids.filter((id) => id !== '');
}
