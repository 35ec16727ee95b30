import { describe, expect, it } from 'vitest';
import { inCompartment, kindOf } from '../../../src/security/compartment.ts';
import { allowancesFor, refuseUnpermitted } from '../../../src/security/permissions.ts';
import type { Access } from '../../../src/security-ports.ts';
import { BASE } from '../search/support.ts';
import { accessOf } from './support.ts';

/** Where reading a type ends: `all`, ids of patients, or nowhere (empty). */
const ends = (access: Access, type = 'Observation') =>
  allowancesFor(access, type, ['r']).map(({ patient }) => patient ?? 'all');

describe('what a grant is worth', () => {
  it.each<[string, Partial<Access>, string[]]>([
    ['patient/Observation.r', { patient: 'a' }, ['a']],
    ['patient/Observation.r', {}, []],
    ['patient/Condition.r', { patient: 'a' }, []],
    ['patient/*.r', { patient: 'a' }, ['a']],
    ['patient/Observation.s', { patient: 'a' }, []],
    ['user/Observation.r', { fhirUser: 'Practitioner/1' }, ['all']],
    ['user/Observation.r', { fhirUser: 'PractitionerRole/1', patient: 'a' }, ['all']],
    ['user/Observation.r', { fhirUser: 'Patient/a' }, ['a']],
    ['user/Observation.r', { fhirUser: 'https://ehr.example/fhir/Patient/a' }, ['a']],
    ['user/Observation.r', { fhirUser: 'Patient/a', patient: 'b' }, ['a']],
    ['patient/Observation.r', { fhirUser: 'Patient/a', patient: 'b' }, []],
    ['system/Observation.r', { fhirUser: 'Patient/a' }, ['a']],
    ['user/Observation.r', { fhirUser: 'RelatedPerson/1' }, []],
    ['user/Observation.r', { fhirUser: 'RelatedPerson/1', patient: 'a' }, ['a']],
    ['user/Observation.r', {}, []],
    ['user/Observation.r', { roles: ['privacy-officer'] }, ['all']],
    ['patient/Observation.r', { roles: ['privacy-officer'] }, []],
    ['user/Observation.r', { roles: ['viewer'], fhirUser: 'Patient/a' }, ['a']],
    ['user/Observation.r', { roles: ['viewer'], fhirUser: 'RelatedPerson/1' }, []],
    ['user/Observation.r', { patient: 'a' }, ['a']],
    ['system/Observation.r', {}, ['all']],
  ])('%s with %j ends at %j', (scope, more, expected) => {
    expect(ends(accessOf(scope, more))).toEqual(expected);
  });

  it('reads what is shared by a patient scope, writes none of it, and reaches nothing that is nobody’s', () => {
    const access = accessOf('patient/*.cruds', { patient: 'a' });
    expect(ends(access, 'Practitioner')).toEqual(['all']);
    expect(allowancesFor(access, 'Practitioner', ['u'])).toEqual([]);
    expect(ends(access, 'Slot')).toEqual([]);
  });

  it('refuses an interaction that no scope allows, and says so to OAuth clients', () => {
    const access = accessOf('patient/Observation.s', { patient: 'a' });
    expect(() => refuseUnpermitted(access, 'search', 'Observation')).not.toThrow();
    expect(() => refuseUnpermitted(access, 'read', 'Observation', true)).not.toThrow();
    expect(() => refuseUnpermitted(undefined, 'read', 'Observation')).not.toThrow();
    for (const interaction of ['read', 'vread', 'history', 'create', 'update'] as const)
      expect(() => refuseUnpermitted(access, interaction, 'Observation')).toThrow(
        expect.objectContaining({
          code: 'forbidden',
          headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' },
        }),
      );
  });
});

describe('the patient compartment', () => {
  const observation = (more: object) => ({ resourceType: 'Observation', id: '1', ...more });

  it.each<[string, object]>([
    ['its subject', { subject: { reference: 'Patient/a' } }],
    ['its subject in a version', { subject: { reference: 'Patient/a/_history/3' } }],
    ['its subject by the address of this server', { subject: { reference: `${BASE}/Patient/a` } }],
    ['one of its performers', { performer: [{ reference: 'Practitioner/a' }, { reference: 'Patient/a' }] }],
  ])('has what names the patient as %s', (_name, more) => {
    expect(inCompartment(observation(more), 'a', BASE)).toBe(true);
    expect(inCompartment(observation(more), 'b', BASE)).toBe(false);
  });

  it.each<[string, object]>([
    ['elsewhere', { subject: { reference: 'https://other.example/fhir/Patient/a' } }],
    ['in another type', { subject: { reference: 'Group/a' } }],
    ['inside itself', { subject: { reference: '#a' }, contained: [{ resourceType: 'Patient', id: 'a' }] }],
    ['by a number', { subject: { identifier: { value: 'a' }, type: 'Patient' } }],
    ['where the table does not look', { focus: [{ reference: 'Patient/a' }] }],
  ])('has nothing that names a patient %s', (_name, more) => {
    expect(inCompartment(observation(more), 'a', BASE)).toBe(false);
  });

  it('of a patient has the patient alone, whoever is linked or merged with it', () => {
    const survivor = {
      resourceType: 'Patient',
      id: 'b',
      link: [{ other: { reference: 'Patient/a' }, type: 'replaces' }],
    };
    expect(inCompartment(survivor, 'b', BASE)).toBe(true);
    expect(inCompartment(survivor, 'a', BASE)).toBe(false);
  });

  it('knows what is in none', () => {
    expect(['Observation', 'Device', 'Patient'].map(kindOf)).toEqual(Array(3).fill('compartment'));
    expect(['Practitioner', 'Organization', 'Location', 'Medication'].map(kindOf)).toEqual(
      Array(4).fill('shared'),
    );
    expect(['Slot', 'StructureDefinition', 'Binary'].map(kindOf)).toEqual(Array(3).fill('neither'));
  });
});
