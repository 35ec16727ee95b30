import { aessiv } from '@noble/ciphers/aes.js';
import { assert, property, string, stringMatching, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAuthorities } from '../../../src/identity/authorities.ts';
import { decodeBase32, encodeBase32 } from '../../../src/identity/base32.ts';
import { createSealer } from '../../../src/identity/seal.ts';
import { heldMiB } from '../heap.ts';

const authorities = createAuthorities([
  { name: 'HOSP', namespaces: ['HOSPITAL'], oid: '2.999.1.1', system: 'https://hospital.example/mrn' },
  { name: 'CLINIC', namespaces: [], oid: '2.999.1.2', system: 'urn:oid:2.999.1.2' },
]);
/** Bytes 0, 1, 2 … from `first` on: keys for tests only. */
const secret = (first: number) => Uint8Array.from({ length: 64 }, (_, index) => (first + index) & 0xff);
const keyA = { id: 'a', secret: secret(0) };
const keyB = { id: 'b', secret: secret(100) };
const sealer = createSealer({ keys: [keyA], authorities });
const FHIR_ID = /^[A-Za-z0-9.-]{1,64}$/;

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));

const VECTORS: readonly (readonly [type: string, key: string, id: string])[] = [
  ['Patient', 'HOSP|100234', 'aywd32vxgkieivq4mpsnkghioyl3ze5mfv2bupwe5xs3q'],
  ['Patient', 'CLINIC|100234', 'apqsubln52rfgxau3mrq6cgncpcwheoukdpbgnebicpaqrya'],
  ['Observation', 'HOSP|100234', 'abwdpluyvpzr7n6vvmyh2yz37c4vk4rgi4nhnwhepp4mq'],
  ['Encounter', 'HOSP|V-2026/0042^é', 'ayj7vsj5wx7ocxqm2yi5fpkqocuqfus5ua7d6h6drt4qgljdpjiadyvrs'],
];

describe('the cipher', () => {
  it('is that of RFC 5297, appendix A.1', () => {
    const key = hex('fffefdfc fbfaf9f8 f7f6f5f4 f3f2f1f0 f0f1f2f3 f4f5f6f7 f8f9fafb fcfdfeff');
    const data = hex('10111213 14151617 18191a1b 1c1d1e1f 20212223 24252627');
    const sealed = aessiv(key, data).encrypt(hex('11223344 55667788 99aabbcc ddee'));
    expect(Buffer.from(sealed).toString('hex')).toBe(
      '85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c',
    );
  });
});

describe('base32', () => {
  it.each([
    ['', ''],
    ['f', 'my'],
    ['fo', 'mzxq'],
    ['foo', 'mzxw6'],
    ['foob', 'mzxw6yq'],
    ['fooba', 'mzxw6ytb'],
    ['foobar', 'mzxw6ytboi'],
  ])('writes "%s" as RFC 4648 §10 does, in lower case', (text, encoded) => {
    expect(encodeBase32(Buffer.from(text))).toBe(encoded);
    expect(Buffer.from(decodeBase32(encoded) ?? [0]).toString()).toBe(text);
  });

  it('gives every byte back, and reads one text only for a value', () => {
    assert(
      property(uint8Array({ maxLength: 40 }), (bytes) => {
        expect(decodeBase32(encodeBase32(bytes))).toEqual(bytes);
      }),
    );
    assert(
      property(stringMatching(/^[a-z2-7]{0,30}$/), (text) => {
        const bytes = decodeBase32(text);
        if (bytes) expect(encodeBase32(bytes)).toBe(text);
      }),
    );
    for (const bad of ['MY', 'm1', 'm=', 'mz', 'a', 'é2']) expect(decodeBase32(bad)).toBeUndefined();
  });
});

describe('a sealed id', () => {
  /** Made by another implementation (OpenSSL's AES-SIV) and kept for ever: an id that clients hold opens in every later release. */
  it.each(VECTORS)('of %s/%s is %s', (type, key, id) => {
    expect(sealer.seal(type, key)).toEqual({ id, hashed: false });
    expect(createSealer({ keys: [keyA], authorities }).open(type, id)).toBe(key);
  });

  it('is a legal FHIR id that opens to its key, whatever the key', () => {
    const value = string({ minLength: 1, maxLength: 12, unit: 'grapheme' });
    assert(
      property(value, (value) => {
        const key = `HOSP|${value}`;
        const { id, hashed } = sealer.seal('Patient', key);
        expect(id).toMatch(FHIR_ID);
        expect(id).not.toContain(value.length > 3 ? value : '|');
        if (!hashed) expect(createSealer({ keys: [keyA], authorities }).open('Patient', id)).toBe(key);
      }),
    );
  });

  it('fits 64 characters up to 23 bytes of authority and number, and becomes a hash beyond', () => {
    const fits = sealer.seal('Patient', `HOSP|${'9'.repeat(18)}`);
    expect(fits).toMatchObject({ hashed: false, id: expect.stringMatching(/^a[a-z2-7]{63}$/) });
    const long = sealer.seal('Patient', `HOSP|${'9'.repeat(19)}`);
    expect(long).toMatchObject({ hashed: true, id: expect.stringMatching(/^a-[a-z2-7]{52}$/) });
    expect(sealer.isHashed(long.id)).toBe(true);
    expect(sealer.isHashed(fits.id)).toBe(false);
    expect(sealer.open('Patient', long.id)).toBeUndefined();
    expect(sealer.seal('Encounter', `HOSP|${'9'.repeat(19)}`).id).not.toBe(long.id);
  });

  it('opens as its own type only', () => {
    const { id } = sealer.seal('Patient', 'HOSP|100234');
    expect(sealer.open('Patient', id)).toBe('HOSP|100234');
    expect(sealer.open('Observation', id)).toBeUndefined();
  });

  it('does not open when any character of it was changed', () => {
    const { id } = sealer.seal('Patient', 'HOSP|100234');
    for (let index = 0; index < id.length; index++) {
      const other = id[index] === 'b' ? 'c' : 'b';
      expect(sealer.open('Patient', id.slice(0, index) + other + id.slice(index + 1))).toBeUndefined();
    }
    expect(sealer.open('Patient', `${id}a`)).toBeUndefined();
    expect(sealer.open('Patient', id.toUpperCase())).toBeUndefined();
  });

  it.each([
    '',
    'a',
    'z',
    '100234',
    'HOSP|100234',
    'a-',
    'Patient/1',
    'a'.repeat(64),
    'a'.repeat(10_000),
    '__proto__',
  ])('is not %j', (text) => expect(sealer.open('Patient', text)).toBeUndefined());

  it('stays open after the key was rotated, while new ids carry the new letter', () => {
    const old = sealer.seal('Patient', 'HOSP|100234').id;
    const rotated = createSealer({ keys: [keyB, keyA], authorities });
    const fresh = rotated.seal('Patient', 'HOSP|100234').id;
    expect([old[0], fresh[0]]).toEqual(['a', 'b']);
    expect([rotated.open('Patient', old), rotated.open('Patient', fresh)]).toEqual([
      'HOSP|100234',
      'HOSP|100234',
    ]);
    expect(sealer.open('Patient', fresh)).toBeUndefined();
  });

  it('is never made of a plain number or of an authority nobody registered', () => {
    for (const key of ['100234', '|100234', 'HOSP|', '']) {
      expect(() => sealer.seal('Patient', key)).toThrow(expect.objectContaining({ code: 'internal' }));
    }
    expect(() => sealer.seal('Patient', 'OTHER|100234')).toThrow(
      expect.objectContaining({ code: 'legacy-malformed' }),
    );
  });
});

describe('a sealer', () => {
  it('names everything that is wrong with its keys at once', () => {
    const keys = [{ id: 'A', secret: secret(0) }, { id: 'b', secret: new Uint8Array(32) }, keyB];
    expect(() => createSealer({ keys, authorities })).toThrow(
      expect.objectContaining({
        issues: [/one lower-case letter/, /32 bytes, not 64/, /twice/].map((text) =>
          expect.objectContaining({ diagnostics: expect.stringMatching(text) }),
        ),
      }),
    );
    expect(() => createSealer({ keys: [], authorities })).toThrow(/no key/);
  });
});

describe('what was opened', () => {
  it('is known again under its own type alone, whichever type is asked for between', () => {
    const { id } = sealer.seal('Patient', 'HOSP|7');
    const fresh = createSealer({ keys: [keyA], authorities, remembered: 1 });
    for (let round = 0; round < 3; round += 1) {
      expect(fresh.open('Observation', id)).toBeUndefined();
      expect(fresh.open('Patient', id)).toBe('HOSP|7');
    }
  });

  it('does not keep the addresses that the ids were cut out of', () => {
    const fresh = createSealer({ keys: [keyA], authorities });
    const before = heldMiB();
    for (let nth = 0; nth < 2_000; nth += 1) {
      const { id } = sealer.seal('Patient', `HOSP|${nth}`);
      const address = Buffer.from(`${id}?_format=${'x'.repeat(15_000)}`).toString('latin1');
      expect(fresh.open('Patient', address.slice(0, id.length))).toBe(`HOSP|${nth}`);
    }
    expect(heldMiB() - before).toBeLessThan(8);
    expect(fresh.open('Patient', 'a')).toBeUndefined();
  });
});
