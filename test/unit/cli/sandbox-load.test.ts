import { describe, expect, it } from 'vitest';
import { planLoad } from '../../../src/cli/sandbox-load.ts';

const flags = (more: object = {}): Parameters<typeof planLoad>[0] => ({ reads: '50', writes: '5', ...more });

describe('ficus sandbox load', () => {
  // A new case is a row: flags, seconds of --for, what is sent.
  it.each([
    [flags(), undefined, { reads: 50, writes: 5, seconds: 60 }],
    [flags({ reads: '50rps', writes: '5rps' }), 10, { reads: 50, writes: 5, seconds: 10 }],
    [flags({ rate: '220' }), 10, { reads: 200, writes: 20, seconds: 10 }],
    [flags({ writes: '0', rate: '200rps' }), undefined, { reads: 200, writes: 0, seconds: 60 }],
    [flags({ day: '1' }), undefined, { reads: 75, writes: 3, seconds: 32 }],
    [flags({ day: '2' }), undefined, { reads: 75, writes: 3, seconds: 64 }],
    [flags({ day: '1' }), 24, { reads: 100, writes: 4, seconds: 24 }],
  ])('%j for %s s', (given, seconds, expected) => {
    expect(planLoad(given, seconds)).toEqual(expected);
  });

  it.each([
    [flags({ reads: 'many' }), '--reads takes requests a second'],
    [flags({ reads: '0', writes: '0', rate: '10' }), '--rate needs'],
  ])('%j is refused in words', (given, words) => {
    expect(() => planLoad(given, undefined)).toThrow(words);
  });
});
