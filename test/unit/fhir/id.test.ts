import { assert, constantFrom, property, string } from 'fast-check';
import { expect, it } from 'vitest';
import { isFhirId } from '../../../src/fhir/id.ts';

/** As FHIR R4 datatypes.html#id has it. */
const ID = /^[A-Za-z0-9\-.]{1,64}$/;

it('tells ids from other texts', () => {
  for (const text of [
    'a',
    '.',
    '-',
    'Z9',
    'a'.repeat(64),
    '',
    'a'.repeat(65),
    'a\n',
    'HOSP|1',
    'a/b',
    '\u{1f600}',
  ])
    expect([text, isFhirId(text)]).toEqual([text, ID.test(text)]);
  const unit = constantFrom('a', 'Z', '0', '-', '.', '|', '_', '\n', '\u00e9');
  assert(property(string({ unit, maxLength: 70 }), (text) => isFhirId(text) === ID.test(text)));
});

it.each([[undefined], [null], [5], [true], [[]], [['a']], [{}], [JSON.parse('{"length":1}')]])(
  'takes nothing for one that is no text: %j',
  (value: unknown) => expect(isFhirId(value)).toBe(false),
);
