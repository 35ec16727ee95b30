import { objects, string, type Json } from '../json.ts';
import {
  codeParameter,
  codings,
  dateParameter,
  referenceParameter,
  timeOf,
  tokenParameter,
} from './parameter.ts';
import type { ResourceType } from './type.ts';

/** FHIR R4 allergyintolerance.html */
export const ALLERGY_INTOLERANCE: ResourceType = {
  name: 'AllergyIntolerance',
  required: ['patient'],
  summary: [
    'identifier',
    'clinicalStatus',
    'verificationStatus',
    'type',
    'category',
    'criticality',
    'code',
    'asserter',
  ],
  search: {
    patient: referenceParameter((resource) => [resource['patient']], 'Patient'),
    'clinical-status': tokenParameter((resource) => codings(resource['clinicalStatus'])),
    'verification-status': tokenParameter((resource) => codings(resource['verificationStatus'])),
    category: tokenParameter((resource) =>
      (Array.isArray(resource['category']) ? (resource['category'] as readonly Json[]) : []).map((code) => ({
        system: 'http://hl7.org/fhir/allergy-intolerance-category',
        code: string(code),
      })),
    ),
    criticality: codeParameter('criticality', 'http://hl7.org/fhir/allergy-intolerance-criticality'),
    code: tokenParameter((resource) => [
      ...codings(resource['code']),
      ...objects(resource['reaction']).flatMap((reaction) => codings(reaction['substance'])),
    ]),
    date: dateParameter('date', (resource) => timeOf(resource, 'recordedDate')),
  },
};
