import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import { decimalJson, decimalText, isJsonObject, parseJson, stringifyJson } from '../../../src/fhir/json.ts';

function refusal(text: string | Uint8Array): FicusError {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof FicusError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('parseJson', () => {
  it.each([
    '{"value":1.50}',
    '[1e400,123456789012345678901234567890,-0.0,-0,1E5,0.10,1.0e-2,100.000]',
    '{"a":0,"b":-1,"c":1.25,"d":12345}',
    '{"text":"1.50, \\"2.0\\": [3.0"}',
    '{"a":{"":null},"b":[[],{}]}',
  ])('gives back every digit of %s', (text) => {
    expect(stringifyJson(parseJson(text))).toBe(text);
  });

  it('gives back any JSON value as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.boolean(), (text, pretty) => {
        fc.pre(!text.includes('__proto__'));
        const spaced = pretty ? JSON.stringify(JSON.parse(text), undefined, 2) : text;
        const value = parseJson(spaced);
        expect(JSON.parse(stringifyJson(value))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('keeps the text of any number', () => {
    const digits = fc.stringMatching(/^-?(?:0|[1-9][0-9]{0,20})(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?$/);
    fc.assert(
      fc.property(fc.array(digits, { minLength: 1 }), (numbers) => {
        const text = `{"n":[${numbers.join(',')}]}`;
        const value = parseJson(text);
        expect(stringifyJson(value)).toBe(text);
        expect(isJsonObject(value) && (value['n'] as number[]).map(decimalText)).toEqual(numbers);
      }),
    );
  });

  it('reads bytes as UTF-8 and skips a byte order mark', () => {
    expect(parseJson(Buffer.from('\uFEFF{"a":"Zoë"}'))).toEqual({ a: 'Zoë' });
  });

  it.each([
    ['a member twice', '{"id":"1",\n "id":"2"}', 'line 2, column 2'],
    ['a member twice, spelled differently', '{"a":1,"\\u0061":2}', 'line 1, column 8'],
    ['a member twice, deep inside', '[{"a":[{"b":{},"b":{}}]}]', 'line 1, column 16'],
    ['a member __proto__', '{"__proto__":{"isAdmin":true}}', 'line 1, column 2'],
    ['a text cut off', '{"name":[{"family":"Sm', 'line 1, column 20'],
    ['an empty text', '', 'line 1, column 1'],
    ['a number with a leading zero', '{"a":01}', 'line 1, column 7'],
    ['a control character in a string', '{"a":"x\u0007"}', 'line 1, column 6'],
    ['a trailing comma', '{"a":1,}', 'line 1, column 8'],
    ['two values', '{} {}', 'line 1, column 4'],
    ['nesting of 101', '['.repeat(101) + ']'.repeat(101), 'line 1, column 101'],
  ])('refuses %s and says where', (_what, text, where) => {
    const error = refusal(text);
    expect(error.code).toBe('malformed');
    expect(error.message).toContain(where);
  });

  it('never repeats content in its refusal', () => {
    const error = refusal('{"name":"Pilar Quesada", "ssn": oops}');
    expect(error.message).not.toMatch(/Pilar|ssn|oops/);
    expect(JSON.stringify(error.issues)).not.toMatch(/Pilar|ssn|oops/);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(refusal(Uint8Array.from([0x22, 0xe9, 0x22])).code).toBe('malformed');
  });

  it('accepts nesting of 100', () => {
    expect(parseJson('['.repeat(100) + ']'.repeat(100))).toBeInstanceOf(Array);
  });

  it('agrees with JSON.parse on what is JSON', () => {
    const soup = fc.array(
      fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', '"b"', '1', '-', '.5', 'true', ' ', '\\'),
    );
    fc.assert(
      fc.property(soup, (parts) => {
        const text = parts.join('');
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expect(refusal(text).code).toBe('malformed');
          return;
        }
        const twice = /"a".*"a"|"b".*"b"/.test(text);
        if (!twice) expect(parseJson(text)).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('decimalJson', () => {
  it.each(['1.50', '0', '-0.10', '12', '1e2'])('keeps the digits of %s', (text) => {
    expect(stringifyJson(decimalJson(text))).toBe(text);
  });

  it.each(['1,5', '.5', '5.', '+1', '', ' 1', '0x1F', 'NaN', '01'])('refuses %j', (text) => {
    expect(() => decimalJson(text)).toThrow(FicusError);
  });
});
