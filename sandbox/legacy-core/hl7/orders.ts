import type { Hospital } from '../state/hospital.ts';
import type { Order } from '../state/orders.ts';
import { readIdentifier } from '../state/authorities.ts';
import { IDENTIFIERS, fieldOf, primaryIdentifier, type Patient } from '../state/patients.ts';
import { firstSegment, value, writeSegment, type Hl7Message, type Segment } from './message.ts';
import { refuse, type Reply } from './reply.ts';

interface OrderGroup {
  readonly orc: Segment;
  readonly obr: Segment | undefined;
  readonly details: readonly Segment[];
}

/** A checked order and what is to be done with it. */
interface Action {
  readonly group: OrderGroup & { readonly obr: Segment };
  readonly number: string;
  readonly namespace: string;
  readonly cancels: Order | undefined;
}

/**
 * OML^O21, laboratory order (HL7 v2.5.1 §4.4.6), new (ORC-1 NW) and cancelled (CA) orders; ORL^O22 answers. Of
 * several orders in one message all are taken or none.
 */
export function placeOrders(message: Hl7Message, hospital: Hospital): Reply {
  const patient = requirePatient(message, hospital);
  const visit = visitOf(message, patient, hospital);
  const groups = orderGroups(message);
  if (groups.length === 0) refuse('100', 'ORC^1', 'An ORC segment is needed');
  const actions = groups.map((group, i) => checkGroup(group, i + 1, patient, hospital));
  const numbers = new Set(actions.map((action) => `${action.number}|${action.namespace}`));
  if (numbers.size < actions.length) refuse('205', 'ORC^1^2', 'A placer order number is used twice');
  const orders = actions.map((action) => apply(action, patient, visit, hospital));
  return {
    type: 'ORL^O22^ORL_O22',
    outcome: 'A',
    segments: [
      writeSegment(patient.pid),
      ...orders.flatMap((order) => orderSegments(order, order.status === 'CA' ? 'CR' : 'OK')),
    ],
  };
}

/**
 * OSQ^Q06, order status query -> OSR^Q06 (HL7 v2.5.1 §4.4.2): QRD-10 (or QRD-11) holds the placer order number. An
 * order that is not known is an answer without ORC, and QAK-2 says NF.
 */
export function orderStatus(message: Hl7Message, hospital: Hospital): Reply {
  const qrd = firstSegment(message, 'QRD') ?? refuse('100', 'QRD^1', 'A QRD segment is needed');
  const number = value(qrd, 10) || value(qrd, 11);
  if (number === '') refuse('101', 'QRD^1^10', 'The placer order number is needed');
  const order = hospital.orders.find(number, '');
  const qrf = firstSegment(message, 'QRF');
  return {
    type: 'OSR^Q06^OSR_Q06',
    outcome: 'A',
    segments: [
      `QAK|${value(qrd, 4)}|${order ? 'OK' : 'NF'}`,
      writeSegment(qrd),
      ...(qrf ? [writeSegment(qrf)] : []),
      ...(order ? orderSegments(order, 'SR') : []),
    ],
  };
}

function requirePatient(message: Hl7Message, hospital: Hospital): Patient {
  const pid = firstSegment(message, 'PID') ?? refuse('100', 'PID^1', 'A PID segment is needed');
  const identifiers = fieldOf(pid, IDENTIFIERS).map(readIdentifier);
  if (identifiers.length === 0) refuse('101', 'PID^1^3', 'An order names the patient');
  const found = identifiers.map((id) => hospital.patients.find(id.value, id.authority)).find((each) => each);
  return found ?? refuse('204', 'PID^1^3', 'No such patient');
}

/** Visit number of PV1-19; '' when the order belongs to none. */
function visitOf(message: Hl7Message, patient: Patient, hospital: Hospital): string {
  const pv1 = firstSegment(message, 'PV1');
  const number = pv1 ? value(pv1, 19) : '';
  if (number !== '' && hospital.records.encounters.get(number)?.patient !== patient)
    refuse('204', 'PV1^1^19', 'No such visit of this patient');
  return number;
}

function orderGroups(message: Hl7Message): OrderGroup[] {
  const groups: { orc: Segment; obr: Segment | undefined; details: Segment[] }[] = [];
  for (const segment of message.segments) {
    const group = groups.at(-1);
    if (segment.name === 'ORC') groups.push({ orc: segment, obr: undefined, details: [] });
    else if (group && segment.name === 'OBR' && !group.obr) group.obr = segment;
    else if (segment.name === 'OBR') refuse('100', 'OBR', 'Every OBR follows an ORC of its own');
    else group?.details.push(segment);
  }
  return groups;
}

function checkGroup(group: OrderGroup, at: number, patient: Patient, hospital: Hospital): Action {
  const { orc } = group;
  const obr = group.obr ?? refuse('100', `OBR^${at}`, 'An OBR segment is needed');
  const number = value(orc, 2) || value(obr, 2);
  const namespace = value(orc, 2) === '' ? value(obr, 2, 2) : value(orc, 2, 2);
  if (number === '') refuse('101', `ORC^${at}^2`, 'The placer order number is needed');
  if (value(obr, 2) !== '' && value(obr, 2) !== number)
    refuse('102', `OBR^${at}^2`, 'ORC-2 and OBR-2 differ');
  const known = hospital.orders.find(number, namespace);
  const action = { group: { ...group, obr }, number, namespace };
  switch (value(orc, 1)) {
    case 'NW':
      checkService(obr, at, hospital);
      if (known) refuse('205', `ORC^${at}^2`, 'This placer order number is taken');
      return { ...action, cancels: undefined };
    case 'CA':
      if (known?.patient !== patientKey(patient))
        refuse('204', `ORC^${at}^2`, 'No such order of this patient');
      return { ...action, cancels: known };
    case '':
      return refuse('101', `ORC^${at}^1`, 'The order control code is needed');
    default:
      return refuse('103', `ORC^${at}^1`, 'Only NW and CA are taken');
  }
}

function checkService(obr: Segment, at: number, hospital: Hospital): void {
  const codes = [value(obr, 4), value(obr, 4, 4)].filter((code) => code !== '');
  if (codes.length === 0) refuse('101', `OBR^${at}^4`, 'The service is needed');
  if (!codes.some((code) => hospital.services.has(code)))
    refuse('103', `OBR^${at}^4`, 'The service is not known');
}

function apply(action: Action, patient: Patient, visit: string, hospital: Hospital): Order {
  if (action.cancels) {
    action.cancels.status = 'CA';
    return action.cancels;
  }
  const { orc, obr, details } = action.group;
  return hospital.orders.add({
    placerNumber: action.number,
    placerNamespace: action.namespace,
    patient: patientKey(patient),
    visit,
    serviceCode: value(obr, 4) || value(obr, 4, 4),
    receivedAt: hospital.hl7Now(),
    orc,
    obr,
    details,
  });
}

function patientKey(patient: Patient): string {
  const { authority, value: number } = primaryIdentifier(patient);
  return `${authority}|${number}`;
}

/** ORC and OBR as they were told, with the control code of the answer, our number and the status. */
function orderSegments(order: Order, control: 'OK' | 'CR' | 'SR'): string[] {
  const orc = writeSegment(order.orc).split('|');
  const obr = writeSegment(order.obr).split('|');
  orc[1] = control;
  orc[2] ||= obr[2] ?? '';
  orc[3] = `${order.fillerNumber}^HOSPLAB`;
  orc[4] ??= '';
  orc[5] = order.status;
  obr[3] = orc[3];
  return [orc.join('|'), obr.join('|')];
}
