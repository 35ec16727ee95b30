import { aessiv } from '@noble/ciphers/aes.js';
import { assert, integer, property, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSiv } from '../../../src/identity/siv.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
const bytes = (least: number, most: number) => uint8Array({ minLength: least, maxLength: most });

describe('AES-SIV', () => {
  const key = hex('fffefdfc fbfaf9f8 f7f6f5f4 f3f2f1f0 f0f1f2f3 f4f5f6f7 f8f9fafb fcfdfeff');
  const associated = hex('10111213 14151617 18191a1b 1c1d1e1f 20212223 24252627');
  const plain = hex('11223344 55667788 99aabbcc ddee');
  const sealed = hex('85632d07 c6e8f37f 950acd32 0a2ecc93 40c02b96 90c4dc04 daef7f6a fe5c');

  it('is that of RFC 5297, appendix A.1', () => {
    const siv = createSiv(key, associated);
    expect(siv.seal(plain)).toEqual(sealed);
    expect(siv.open(sealed)).toEqual(plain);
  });

  it('is what another implementation makes of any key, associated data and plain text', () => {
    assert(
      property(bytes(64, 64), bytes(1, 40), bytes(1, 70), (secret, about, text) => {
        const siv = createSiv(secret, about);
        const theirs = Buffer.from(aessiv(secret, about).encrypt(text));
        // Twice: nothing is left of one text when the next comes.
        expect(siv.seal(text)).toEqual(theirs);
        expect(siv.open(theirs)).toEqual(Buffer.from(text));
        expect(siv.seal(text)).toEqual(theirs);
      }),
    );
  });

  it('opens nothing of which a bit differs', () => {
    assert(
      property(bytes(1, 40), integer({ min: 0 }), (text, at) => {
        const siv = createSiv(key, associated);
        const forged = siv.seal(text);
        const bit = at % (forged.length * 8);
        forged[bit >> 3]! ^= 1 << (bit & 7);
        expect(siv.open(forged)).toBeUndefined();
      }),
    );
  });

  it('opens nothing under other associated data, and nothing too short', () => {
    expect(createSiv(key, hex('10')).open(sealed)).toBeUndefined();
    expect(createSiv(key, associated).open(sealed.subarray(0, 15))).toBeUndefined();
  });
});
