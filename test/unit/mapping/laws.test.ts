import { describe, expect, it } from 'vitest';
import { measureLaws, SAMPLE_CONTEXT } from '../../../src/mapping/laws/measure.ts';
import { gapsOf } from '../../../src/mapping/laws/total.ts';
import { compileWith } from './support.ts';

const set = compileWith();

describe('the laws of the data type maps', () => {
  it.each([...set.maps.keys()].toSorted())('%s is total', (name) => {
    expect(gapsOf(set.maps.get(name)!, set.definitions)).toEqual([]);
  });

  it.each([...set.maps.keys()].toSorted())(
    '%s gives back what was put, and puts back what was got',
    (name) => {
      expect(
        measureLaws(set, set.maps.get(name)!, SAMPLE_CONTEXT, { runs: 150, seed: 1, today: '2026-01-01' }),
      ).toEqual([]);
    },
  );
});
