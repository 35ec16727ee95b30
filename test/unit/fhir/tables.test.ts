import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { binding, hasCode } from '../../../src/fhir/bindings.ts';
import { isA, isResourceType, RESOURCE_TYPES, typeDef } from '../../../src/fhir/elements.ts';
import { searchParameter } from '../../../src/fhir/search-parameters.ts';

const root = join(import.meta.dirname, '../../..');

describe('the FHIR tables', () => {
  it('are what the script makes of the definitions', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ficus-tables-'));
    try {
      execFileSync(process.execPath, [join(root, 'scripts/fhir-tables.ts'), folder]);
      const committed = join(root, 'src/fhir/data');
      expect(readdirSync(folder)).toEqual(readdirSync(committed));
      for (const file of readdirSync(folder)) {
        expect(readFileSync(join(folder, file)).equals(readFileSync(join(committed, file)))).toBe(true);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('name only types, value sets and targets that they have', () => {
    for (const type of [
      'Element',
      'BackboneElement',
      'Extension',
      'Dosage',
      'Observation.component',
      ...RESOURCE_TYPES,
    ]) {
      for (const element of typeDef(type)!.elements.values()) {
        for (const it of element.types) expect(typeDef(it), `${type}.${element.name}`).toBeDefined();
        for (const it of element.targets ?? []) expect(isResourceType(it)).toBe(true);
        if (element.binding !== undefined) expect(binding(element.binding).size).toBeGreaterThan(0);
      }
    }
  });
});

describe('typeDef', () => {
  it('inherits, and names choices and inner structures', () => {
    const patient = typeDef('Patient')!;
    expect([...patient.elements.keys()].slice(0, 8)).toEqual([
      'id', 'meta', 'implicitRules', 'language', 'text', 'contained', 'extension', 'modifierExtension',
    ]); // prettier-ignore
    expect(patient.properties.get('deceasedDateTime')).toMatchObject({
      type: 'dateTime',
      element: { name: 'deceased', choice: true, modifier: true, summary: true, min: 0, max: 1 },
    });
    expect(patient.properties.get('contact')?.type).toBe('Patient.contact');
    expect(patient.elements.get('generalPractitioner')).toMatchObject({
      max: Infinity,
      targets: ['Organization', 'Practitioner', 'PractitionerRole'],
    });
    expect(patient.properties.has('deceased')).toBe(false);
  });

  it('follows content references', () => {
    const component = typeDef('Observation.component')!;
    expect(component.properties.get('referenceRange')?.type).toBe('Observation.referenceRange');
    expect(component.elements.has('modifierExtension')).toBe(true);
  });

  it('knows R4 and nothing later', () => {
    expect(RESOURCE_TYPES).toHaveLength(146);
    expect(typeDef('SubscriptionStatus')).toBeUndefined();
    expect(isResourceType('DomainResource')).toBe(false);
    expect(isResourceType('constructor')).toBe(false);
    expect(isA('Age', 'Quantity')).toBe(true);
    expect(isA('Quantity', 'Age')).toBe(false);
  });
});

describe('binding', () => {
  it('lists the codes of a value set, nested ones included', () => {
    expect([...binding('administrative-gender')]).toEqual([
      ['http://hl7.org/fhir/administrative-gender', new Set(['male', 'female', 'other', 'unknown'])],
    ]);
    expect(hasCode(binding('observation-status'), 'entered-in-error')).toBe(true);
    expect(hasCode(binding('observation-status'), 'toString')).toBe(false);
  });
});

describe('searchParameter', () => {
  it('gives the part of a shared definition that belongs to the type', () => {
    expect(searchParameter('AllergyIntolerance', 'code')?.expression).toBe(
      'AllergyIntolerance.code | AllergyIntolerance.reaction.substance',
    );
    expect(searchParameter('Encounter', 'date')?.expression).toBe('Encounter.period');
  });

  it('narrows targets to what the element allows', () => {
    expect(searchParameter('Appointment', 'patient')?.targets).toEqual(['Patient']);
    expect(searchParameter('Observation', 'encounter')?.targets).toEqual(['Encounter']);
    expect(searchParameter('Observation', 'focus')?.targets).toBeUndefined();
  });

  it('knows what every resource has, and nothing it does not have', () => {
    expect(searchParameter('Patient', '_lastUpdated')).toMatchObject({ base: 'Resource', type: 'date' });
    expect(searchParameter('Patient', '_text')).toMatchObject({ base: 'DomainResource' });
    expect(searchParameter('Patient', 'colour')).toBeUndefined();
    expect(searchParameter('Patient', 'constructor')).toBeUndefined();
  });
});
