import { describe, expect, it } from 'vitest';
import { isTouched } from '../../../sandbox/faults/planted/index.ts';
import { createHospital } from '../../../sandbox/legacy-core/state/hospital.ts';
import { identifiersOf } from '../../../sandbox/legacy-core/state/patients.ts';
import { loadSeed } from '../../../sandbox/legacy-core/state/seed.ts';
import { branch, text } from '../../../sandbox/legacy-core/soap/schema.ts';
import { createPopulation } from '../../../sandbox/population/index.ts';
import { MANY } from '../../../sandbox/index.ts';

const seed = loadSeed(MANY);
const hospital = createHospital(seed, () => Date.UTC(2026, 10, 22));
const observations = hospital.records.observations.all();

describe('the population', () => {
  it('makes up over two hundred patients, and leaves those with a story as they are', () => {
    const named = loadSeed();
    expect(seed.patients.length).toBeGreaterThanOrEqual(200);
    expect(seed.patients.slice(0, named.patients.length)).toEqual(named.patients);
    expect(seed.observations.slice(0, named.observations.length)).toEqual(named.observations);
  });

  it('is the same every time, and a larger one begins with a smaller one', () => {
    expect(createPopulation(20)).toEqual(createPopulation(20));
    const rows = (count: number): string[] => createPopulation(count).observations.split('\n');
    expect(rows(20).slice(0, rows(5).length)).toEqual(rows(5));
  });

  it('gives no number twice', () => {
    const numbers = hospital.patients
      .all()
      .flatMap((patient) => identifiersOf(patient).map(({ authority, value }) => `${authority}|${value}`));
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(new Set(observations.map(({ number }) => number)).size).toBe(observations.length);
  });

  it('gives everybody results in many ways to search for them', () => {
    const others = hospital.patients.all().filter(({ about }) => about === 'One of the many');
    expect(others).toHaveLength(MANY);
    for (const patient of others) {
      const own = hospital.records.observations.of(patient).map(({ tree }) => tree);
      expect(new Set(own.map((tree) => text(tree, 'Category')))).toEqual(new Set(['LAB', 'VITAL']));
      expect(own.filter((tree) => text(tree, 'Item', 'AltCode') === '14749-6')).toHaveLength(2);
      expect(own.some((tree) => text(tree, 'ObservedOn').length === 10)).toBe(true);
      expect(own.some((tree) => text(tree, 'ObservedOn').length === 19)).toBe(true);
    }
  });

  it('has enough of what the planted faults are about', () => {
    const count = (test: (tree: (typeof observations)[number]['tree']) => boolean): number =>
      observations.filter(({ tree }) => test(tree)).length;
    expect(count((tree) => text(tree, 'StatusCode') === 'AMEND')).toBeGreaterThanOrEqual(10);
    expect(count((tree) => /\.\d*0$/.test(text(branch(tree, 'Value'), 'Numeric', 'Number')))).toBeGreaterThan(
      100,
    );
    // Summer and winter time: other offsets.
    expect(count((tree) => /^\d{4}-0[5-9]/.test(text(tree, 'ObservedOn')))).toBeGreaterThan(100);
    expect(count((tree) => /^\d{4}-(01|02|11|12)/.test(text(tree, 'ObservedOn')))).toBeGreaterThan(100);
    const glucose = observations.filter(
      ({ tree }) =>
        ['14749-6', '2345-7'].includes(text(tree, 'Item', 'AltCode')) &&
        ['mmol/L', 'mg/dL'].includes(text(branch(tree, 'Value'), 'Numeric', 'Unit')),
    );
    expect(glucose.length).toBeGreaterThan(400);
    const touched = glucose.filter(({ number }) =>
      isTouched('wrong-unit', 1, { resourceType: 'Observation', identifier: [{ value: number }] }),
    );
    expect(touched.length).toBeGreaterThan(1);
    expect(touched.length).toBeLessThan(15);
  });
});
