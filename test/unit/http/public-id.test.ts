import { expect, it } from 'vitest';
import { checkPublicId } from '../../../src/http/serialise.ts';

it.each([[undefined], ['a-1.b'], [5], [null]])('lets an id leave that is no legacy key: %j', (id: unknown) =>
  expect(() => checkPublicId({ id })).not.toThrow(),
);

it.each([['HOSP|1'], [''], ['a'.repeat(65)], [{}], [[]]])('keeps back what may be one: %j', (id: unknown) =>
  expect(() => checkPublicId({ id })).toThrow('no FHIR id'),
);
