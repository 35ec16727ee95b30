import { describe, expect, it } from 'vitest';
import { compileCodeMap } from '../../../src/mapping/code-map.ts';
import type { CodeMap } from '../../../src/mapping/code-map.ts';
import { equivalencesOf } from '../../../src/compose/migration/code-equivalences.ts';
import { createCompare } from '../../../src/compose/migration/comparing.ts';
import { shippedSeverities } from '../../support/severities.ts';

const V2 = 'http://terminology.hl7.org/CodeSystem/v2-0001';
const FHIR = 'http://hl7.org/fhir/administrative-gender';

type Rows = Parameters<typeof compileCodeMap>[0]['rows'];

const map = (rows: Rows, table = '0001', system = FHIR): CodeMap =>
  compileCodeMap({ codes: 'sex', basis: 'test', table, system, unknown: 'refuse', rows }, () => {});

const equal = (all: ReadonlyMap<string, string>, one: string, other: string): boolean =>
  (all.get(one) ?? one) === (all.get(other) ?? other);

const sex = map([
  { v2: 'F', fhir: 'female' },
  { v2: 'O', fhir: 'other', prefer: 'write' },
  { v2: 'A', fhir: 'other' },
]);

describe('codes that say the same', () => {
  it('are a legacy code and the one that it is mapped to, both ways', () => {
    const all = equivalencesOf(new Map([['sex', sex]]), []);
    expect(equal(all, `${V2}|F`, `${FHIR}|female`)).toBe(true);
    expect(equal(all, `${V2}|O`, `${FHIR}|other`)).toBe(true);
    expect(equal(all, `${V2}|F`, `${FHIR}|other`)).toBe(false);
  });

  it('are never two legacy codes that read as one', () => {
    const all = equivalencesOf(new Map([['sex', sex]]), []);
    expect(equal(all, `${V2}|A`, `${V2}|O`)).toBe(false);
  });

  it('are not those that two maps take for different ones', () => {
    const two = new Map([
      ['one', sex],
      ['two', map([{ v2: 'F', fhir: 'fixed' }], '0001', 'urn:other')],
    ]);
    const all = equivalencesOf(two, []);
    expect(equal(all, `${V2}|F`, `${FHIR}|female`)).toBe(false);
    expect(equal(all, 'urn:other|fixed', `${FHIR}|female`)).toBe(false);
    expect(equal(all, `${V2}|O`, `${FHIR}|other`)).toBe(true);
  });

  it('are what a site adds, too', () => {
    const all = equivalencesOf(new Map(), [['urn:lab|GLU', 'http://loinc.org|2345-7']]);
    expect(equal(all, 'urn:lab|GLU', 'http://loinc.org|2345-7')).toBe(true);
  });

  it('are no difference to a comparison; others are', () => {
    const codeMaps = equivalencesOf(new Map([['sex', sex]]), []);
    const compare = createCompare({ severities: shippedSeverities(), mustSupport: new Map(), codeMaps }, []);
    const told = (system: string, code: string) => ({
      kind: 'resource' as const,
      resource: { resourceType: 'Observation', id: 'o1', valueCodeableConcept: { coding: [{ system, code }] } },
    }); // prettier-ignore
    expect(compare(told(V2, 'F'), told(FHIR, 'female'))).toEqual([]);
    expect(compare(told(V2, 'A'), told(FHIR, 'other'))).not.toEqual([]);
  });
});
