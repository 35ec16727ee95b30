import { expect, test } from 'vitest';
import { ByName, Recent } from '../../../src/projection/by-name.ts';

test('values are told apart by type and by id', () => {
  const values = new ByName<number>();
  values.set('Patient', '1', 1);
  values.set('Encounter', '1', 2);
  values.set('Patient', '2', 3);
  values.set('Patient', '1', 4);
  expect([...values]).toEqual([
    ['Patient', '1', 4],
    ['Patient', '2', 3],
    ['Encounter', '1', 2],
  ]);
  values.delete('Patient', '2');
  values.delete('Patient', '3');
  expect([values.size, values.get('Patient', '2'), values.get('Encounter', '1')]).toEqual([2, undefined, 2]);
  values.clear();
  expect([values.size, values.get('Encounter', '1')]).toEqual([0, undefined]);
});

test('what was used last is remembered, and never more than there may be', () => {
  const recent = new Recent<number>(10);
  for (let at = 0; at < 1_000; at += 1) {
    recent.set('Patient', String(at), at);
    expect(recent.get('Patient', '0')).toBe(0);
    for (let back = 0; back < 4; back += 1)
      if (at >= back) expect(recent.get('Patient', String(at - back))).toBe(at - back);
  }
  const known = Array.from({ length: 1_000 }, (_, at) => recent.get('Patient', String(at))).filter(
    (it) => it !== undefined,
  );
  expect(known.length).toBeLessThanOrEqual(10);
  recent.clear();
  expect(recent.get('Patient', '0')).toBeUndefined();
});
