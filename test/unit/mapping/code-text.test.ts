import { expect, it } from 'vitest';
import { isCodeText } from '../../../src/mapping/code-text.ts';

it.each([
  ['F', true],
  ['10*3/uL', true],
  ['two words', true],
  ['é', true],
  ['a-code-that-is-longer-than-most-of-them', true],
  ['', false],
  [' ', false],
  [' F', false],
  ['F ', false],
  ['two  blanks', false],
  ['a\tb', false],
  ['F\n', false],
  ['a\u00a0b', false],
])('%j is a code: %s', (text, is) => expect(isCodeText(text)).toBe(is));
