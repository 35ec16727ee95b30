import { objects, type Json, type Resource } from '../json.ts';
import {
  codeParameter,
  codings,
  dateParameter,
  identifiers,
  referenceParameter,
  timeOf,
  tokenParameter,
} from './parameter.ts';
import type { ResourceType } from './type.ts';

const actors = (resource: Resource): (Json | undefined)[] =>
  objects(resource['participant']).map((participant) => participant['actor']);

/** FHIR R4 appointment.html; a list is in the order of the calendar. */
export const APPOINTMENT: ResourceType = {
  name: 'Appointment',
  statuses: [
    'proposed',
    'pending',
    'booked',
    'arrived',
    'fulfilled',
    'cancelled',
    'noshow',
    'entered-in-error',
    'checked-in',
    'waitlist',
  ],
  required: ['status', 'participant'],
  summary: [
    'identifier',
    'cancelationReason',
    'serviceCategory',
    'serviceType',
    'specialty',
    'appointmentType',
    'reasonCode',
    'start',
    'end',
  ],
  order: 'date',
  search: {
    patient: referenceParameter(actors, 'Patient'),
    actor: referenceParameter(actors),
    practitioner: referenceParameter(actors, 'Practitioner'),
    location: referenceParameter(actors, 'Location'),
    date: dateParameter('date', (resource) => timeOf(resource, 'start')),
    status: codeParameter('status', 'http://hl7.org/fhir/appointmentstatus'),
    identifier: tokenParameter((resource) => identifiers(resource['identifier'])),
    'service-type': tokenParameter((resource) => codings(resource['serviceType'])),
  },
};
