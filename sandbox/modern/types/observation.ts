import { objects } from '../json.ts';
import {
  codeParameter,
  codings,
  dateParameter,
  identifiers,
  quantityParameter,
  referenceParameter,
  timeOf,
  tokenParameter,
} from './parameter.ts';
import type { ResourceType } from './type.ts';

/** FHIR R4 observation.html */
export const OBSERVATION: ResourceType = {
  name: 'Observation',
  statuses: [
    'registered',
    'preliminary',
    'final',
    'amended',
    'corrected',
    'cancelled',
    'entered-in-error',
    'unknown',
  ],
  required: ['status', 'code'],
  summary: [
    'identifier',
    'basedOn',
    'partOf',
    'subject',
    'focus',
    'encounter',
    'effective',
    'issued',
    'performer',
    'value',
    'component',
    'hasMember',
    'derivedFrom',
  ],
  search: {
    patient: referenceParameter((resource) => [resource['subject']], 'Patient'),
    subject: referenceParameter((resource) => [resource['subject']]),
    encounter: referenceParameter((resource) => [resource['encounter']], 'Encounter'),
    performer: referenceParameter((resource) => objects(resource['performer'])),
    code: tokenParameter((resource) => codings(resource['code'])),
    'combo-code': tokenParameter((resource) => [
      ...codings(resource['code']),
      ...objects(resource['component']).flatMap((component) => codings(component['code'])),
    ]),
    category: tokenParameter((resource) => codings(resource['category'])),
    identifier: tokenParameter((resource) => identifiers(resource['identifier'])),
    status: codeParameter('status', 'http://hl7.org/fhir/observation-status'),
    date: dateParameter('date', (resource) =>
      timeOf(resource, 'effectiveDateTime', 'effectiveInstant', 'effectivePeriod'),
    ),
    'value-quantity': quantityParameter('value-quantity', 'valueQuantity'),
  },
};
