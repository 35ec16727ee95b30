import { describe, expect, it } from 'vitest';
import { catalogueOptions, runCatalogue, type Outcome } from '../../../../bench/compare/catalogue.ts';
import { SET_FAULTS } from '../../../../bench/compare/faults-of-sets.ts';
import { FAULTS } from '../../../../bench/compare/faults.ts';
import { REWRITINGS, SET_REWRITINGS } from '../../../../bench/compare/harmless.ts';
import { shippedSeverities } from '../../../support/severities.ts';

const SEEDS = Array.from({ length: 12 }, (_, seed) => seed + 1);
const options = catalogueOptions(shippedSeverities());
const outcomes = SEEDS.flatMap((seed) => runCatalogue(seed, options));

function wrong(name: string, harmless: boolean): readonly (readonly string[])[] {
  const of = (it: Outcome) => it.name === name && it.harmless === harmless && !it.right;
  return outcomes
    .filter(of)
    .map(({ differences }) => differences.map(({ severity, signature }) => `${severity}: ${signature}`));
}

describe('a planted difference is found with its severity', () => {
  it('of at least 40 kinds, each named once', () => {
    const names = [...FAULTS, ...SET_FAULTS].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThanOrEqual(40);
  });

  it.each([...FAULTS, ...SET_FAULTS].map(({ name, severity }) => [name, severity] as const))(
    '%s (%s)',
    (name) => {
      expect(outcomes.filter((it) => it.name === name && !it.harmless).length).toBe(SEEDS.length);
      expect(wrong(name, false)).toEqual([]);
    },
  );
});

describe('a harmless rewriting is not reported', () => {
  it('of at least 40 kinds, each named once', () => {
    const names = [...REWRITINGS, ...SET_REWRITINGS].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThanOrEqual(40);
  });

  it.each([...REWRITINGS, ...SET_REWRITINGS].map(({ name }) => name))('%s', (name) => {
    expect(wrong(name, true)).toEqual([]);
  });
});
