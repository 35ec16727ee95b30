import { objects } from '../json.ts';
import {
  codeParameter,
  codings,
  codingToken,
  dateParameter,
  identifiers,
  referenceParameter,
  timeOf,
  tokenParameter,
} from './parameter.ts';
import type { ResourceType } from './type.ts';

/** FHIR R4 encounter.html */
export const ENCOUNTER: ResourceType = {
  name: 'Encounter',
  statuses: [
    'planned',
    'arrived',
    'triaged',
    'in-progress',
    'onleave',
    'finished',
    'cancelled',
    'entered-in-error',
    'unknown',
  ],
  required: ['status', 'class'],
  summary: [
    'identifier',
    'type',
    'serviceType',
    'subject',
    'episodeOfCare',
    'participant',
    'appointment',
    'reasonCode',
    'reasonReference',
    'diagnosis',
  ],
  search: {
    patient: referenceParameter((resource) => [resource['subject']], 'Patient'),
    class: tokenParameter((resource) => objects(resource['class']).map(codingToken)),
    date: dateParameter('date', (resource) => timeOf(resource, 'period')),
    status: codeParameter('status', 'http://hl7.org/fhir/encounter-status'),
    identifier: tokenParameter((resource) => identifiers(resource['identifier'])),
    type: tokenParameter((resource) => codings(resource['type'])),
    location: referenceParameter((resource) =>
      objects(resource['location']).map((place) => place['location']),
    ),
  },
};
