import { Buffer } from 'node:buffer';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const CODES = Buffer.from(ALPHABET);
const VALUES = new Map(ALPHABET.split('').map((character, value) => [character, value]));

/** RFC 4648 §6 base32, lower case, without padding: legal in a FHIR id, safe where case is lost. */
export function encodeBase32(bytes: Uint8Array): string {
  const text = Buffer.allocUnsafe(Math.ceil((bytes.length * 8) / 5));
  let length = 0;
  let buffer = 0;
  let bits = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    buffer = ((buffer << 8) | bytes[at]!) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text[length++] = CODES[(buffer >> (bits - 5)) & 31]!;
  }
  if (bits > 0) text[length] = CODES[(buffer << (5 - bits)) & 31]!;
  return text.toString('latin1');
}

/** The inverse of encodeBase32; undefined for any text that it does not produce. */
export function decodeBase32(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let length = 0;
  let buffer = 0;
  let bits = 0;
  for (const character of text) {
    const value = VALUES.get(character);
    if (value === undefined) return undefined;
    buffer = ((buffer << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[length++] = (buffer >> bits) & 0xff;
    }
  }
  // Left-over bits must be what padding an encoded byte leaves: fewer than 5, and zero. One text, one value.
  return bits >= 5 || (buffer & ((1 << bits) - 1)) !== 0 ? undefined : bytes;
}
