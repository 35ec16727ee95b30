import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createCompare } from '../../../../src/compose/migration/comparing.ts';
import type { Resource } from '../../../../src/fhir/types.ts';
import { comparableBody } from '../../../../src/strangler/compare/answer.ts';
import { compileMustSupport } from '../../../../src/strangler/compare/must-support.ts';
import { shippedSeverities } from '../../../support/severities.ts';

const root = new URL('../../../../', import.meta.url);
const read = (path: string): unknown => parse(readFileSync(new URL(path, root), 'utf8'));
const shipped = compileMustSupport(read('contracts/us-core-must-support.yaml'));

describe('the must-support elements that come with Ficus', () => {
  it('are those of the types of the contract, but for Appointment and AuditEvent, which US Core does not have', () => {
    const { resources } = read('contracts/fhir-r4.yaml') as { resources: Record<string, unknown> };
    const types = Object.keys(resources).filter((type) => type !== 'Appointment' && type !== 'AuditEvent');
    expect([...shipped.keys()].toSorted()).toEqual(types.toSorted());
  });

  // A new case is a row: what is missing, and how bad that is.
  it.each([
    [
      'Patient',
      { name: [{ family: 'Roe', suffix: ['MD'] }] },
      { name: [{ family: 'Roe' }] },
      'major missing Patient.name.suffix',
    ],
    [
      'Patient',
      { name: [{ family: 'Roe', prefix: ['Dr'] }] },
      { name: [{ family: 'Roe' }] },
      'minor missing Patient.name.prefix',
    ],
    [
      'Patient',
      { name: [{ family: 'Roe', suffix: [''] }] },
      { name: [{ family: 'Roe' }] },
      'minor missing Patient.name.suffix (empty)',
    ],
    ['Patient', { photo: [{ url: 'Binary/1' }] }, {}, 'minor missing Patient.photo'],
    ['Encounter', { meta: { tag: [{ code: 'a' }] } }, {}, 'major missing Encounter.meta'],
    ['AllergyIntolerance', { meta: { tag: [{ code: 'a' }] } }, {}, 'minor missing AllergyIntolerance.meta'],
    ['Observation', { specimen: { reference: 'Specimen/1' } }, {}, 'major missing Observation.specimen'],
  ])('%s with %o against %o: %s', (type, legacy, modern, expected) => {
    const compare = createCompare(
      { severities: shippedSeverities(), mustSupport: shipped, codeMaps: new Map() },
      [],
    );
    const answer = (more: object) => {
      const resource = { resourceType: type, id: 'x', ...more } as Resource;
      return comparableBody(200, { kind: 'resource', resource });
    };
    const found = compare(answer(legacy), answer(modern));
    expect(found.map(({ severity, signature }) => `${severity} ${signature}`)).toEqual([expected]);
  });
});

describe('a list of must-support elements', () => {
  it('is refused with every path that FHIR R4 does not have', () => {
    const types = {
      Patient: ['Patient.name.family', 'Patient.nme', 'Observation.status', 'Patient'],
      Observation: ['Observation.value[x]', 'Observation.status[x]', 'Observation.valueQuantity'],
      Person2: ['Person2.name'],
    };
    expect(() => compileMustSupport({ mustSupport: 'ours', types })).toThrow(
      [
        'ours: Patient.nme: Patient has no element nme',
        'ours: Observation.status is no element of Patient',
        'ours: Patient is no element of Patient',
        'ours: Observation.status[x]: Observation has no choice status[x]',
        'ours: Observation.valueQuantity: Observation has no element valueQuantity',
        'ours: FHIR R4 has no resource type Person2',
      ].join('\n'),
    );
  });

  it('is refused when it is none', () => {
    expect(() => compileMustSupport({ types: { Patient: 'Patient.name' } })).toThrow(
      /must-support mustSupport: .*\nmust-support types\.Patient: /,
    );
  });
});
