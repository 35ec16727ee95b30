import { describe, expect, test } from 'vitest';
import { parseJson } from '../../../src/fhir/json.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import { sortResources } from '../../../src/search/sort.ts';
import { query, UTC } from './support.ts';

const PATIENTS = [
  { id: 'a', name: [{ family: 'Özil', given: ['Zoe'] }], birthDate: '1980-03' },
  { id: 'b', name: [{ family: 'adams' }, { family: 'Zorn' }], birthDate: '1980-03-15', gender: 'male' },
  { id: 'c', name: [{ family: 'Baker' }], birthDate: '1979', gender: 'female' },
  { id: 'd', gender: 'male' },
  { id: 'e', name: [{ family: 'ADAMS' }], birthDate: '1980-03-16', gender: 'male' },
].map((patient): Resource => ({ resourceType: 'Patient', ...patient }));

const OBSERVATIONS = [
  '{"value":2,"code":"mg"}',
  '{"value":10,"code":"mg"}',
  '{"value":1.50,"code":"mg"}',
  '{"value":1,"code":"g"}',
].map(
  (quantity, index) =>
    parseJson(`{"resourceType":"Observation","id":"o${index}","valueQuantity":${quantity}}`) as Resource,
);

function order(type: string, resources: readonly Resource[], sort: string): string {
  const { sort: keys } = query(type, `_sort=${sort}`);
  const sorted = sortResources(type, resources, keys, UTC).map(({ id }) => id);
  const again = sortResources(type, resources.toReversed(), keys, UTC).map(({ id }) => id);
  // Whatever order they come in.
  expect(again).toEqual(sorted);
  return sorted.join(' ');
}

describe('_sort', () => {
  test.each([
    ['family', 'b e c a d'],
    ['-family', 'b a c e d'],
    ['birthdate', 'c a b e d'],
    // From the latest on: all of March ends after the 16th.
    ['-birthdate', 'a e b c d'],
    ['gender,-family', 'c b e d a'],
    ['gender,-birthdate', 'c e b d a'],
    ['-gender,family', 'b e d c a'],
    ['given', 'a b c d e'],
    ['_id', 'a b c d e'],
    ['gender,-_id', 'c e d b a'],
  ])('%s', (sort, expected) => expect(order('Patient', PATIENTS, sort)).toBe(expected));

  test.each([
    ['value-quantity', 'o3 o2 o0 o1'],
    ['-value-quantity', 'o1 o0 o2 o3'],
  ])('%s', (sort, expected) => expect(order('Observation', OBSERVATIONS, sort)).toBe(expected));

  test('tells ids apart by case', () => {
    const resources = ['b', 'B', 'a'].map((id): Resource => ({ resourceType: 'Patient', id }));
    expect(order('Patient', resources, '-_id')).toBe('b a B');
  });

  test('may be given more than once', () => {
    expect(query('Patient', '_sort=gender&_sort=-family').sort).toEqual(
      query('Patient', '_sort=gender,-family').sort,
    );
  });
});
