import { describe, expect, it } from 'vitest';
import type { Route } from '../../../src/ports.ts';
import type { NextStep } from '../../../src/strangler/next-step.ts';
import { nextStep } from '../../../src/strangler/next-step.ts';

const STEPS = [25, 5, 50];
const canary = (percent: number) => ({ stage: 'canary', cohort: { percent } }) as const;

describe('the next step', () => {
  it.each<[Pick<Route, 'stage' | 'cohort'>, number | undefined, NextStep]>([
    [{ stage: 'legacy' }, undefined, { to: { stage: 'shadow' } }],
    [{ stage: 'legacy' }, 5, { refusal: 'only a canary has a percentage' }],
    [{ stage: 'shadow' }, undefined, { to: { stage: 'canary', percent: 5 } }],
    [{ stage: 'shadow' }, 40, { to: { stage: 'canary', percent: 40 } }],
    // What it was at before it went back does not count: all steps are gone through again.
    [{ stage: 'shadow', cohort: { percent: 25 } }, undefined, { to: { stage: 'canary', percent: 5 } }],
    [{ stage: 'canary' }, undefined, { to: { stage: 'canary', percent: 5 } }],
    [canary(0), undefined, { to: { stage: 'canary', percent: 5 } }],
    [canary(5), undefined, { to: { stage: 'canary', percent: 25 } }],
    [canary(7), undefined, { to: { stage: 'canary', percent: 25 } }],
    [canary(25), undefined, { to: { stage: 'canary', percent: 50 } }],
    [canary(50), undefined, { to: { stage: 'modern' } }],
    [canary(50), 75, { to: { stage: 'canary', percent: 75 } }],
    [canary(25), 25, { refusal: 'it is at 25 % already; fewer are set by `ficus migrate cohort`' }],
    [canary(25), 10, { refusal: 'it is at 25 % already; fewer are set by `ficus migrate cohort`' }],
    [canary(25), 101, { refusal: 'a percentage is over 0 and at most 100' }],
    [canary(25), 0, { refusal: 'a percentage is over 0 and at most 100' }],
    [canary(25), Number.NaN, { refusal: 'a percentage is over 0 and at most 100' }],
    [
      { stage: 'modern' },
      undefined,
      { refusal: 'after modern it is retired, by two people: `ficus migrate retire`' },
    ],
    [{ stage: 'retired' }, undefined, { refusal: 'what is retired has come all the way' }],
  ])('of %o, wanting %s, is %o', (route, percent, expected) => {
    expect(nextStep(route, STEPS, percent)).toEqual(expected);
  });
});
