import { evaluate } from 'fhirpath';
import r4 from 'fhirpath/fhir-context/r4';
import { describe, expect, it } from 'vitest';
import { compileExpression } from '../../../src/fhir/path.ts';
import { referenceTargetType } from '../../../src/fhir/reference.ts';
import {
  searchParameterBases,
  searchParametersOf,
  type SearchParameterDef,
} from '../../../src/fhir/search-parameters.ts';
import { isResourceType } from '../../../src/fhir/elements.ts';
import type { Json, Resource } from '../../../src/fhir/types.ts';
import { randomResource } from './random-resource.ts';

/** fhirpath.js cannot fetch: what a reference resolves to is a stub of the type it names. */
function oracle(expression: string, base: string, resource: Resource): Json[] {
  const resolve = (inputs: readonly Json[]): Json[] =>
    inputs.flatMap((input) => {
      const type = referenceTargetType(input, resource);
      return type === undefined ? [] : [{ resourceType: type }];
    });
  return evaluate(resource, forOracle(expression, base), {}, r4, {
    userInvocationTable: { resolve: { fn: resolve, arity: { 0: [] } } },
  }) as Json[];
}

/** The stub has no type in fhirpath.js's eyes, hence `resourceType`; and HL7's one path without a type at its start. */
function forOracle(expression: string, base: string): string {
  return expression
    .replaceAll(/resolve\(\) is (\w+)/g, "resolve().resourceType = '$1'")
    .replaceAll(/^name \| alias$/g, `${base}.name | ${base}.alias`);
}

function distinct(values: readonly Json[]): string[] {
  return [...new Set(values.map((value) => JSON.stringify(value)))].sort();
}

const parameters: SearchParameterDef[] = searchParameterBases()
  .filter(isResourceType)
  .flatMap((base) => searchParametersOf(base))
  .filter((it) => it.expression !== undefined);

describe("HL7's search expressions", () => {
  it('are more than 1,600, all compiled', () => {
    const compiled = parameters.map((it) => compileExpression(it.expression!, it.base));
    expect(compiled.length).toBeGreaterThan(1600);
    expect(compiled.filter((it) => it.types.length === 0)).toEqual([]);
  });

  it.each([...new Set(parameters.map((it) => it.base))])('of %s select what fhirpath.js selects', (base) => {
    const own = parameters.filter((it) => it.base === base && it.expression !== base);
    let found = 0;
    for (let seed = 1; seed <= 4; seed += 1) {
      const resource = randomResource(base, seed, 0.7);
      for (const { code, expression } of own) {
        const values = compileExpression(expression!, base)(resource);
        found += values.length;
        expect({ code, values: distinct(values) }).toEqual({
          code,
          values: distinct(oracle(expression!, base, resource)),
        });
      }
    }
    if (own.length > 0) expect(found).toBeGreaterThan(0);
  });
});

describe('a compiled expression', () => {
  const observation: Resource = {
    resourceType: 'Observation',
    code: { coding: [{ code: 'bp' }] },
    subject: { reference: '#p' },
    contained: [{ resourceType: 'Patient', id: 'p' }],
    component: [
      { code: { text: 'systolic' }, valueQuantity: { value: 120 } },
      { code: { text: 'diastolic' }, valueString: 'not measured' },
    ],
  };

  it.each([
    ['as', '(Observation.component.value as Quantity).value'],
    ['as()', 'Observation.component.value.as(Quantity).value'],
    ['ofType()', 'Observation.component.value.ofType(Quantity).value'],
  ])('reads a choice by %s', (_how, expression) => {
    expect(compileExpression(expression)(observation)).toEqual([120]);
  });

  it('gives each value with its type', () => {
    expect(compileExpression('Observation.component.value').typed(observation)).toEqual([
      { type: 'Quantity', value: { value: 120 } },
      { type: 'string', value: 'not measured' },
    ]);
  });

  it('reads a composite part from the element that holds it', () => {
    const part = compileExpression('value.ofType(Quantity)', 'Observation.component');
    const components = compileExpression('Observation.component')(observation);
    expect(components.map((it) => part.at(it, observation))).toEqual([[{ value: 120 }], []]);
  });

  it('looks a contained reference up', () => {
    const patient = compileExpression('Observation.subject.where(resolve() is Patient)');
    const device = compileExpression('Observation.subject.where(resolve() is Device)');
    expect(patient(observation)).toEqual([{ reference: '#p' }]);
    expect(device(observation)).toEqual([]);
  });

  it('selects nothing from a resource of another type', () => {
    expect(compileExpression('Patient.name | Person.name')(observation)).toEqual([]);
  });

  it('skips a primitive that has only an extension', () => {
    const patient: Resource = { resourceType: 'Patient', name: [{ given: [null, 'Ana'] }] };
    expect(compileExpression('Patient.name.given')(patient)).toEqual(['Ana']);
  });

  it.each([
    ['an element the type does not have', 'Patient.nmae'],
    ['a child of a primitive', 'Patient.birthDate.extension'],
    ['a type that does not exist', 'Pacient.name'],
    ['an unknown function', 'Patient.name.select(given)'],
    ['an arithmetic operator', 'Patient.multipleBirth + 1'],
    ['a missing parenthesis', "Patient.telecom.where(system='phone'"],
    ['an index over a choice', 'Observation.value[0]'],
    ['an empty text', ''],
  ])('refuses %s when compiled', (_what, expression) => {
    expect(() => compileExpression(expression)).toThrow(/FHIRPath subset/);
  });
});
