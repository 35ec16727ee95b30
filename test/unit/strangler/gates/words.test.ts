import { describe, expect, it } from 'vitest';
import {
  apart,
  exceeding,
  many,
  milliseconds,
  percent,
  percentAtMost,
  roughly,
} from '../../../../src/strangler/gates/words.ts';

describe('figures in words', () => {
  it.each([
    [0, '0.0 %'],
    [0.041, '4.1 %'],
    [0.003, '0.3 %'],
    [0.0004, '0.04 %'],
    [0.9997, '99.97 %'],
    [1, '100.0 %'],
  ])('a share of %d is %s', (share, words) => expect(percent(share)).toBe(words));

  it.each([
    [0.00302, '0.31 %'],
    [0.003, '0.30 %'],
    [0.01, '1 %'],
    [1, '100 %'],
    [0.00000001, '0.01 %'],
  ])('a bound of %d is never rounded to something smaller: %s', (share, words) =>
    expect(percentAtMost(share)).toBe(words),
  );

  it('two shares that differ are not written alike', () => {
    expect(exceeding(0.041, 0.01)).toBe('4.1 % > 1.0 %');
    expect(exceeding(0.01002, 0.01)).toBe('1.002 % > 1.000 %');
    expect(apart(0.98996, 0.99)).toEqual(['98.996 %', '99.000 %']);
  });

  it.each([
    [30_000, 'less than a minute'],
    [60_000, 'about 1 minute'],
    [3_600_000, 'about 60 minutes'],
    [5 * 3_600_000, 'about 5 hours'],
    [11.5 * 86_400_000, 'about 12 days'],
  ])('%d ms are %s', (ms, words) => expect(roughly(ms)).toBe(words));

  it('counts have separators and the right number', () => {
    expect([many(1, 'call'), many(0, 'call'), many(1_071, 'call')]).toEqual([
      '1 call',
      '0 calls',
      '1,071 calls',
    ]);
    expect([milliseconds(0.42), milliseconds(1_250)]).toEqual(['0.4 ms', '1,250 ms']);
  });
});
