import { describe, expect, it } from 'vitest';
import { fillReferences } from '../../../../adapters/soap/references.ts';
import { sayAbsent } from '../../../../adapters/soap/required.ts';
import type { Resource } from '../../../../src/fhir/types.ts';

const IDENTIFIER = { system: 'urn:s', value: '1' };
const CURRENT: Resource = {
  resourceType: 'Encounter',
  subject: { reference: 'Patient/A|1', type: 'Patient', identifier: IDENTIFIER, display: 'Ada' },
  participant: [
    { individual: { type: 'Practitioner', identifier: { system: 'urn:p', value: '7' }, display: 'Dr. P' } },
  ],
};

describe('references of a write', () => {
  it('say their type, when their form does', () => {
    const filled = fillReferences(
      { resourceType: 'Encounter', subject: { reference: 'Patient/A|1' } },
      undefined,
    );
    expect(filled).toEqual({
      resourceType: 'Encounter',
      subject: { reference: 'Patient/A|1', type: 'Patient' },
    });
  });

  it.each([
    [{ reference: 'Patient/A|1' }, CURRENT['subject']],
    [{ identifier: IDENTIFIER }, CURRENT['subject']],
    [{ reference: 'Patient/A|1', display: 'Eva' }, CURRENT['subject']],
    [
      { reference: 'Patient/A|2', display: 'Eva' },
      { reference: 'Patient/A|2', display: 'Eva', type: 'Patient' },
    ],
    [{ identifier: { value: '1' } }, { identifier: { value: '1' } }],
    [{ display: 'Ada' }, { display: 'Ada' }],
    [
      { reference: 'http://elsewhere.example/Patient/1' },
      { reference: 'http://elsewhere.example/Patient/1' },
    ],
  ])('%j are what the record has of the same', (subject, wanted) => {
    expect(fillReferences({ resourceType: 'Encounter', subject }, CURRENT)['subject']).toEqual(wanted);
  });
});

describe('what FHIR requires and a record does not say', () => {
  const UNKNOWN = {
    extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }],
  };

  it('is said to be absent, inside too', () => {
    const resource: Resource = {
      resourceType: 'Encounter',
      status: 'finished',
      location: [{ period: { start: '2026' } }],
      diagnosis: [{}],
    };
    expect(sayAbsent(resource)).toEqual([]);
    expect(resource).toEqual({
      resourceType: 'Encounter',
      status: 'finished',
      class: UNKNOWN,
      location: [{ period: { start: '2026' }, location: UNKNOWN }],
      diagnosis: [{ condition: UNKNOWN }],
    });
    const allergy: Resource = {
      resourceType: 'AllergyIntolerance',
      patient: { display: 'Ada' },
      reaction: [{ severity: 'mild' }],
      note: [{}],
    };
    expect(sayAbsent(allergy)).toEqual([]);
    expect(allergy['reaction']).toEqual([{ severity: 'mild', manifestation: [UNKNOWN] }]);
  });

  it('is told when it cannot be said: a status, and whose it is', () => {
    expect(sayAbsent({ resourceType: 'Observation', code: { text: 'x' } })).toEqual(['status']);
    expect(sayAbsent({ resourceType: 'AllergyIntolerance' })).toEqual(['patient']);
  });
});
