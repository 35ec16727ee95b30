import { describe, expect, it } from 'vitest';
import { unknownsOf } from '../../../../src/strangler/gates/unknowns.ts';
import type { Shown } from '../../../../src/strangler/gates/unknowns.ts';

const NONE = { count: 0, dead: 0, oldestMs: 0 };
const RARE =
  'What no client asked for in this time was not compared; of patients and searches that are rare, little is known.';
const ALIKE = 'An answer that is wrong on both sides alike is a match.';

/** A search of which all is known that can be. */
const known: Shown = {
  endpoint: 'Observation.search',
  current: {
    trials: 20,
    days: [
      { calls: 10, comparisons: 10 },
      { calls: 10, comparisons: 10 },
    ],
    verdicts: [{ notComparable: {} }],
  },
  shapes: [{ compared: 3 }, { compared: 17 }],
  writes: { owed: { legacy: NONE, modern: NONE } },
  gates: { gates: [{ name: 'latency', verdict: 'pass' }] },
  drift: {},
  contract: {},
};

describe('what an evidence pack does not show', () => {
  it('is, at best, what no comparison can', () => {
    expect(unknownsOf(known)).toEqual([RARE, ALIKE]);
  });

  it.each<[string, Partial<Shown>, string]>([
    [
      'calls that gave no comparison',
      { current: { ...known.current!, days: [{ calls: 1_200, comparisons: 1_150 }] } },
      'Of 1,200 calls of clients in this run, 50 gave no comparison.',
    ],
    [
      'pairs that could not be compared, live and replayed',
      {
        current: {
          ...known.current!,
          verdicts: [{ notComparable: { 'modern-failed': 2 } }, { notComparable: { 'too-large': 1 } }],
        },
      },
      '3 pairs of answers could not be compared; whether they are alike is not known.',
    ],
    [
      'sets of parameters',
      { shapes: [{ compared: 0 }, { compared: 1 }, { compared: 0 }] },
      'Of 3 sets of parameters that clients use, 2 were not compared in this run.',
    ],
    [
      'a side that was not told',
      { writes: { owed: { legacy: { ...NONE, count: 1 }, modern: NONE } } },
      '1 write has not reached the other side yet.',
    ],
    [
      'a gate that somebody waived',
      { gates: { gates: [{ name: 'latency', verdict: 'waived' }] } },
      'What was waived was not shown: latency.',
    ],
  ])('tells of %s', (_, less, sentence) => {
    expect(unknownsOf({ ...known, ...less })).toEqual([sentence, RARE, ALIKE]);
  });

  it('tells of checks that never were, and of a run without comparisons', () => {
    const { current: _run, drift: _drift, contract: _contract, ...rest } = known;
    expect(unknownsOf(rest)).toEqual([
      'Nothing was compared in this run.',
      'Whether both sides hold the same was not checked by the reconciler.',
      'The contract tests of modern were not run.',
      RARE,
      ALIKE,
    ]);
  });

  it('tells of a write that its answers are not compared, and nothing about comparisons', () => {
    expect(unknownsOf({ ...known, endpoint: 'Appointment.update' })).toEqual([
      'Nothing compares the answers to writes; what both sides hold is compared.',
    ]);
  });
});
