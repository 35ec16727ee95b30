import { describe, expect, it } from 'vitest';
import { parseReference, referenceTargetType } from '../../../src/fhir/reference.ts';

describe('parseReference', () => {
  it.each([
    ['Patient/a-1', { kind: 'relative', type: 'Patient', id: 'a-1' }],
    ['Patient/a-1/_history/3', { kind: 'relative', type: 'Patient', id: 'a-1', versionId: '3' }],
    ['Patient/HOSP|100234', { kind: 'relative', type: 'Patient', id: 'HOSP|100234' }],
    [
      'https://ehr.example.org/fhir/r4/Patient/7',
      { kind: 'absolute', base: 'https://ehr.example.org/fhir/r4', type: 'Patient', id: '7' },
    ],
    [
      'http://h/Encounter/7/_history/2',
      { kind: 'absolute', base: 'http://h', type: 'Encounter', id: '7', versionId: '2' },
    ],
    ['#c1', { kind: 'contained', id: 'c1' }],
    ['#', { kind: 'contained', id: '' }],
    [
      'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0',
      { kind: 'urn', urn: 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0' },
    ],
    ['urn:oid:1.2.840', { kind: 'urn', urn: 'urn:oid:1.2.840' }],
    ['http://example.org/anything', { kind: 'url', url: 'http://example.org/anything' }],
  ])('reads %s', (text, parsed) => {
    expect(parseReference(text)).toEqual(parsed);
  });

  it.each([
    'Patient',
    'Patient/',
    '/Patient/1',
    'Pacient/1',
    'patient/1',
    'a/b/Patient/1',
    'Patient/1/_history/',
    'Patient/1/_history/2/_history/3',
    'Patient?identifier=1',
    'urn:uuid:nonsense',
    'urn:isbn:1',
    'http://example.org/a b',
    '',
  ])('refuses %j', (text) => {
    expect(parseReference(text)).toBeUndefined();
  });
});

describe('referenceTargetType', () => {
  const root = { resourceType: 'Observation', contained: [{ resourceType: 'Group', id: 'g' }] };

  it.each([
    ['the reference', { reference: 'Patient/1' }, 'Patient'],
    ['the reference, whatever type says', { reference: 'Patient/1', type: 'Group' }, 'Patient'],
    ['the contained resource', { reference: '#g' }, 'Group'],
    ['the container itself', { reference: '#' }, 'Observation'],
    ['type, for a logical reference', { type: 'Device', identifier: { value: '1' } }, 'Device'],
    ['type, for a urn', { reference: 'urn:oid:1.2', type: 'Device' }, 'Device'],
    ['nothing, for a missing contained resource', { reference: '#x' }, undefined],
    ['nothing, for a display', { display: 'Ward 4' }, undefined],
    ['nothing, for what is no reference', 'Patient/1', undefined],
  ])('is told by %s', (_what, reference, type) => {
    expect(referenceTargetType(reference, root)).toBe(type);
  });
});
