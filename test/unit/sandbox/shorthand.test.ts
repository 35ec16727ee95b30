import { describe, expect, it } from 'vitest';
import { FAULTS } from '../../../sandbox/faults/catalogue.ts';
import { parseDial } from '../../../sandbox/faults/dial.ts';
import { PLANTED } from '../../../sandbox/faults/planted/index.ts';
import { describeShorthands, milliseconds, parseDialCommand } from '../../../sandbox/faults/shorthand.ts';

// A new case is a row: what is typed, and what is posted.
const CASES: readonly (readonly [string, readonly object[]])[] = [
  ['observations --5xx 30', [{ protocol: 'modern', fault: 'status', status: 503, percent: 30 }]],
  ['observations --wrong-unit 1', [{ protocol: 'modern', fault: 'wrong-unit', percent: 1 }]],
  ['observations --wrong-unit', [{ protocol: 'modern', fault: 'wrong-unit' }]],
  [
    'observations --utc-without-offset --final-for-amended --other-order',
    [
      { protocol: 'modern', fault: 'utc-without-offset' },
      { protocol: 'modern', fault: 'final-for-amended' },
      { protocol: 'modern', fault: 'other-order' },
    ],
  ],
  ['observations --slow 100', [{ protocol: 'modern', fault: 'slow', delayMs: 200 }]],
  ['clinical --slow 1.5s', [{ protocol: 'soap', fault: 'slow', delayMs: 1_500 }]],
  ['core --down --for 90s', [{ protocol: 'mllp', fault: 'down', durationMs: 90_000 }]],
  ['observations --down reset', [{ protocol: 'modern', fault: 'down', mode: 'reset' }]],
  ['observations --hang --count 2', [{ protocol: 'modern', fault: 'hang', count: 2 }]],
  ['observations --huge=50MB', [{ protocol: 'modern', fault: 'oversized', bytes: 50_000_000 }]],
  [
    'modern --5xx 5 --operation Observation.search',
    [{ protocol: 'modern', fault: 'status', status: 503, percent: 5, operation: 'Observation.search' }],
  ],
];

const parse = (line: string): ReturnType<typeof parseDialCommand> => {
  const [service = '', ...args] = line.split(' ');
  return parseDialCommand(service, args);
};

describe('ficus sandbox dial', () => {
  it.each(CASES)('%s', (line, dials) => {
    expect(parse(line).dials).toEqual(dials);
    for (const dial of dials) expect(() => parseDial(dial)).not.toThrow();
  });

  it('clears', () => {
    expect(parse('observations --clear')).toEqual({ protocol: 'modern', clear: true, dials: [] });
  });

  it.each([
    ['moon --down', 'There is no service "moon"; there are core, clinical, observations.'],
    ['observations --5xx many', '--5xx takes a number, not "many".'],
    ['observations --slow soon', '--slow takes a time such as 250ms, 90s or 5m, not "soon".'],
    ['observations --huge lots', '--huge takes a size such as 50MB, not "lots".'],
    ['observations 5xx', '"5xx" is not understood; a fault begins with --.'],
    ['observations --boom', '--boom is not known here'],
  ])('%s is refused in words', (line, words) => {
    expect(() => parse(line)).toThrow(words);
  });

  it('has a flag for every planted fault, and each of them a dial', () => {
    for (const name of Object.keys(PLANTED)) {
      expect(describeShorthands()).toContain(`--${name} `);
      expect(Object.keys(FAULTS)).toContain(name);
    }
  });

  it.each([
    ['250ms', 250],
    ['90s', 90_000],
    ['1.5m', 90_000],
    ['1h', 3_600_000],
  ])('reads %s as %i ms', (text, expected) => {
    expect(milliseconds('for', text)).toBe(expected);
  });
});
