import { describe, expect, test } from 'vitest';
import { parseTimeRange } from '../../../src/search/dates.ts';
import { createTimeZone } from '../../../src/search/time-zone.ts';

const vienna = createTimeZone('Europe/Vienna');
const instant = (nanoseconds: bigint): string => new Date(Number(nanoseconds / 1_000_000n)).toISOString();

describe('local times', () => {
  test.each([
    ['2024-01-15T12:00', '2024-01-15T11:00:00.000Z'],
    ['2024-07-15T12:00', '2024-07-15T10:00:00.000Z'],
    ['2024-07-15T12:00-05:00', '2024-07-15T17:00:00.000Z'],
    ['2024-07-15', '2024-07-14T22:00:00.000Z'],
    ['2024-10-27T02:30', '2024-10-27T00:30:00.000Z'],
    ['2024-03-31T02:30', '2024-03-31T01:30:00.000Z'],
    ['1980-04-06T12:00', '1980-04-06T10:00:00.000Z'],
    ['0099-06-01', '0099-05-31T22:54:39.000Z'],
  ])('%s in Vienna begins at %s', (text, expected) => {
    expect(instant(parseTimeRange(text, vienna)!.low)).toBe(expected);
  });

  test('the day the clocks change has 23 or 25 hours', () => {
    const hours = (day: string) => {
      const range = parseTimeRange(day, vienna)!;
      return Number((range.high - range.low) / 3_600_000_000_000n);
    };
    expect([hours('2024-03-31'), hours('2024-10-27'), hours('2024-06-01')]).toEqual([23, 25, 24]);
  });

  test('fractions count to the nanosecond', () => {
    const { low, high } = parseTimeRange('2024-01-01T00:00:00.123456789123Z', vienna)!;
    expect([low % 1_000_000_000n, high - low]).toEqual([123_456_789n, 1n]);
  });

  test('a leap day exists in leap years', () => {
    expect(parseTimeRange('2024-02-29', vienna)).toBeDefined();
    expect(parseTimeRange('2023-02-29', vienna)).toBeUndefined();
    expect(parseTimeRange('2100-02-29', vienna)).toBeUndefined();
  });

  test('an unknown zone is an error', () => expect(() => createTimeZone('Mars/Olympus')).toThrow(RangeError));
});
