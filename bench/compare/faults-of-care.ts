import type { JsonObject } from '../../src/fhir/types.ts';
import { added } from './edit.ts';
import { to, gone, fault, special, shifted, HOUR, ANOTHER, type Fault } from './plant.ts';

/** Differences in visits and appointments. */
export const CARE_FAULTS: readonly Fault[] = [
  fault('subject missing', 'Encounter', 'subject', gone, 'Encounter.subject'),
  fault(
    'another patient in a participant',
    'Appointment',
    'participant[0].actor.reference',
    to(ANOTHER),
    'Appointment.participant.actor.reference',
  ),
  fault('participant dropped', 'Appointment', 'participant[1]', gone, 'Appointment.participant'),
  fault('appointment moved', 'Appointment', 'start', shifted(HOUR / 2), 'Appointment.start'),
  fault('appointment cancelled', 'Appointment', 'status', to('cancelled'), 'Appointment.status'),
  fault('encounter’s class changed', 'Encounter', 'class.code', to('AMB'), 'Encounter.class.code'),
  fault(
    'encounter’s end invented',
    'Encounter',
    'period',
    (it) => ({ ...(it as JsonObject), end: '2026-02-20T10:00:00+01:00' }),
    'Encounter.period.end',
  ),
  fault(
    'consultant made attender',
    'Encounter',
    'participant[1].type[0].coding[0].code',
    to('ATND'),
    'Encounter.participant.type.coding.code',
    'major',
  ),
  special('empty text instead of absent', 'Appointment', 'Appointment.comment', 'major', (it) =>
    added(it, '', 'comment', ''),
  ),
  special('unknown element', 'Encounter', 'Encounter.urgency', 'major', (it) =>
    added(it, '', 'urgency', 'high'),
  ),
];
