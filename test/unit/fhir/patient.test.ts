import { describe, expect, it } from 'vitest';
import {
  patientOfQuery,
  patientOfRequest,
  patientOfResource,
  patientsOfResource,
} from '../../../src/fhir/patient.ts';
import type { SearchFilter } from '../../../src/fhir/search-query.ts';
import type { Resource } from '../../../src/fhir/types.ts';

const reference = (name: string, refId: string, more: Partial<SearchFilter> = {}): SearchFilter => ({
  name,
  type: 'reference',
  values: [{ text: refId, refId }],
  ...more,
});
const typed = (name: string, refType: string): SearchFilter => ({
  name,
  type: 'reference',
  values: [{ text: `${refType}/p1`, refType, refId: 'p1' }],
});

describe('the patient whose a resource is', () => {
  it.each<[string, Resource, string | undefined]>([
    ['a Patient is its own', { resourceType: 'Patient', id: 'p1' }, 'p1'],
    ['by subject', { resourceType: 'Observation', subject: { reference: 'Patient/p1' } }, 'p1'],
    ['by patient', { resourceType: 'AllergyIntolerance', patient: { reference: 'Patient/p1' } }, 'p1'],
    [
      'the patient among several participants',
      {
        resourceType: 'Appointment',
        participant: [
          { actor: { reference: 'Practitioner/d1' } },
          { actor: { reference: 'https://ficus.example/fhir/r4/Patient/p1' } },
        ],
      },
      'p1',
    ],
    [
      'the subject before whoever performed it',
      {
        resourceType: 'Observation',
        performer: [{ reference: 'Patient/p2' }],
        subject: { reference: 'Patient/p1' },
      },
      'p1',
    ],
    ['nobody, of a group', { resourceType: 'Observation', subject: { reference: 'Group/g1' } }, undefined],
    ['nobody, of a type outside of the compartment', { resourceType: 'Organization', id: 'o1' }, undefined],
  ])('%s', (_, resource, expected) => {
    expect(patientOfResource(resource)).toBe(expected);
  });
});

describe('the id of a Patient that somebody wrote against the rules', () => {
  it.each([true, 17, null, ['p1'], { value: 'p1' }])('is none: %j', (id) => {
    const other = { reference: 'Patient/p2' };
    const written = {
      resourceType: 'Patient',
      id,
      link: [{ other, type: 'seealso' }],
    } as unknown as Resource;
    expect(patientOfResource(written)).toBeUndefined();
    expect(patientsOfResource(written)).toEqual(['p2']);
  });
});

describe('the patient that a search is about', () => {
  it.each<[string, string, SearchFilter[], string | undefined]>([
    ['patient=p1', 'Observation', [reference('patient', 'p1')], 'p1'],
    ['subject=Patient/p1', 'Observation', [typed('subject', 'Patient')], 'p1'],
    ['subject=p1 may be a group', 'Observation', [reference('subject', 'p1')], undefined],
    ['subject:Patient=p1', 'Observation', [reference('subject', 'p1', { modifier: 'Patient' })], 'p1'],
    ['subject=Group/p1', 'Observation', [typed('subject', 'Group')], undefined],
    [
      'patient:missing=true',
      'Observation',
      [reference('patient', 'true', { modifier: 'missing' })],
      undefined,
    ],
    [
      '_id of a Patient',
      'Patient',
      [{ name: '_id', type: 'token', values: [{ text: 'p1', code: 'p1' }] }],
      'p1',
    ],
    [
      'two patients at once',
      'Observation',
      [
        {
          ...reference('patient', 'p1'),
          values: [
            { text: 'p1', refId: 'p1' },
            { text: 'p2', refId: 'p2' },
          ],
        },
      ],
      undefined,
    ],
    ['a code only', 'Observation', [{ name: 'code', type: 'token', values: [{ text: 'x' }] }], undefined],
  ])('%s', (_, type, filters, expected) => {
    expect(patientOfQuery({ type, filters })).toBe(expected);
  });

  it('is the id of a read of a Patient, and of no other type', () => {
    expect(patientOfRequest({ type: 'Patient', id: 'p1' })).toBe('p1');
    expect(patientOfRequest({ type: 'Observation', id: 'o1' })).toBeUndefined();
  });
});
