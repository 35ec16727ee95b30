import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareDecimals, impliedRange, parseDecimal } from '../../../src/search/decimal.ts';

const number = (text: string) => parseDecimal(text)!;

describe('the range a number stands for', () => {
  test.each([
    ['100', '99.5', '100.5'],
    ['100.00', '99.995', '100.005'],
    ['1e2', '95', '105'],
    ['1.00e2', '99.5', '100.5'],
    ['5.4', '5.35', '5.45'],
    ['5.40e-3', '0.005395', '0.005405'],
    ['8e-1', '0.75', '0.85'],
    ['-2.0', '-2.05', '-1.95'],
    ['0', '-0.5', '0.5'],
    ['007', '6.5', '7.5'],
  ])('%s is from %s to below %s', (text, low, high) => {
    const range = impliedRange(text)!;
    expect(compareDecimals(range.low, number(low))).toBe(0);
    expect(compareDecimals(range.high, number(high))).toBe(0);
  });

  test.each(['', 'abc', '1.', '.5', '1e', '1e9999', '1e-1000', '0x1', '1,5', '--1', ' 1', 'NaN', 'Infinity'])(
    '%s is none',
    (text) => expect(impliedRange(text)).toBeUndefined(),
  );
});

test('decimals are compared as numbers, beyond what a double can tell', () => {
  expect(compareDecimals(number('1.50'), number('1.5'))).toBe(0);
  expect(compareDecimals(number('9007199254740993'), number('9007199254740992'))).toBe(1);
  expect(compareDecimals(number('0.1000000000000000000001'), number('0.1'))).toBe(1);
  expect(compareDecimals(number('-1e3'), number('-999'))).toBe(-1);
});

test('the order is that of integers, wherever the point is', () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.bigInt(), fc.nat(30), (a, b, scale) => {
      const [left, right] = [number(`${a}e-${scale}`), number(`${b}e-${scale}`)];
      expect(compareDecimals(left, right)).toBe(a < b ? -1 : a > b ? 1 : 0);
    }),
  );
});
