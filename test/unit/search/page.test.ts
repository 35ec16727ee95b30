import { describe, expect, test } from 'vitest';
import { createPageSealer, pageBinding, type PageKey } from '../../../src/search/page.ts';
import { query, testClock } from './support.ts';

const key = (id: string, fill: number): PageKey => ({ id, secret: new Uint8Array(32).fill(fill) });
const MINUTE = 60_000;

function make(keys: readonly PageKey[] = [key('a', 1)], clock = testClock()) {
  return createPageSealer({ keys, clock, lifetimeMs: MINUTE });
}

describe('page tokens', () => {
  test('open on every replica with the same key', () => {
    const state = { at: { branch: 1, cursor: 'HOSP|é' } };
    expect(make().open(make().seal(state, 'b'), 'b')).toEqual(state);
  });

  test('say nothing and never twice the same', () => {
    const sealer = make();
    const token = sealer.seal({ cursor: 'secret' }, 'b');
    expect(token).toMatch(/^a[\w-]+$/);
    expect(Buffer.from(token.slice(1), 'base64url').toString('latin1')).not.toContain('secret');
    expect(sealer.seal({ cursor: 'secret' }, 'b')).not.toBe(token);
  });

  test('expire', () => {
    const clock = testClock();
    const sealer = make([key('a', 1)], clock);
    const token = sealer.seal(1, 'b');
    clock.advance(MINUTE - 1);
    expect(sealer.open(token, 'b')).toBe(1);
    clock.advance(1);
    expect(() => sealer.open(token, 'b')).toThrow(
      expect.objectContaining({ code: 'page-expired', status: 410 }),
    );
  });

  test('open with an older key until it is taken away', () => {
    const token = make([key('a', 1)]).seal(1, 'b');
    const rotated = make([key('b', 2), key('a', 1)]);
    expect(rotated.open(token, 'b')).toBe(1);
    expect(rotated.seal(1, 'b')).toMatch(/^b/);
    expect(() => make([key('b', 2)]).open(token, 'b')).toThrow(
      expect.objectContaining({ code: 'page-expired' }),
    );
  });

  test('that are not ours, are changed, or belong to another search are refused', () => {
    const sealer = make();
    const token = sealer.seal(1, 'b');
    const changed = token.slice(0, -2) + (token.endsWith('AA') ? 'BB' : 'AA');
    for (const wrong of [
      '',
      'a',
      'x',
      'a!',
      '../..',
      `${token}=`,
      `${token} `,
      changed,
      token.slice(0, -1),
      `a${'A'.repeat(60)}`,
    ]) {
      expect(() => sealer.open(wrong, 'b'), wrong).toThrow(
        expect.objectContaining({ code: 'parameter-invalid', status: 400 }),
      );
    }
    expect(() => sealer.open(token, 'c')).toThrow(expect.objectContaining({ code: 'parameter-invalid' }));
  });

  test('are bound to the search and the caller, not to the size of a page', () => {
    const binding = pageBinding(query('Patient', 'family=a&_sort=family'), 'me');
    expect(pageBinding(query('Patient', 'family=a&_sort=family&_count=3'), 'me')).toBe(binding);
    expect(pageBinding(query('Patient', 'family=b&_sort=family'), 'me')).not.toBe(binding);
    expect(pageBinding(query('Patient', 'family=a&_sort=-family'), 'me')).not.toBe(binding);
    expect(pageBinding(query('Patient', 'family=a&_sort=family'), 'you')).not.toBe(binding);
  });

  test('keys are checked at the start', () => {
    expect(() => make([])).toThrow(RangeError);
    expect(() => make([{ id: 'a', secret: new Uint8Array(16) }])).toThrow(RangeError);
    expect(() => make([{ id: 'ab', secret: new Uint8Array(32) }])).toThrow(RangeError);
  });
});
