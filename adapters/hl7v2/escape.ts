import { Buffer } from 'node:buffer';
import { FicusError } from '../../src/errors.ts';
import type { ByteString, Charset } from './charset.ts';
import type { Delimiters } from './delimiters.ts';

const HEX = /^X((?:[0-9A-Fa-f]{2})+)$/;

/**
 * What an escape sequence stands for, in bytes: HL7 v2.5.1 §2.7. Undefined for those that are kept as they are written:
 * formatting other than `.br`, highlighting, local (`\Z..\`) and character set switches, and whatever is no sequence at
 * all.
 */
function meaning(body: string, delimiters: Delimiters): ByteString | undefined {
  switch (body) {
    case 'F':
      return delimiters.field;
    case 'S':
      return delimiters.component || undefined;
    case 'T':
      return delimiters.subcomponent || undefined;
    case 'R':
      return delimiters.repetition || undefined;
    case 'E':
      return delimiters.escape;
    case 'P':
      return delimiters.truncation || undefined;
    case '.br':
      return '\n';
    default: {
      const hex = HEX.exec(body)?.[1];
      return hex === undefined ? undefined : Buffer.from(hex, 'hex').toString('latin1');
    }
  }
}

/**
 * Replaces the escape sequences of a value by what they stand for. A lone escape character, and a sequence without a
 * meaning here, stay.
 * @param raw the value's bytes.
 * @param scan the same length, with bytes hidden that only look like delimiters (`Charset.mask`).
 */
export function unescapeBytes(raw: ByteString, scan: ByteString, delimiters: Delimiters): ByteString {
  const escape = delimiters.escape;
  let out = '';
  let copied = 0;
  let at = scan.indexOf(escape);
  while (at !== -1) {
    const close = scan.indexOf(escape, at + 1);
    if (close === -1) break;
    const stands = meaning(scan.slice(at + 1, close), delimiters);
    if (stands === undefined) {
      // Not a sequence: the second escape character may open the next one.
      at = close;
      continue;
    }
    out += raw.slice(copied, at) + stands;
    copied = close + 1;
    at = scan.indexOf(escape, copied);
  }
  return copied === 0 ? raw : out + raw.slice(copied);
}

function hex(code: number): string {
  return `X${code.toString(16).toUpperCase().padStart(2, '0')}`;
}

/**
 * Letters of §2.7 for the delimiters; `.br` for a line feed; hex for every other control character (MLLP R1 allows none
 * but CR).
 */
function sequenceFor(code: number, codes: Delimiters['codes']): string | undefined {
  if (code === codes.field) return 'F';
  if (code === codes.component) return 'S';
  if (code === codes.subcomponent) return 'T';
  if (code === codes.repetition) return 'R';
  if (code === codes.escape) return 'E';
  if (code === codes.truncation) return 'P';
  if (code === 0x0a) return '.br';
  return code < 0x20 ? hex(code) : undefined;
}

/** What a value is written for. */
export interface EncodingTarget {
  readonly delimiters: Delimiters;
  /** Asked for only when a value is not ASCII. */
  charsetInForce(): Charset;
}

/**
 * Encodes a value so that it can never make a segment, field, repetition, component or subcomponent, nor be taken for
 * the `""` that means delete.
 * @throws {FicusError} `unmappable` when a character has no place in the character set, or needs an escape character
 *   that MSH-2 does not name.
 */
export function encodeValue(value: string, target: EncodingTarget): ByteString {
  const { codes, escape } = target.delimiters;
  let out = '';
  let copied = 0;
  // All codes in one: above 0x7F when any is.
  let union = 0;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    union |= code;
    // Letters, digits and everything beyond ASCII are never delimiters.
    if (code > 0x7e || isAlphanumeric(code)) continue;
    const sequence = sequenceFor(code, codes);
    if (sequence === undefined) continue;
    out += value.slice(copied, at) + wrap(sequence, escape);
    copied = at + 1;
  }
  let text = copied === 0 ? value : out + value.slice(copied);
  if (text === '""') text = `${wrap(hex(0x22), escape)}"`;
  return union <= 0x7f ? text : target.charsetInForce().encode(text);
}

function isAlphanumeric(code: number): boolean {
  return code >= 0x30 && (code <= 0x39 || (code >= 0x41 && (code <= 0x5a || (code >= 0x61 && code <= 0x7a))));
}

function wrap(sequence: string, escape: string): string {
  if (escape !== '') return escape + sequence + escape;
  throw new FicusError(
    'unmappable',
    'A value needs escaping, but MSH-2 of this interface names no escape character.',
  );
}
