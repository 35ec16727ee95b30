import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadContract } from '../../../src/contract/load.ts';
import type { SearchParamType } from '../../../src/fhir/search-query.ts';
import { compileFilters } from '../../../src/search/match.ts';
import { evaluable } from '../../../src/search/parameter.ts';
import { parseSearch } from '../../../src/search/parse.ts';
import { NOW, UTC } from './support.ts';

const contract = loadContract(
  readFileSync(new URL('../../../contracts/fhir-r4.yaml', import.meta.url), 'utf8'),
);
const SAMPLES: Partial<Record<SearchParamType, string>> = {
  string: 'a',
  token: 'a',
  date: 'ge2020',
  reference: '1',
  quantity: 'lt5||mg',
  number: '1',
  uri: 'urn:a',
};

const promised = [...contract.resources.values()].flatMap(({ type, search }) =>
  [...search].flatMap(([name, { modifiers }]) =>
    ['', ...modifiers].map((modifier) => ({ type, name, modifier })),
  ),
);

/** The published contract promises nothing about searching that cannot be kept. */
describe('the published contract', () => {
  test('promises searches', () => expect(promised.length).toBeGreaterThan(50));

  test.each(promised)('$type?$name:$modifier is read and evaluated', ({ type, name, modifier }) => {
    const parameter = evaluable(type, name);
    const boolean = modifier === 'missing' || parameter?.extract.types.join() === 'boolean';
    const value = boolean ? 'true' : SAMPLES[parameter!.definition.type]!;
    const pair = [modifier === '' ? name : `${name}:${modifier}`, value] as const;
    const { filters, ignored } = parseSearch(type, [pair], {
      rules: contract,
      handling: 'strict',
      maxCount: 100,
    });
    expect(ignored).toEqual([]);
    const matches = compileFilters(type, filters, { zone: UTC, now: NOW });
    // A resource that says nothing is found by what is negated or missing, and by nothing else; `deceased` is false then.
    const negated = modifier === 'not' || (modifier === 'missing' && name !== 'deceased');
    expect(matches({ resourceType: type })).toBe(negated);
  });
});
