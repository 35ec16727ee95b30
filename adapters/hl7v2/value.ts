import { Buffer } from 'node:buffer';
import { isAsciiText, isPlain } from './charset.ts';
import type { ByteString } from './charset.ts';
import { unescapeBytes } from './escape.ts';
import type { EncodingTarget } from './escape.ts';
import { holds } from './span.ts';
import { Text, textOf } from './text.ts';

/** Up to this many bytes a loop here is faster than a search by the runtime. */
const SHORT = 32;

/** A text, `null` for `""` (delete: HL7 v2.5.1 §2.5.3), '' for present but empty. */
export type Value = string | null;

/** A range of bytes. */
export interface Cell {
  readonly text: Text;
  readonly from: number;
  readonly to: number;
}

const NOTHING = Buffer.alloc(0);

/** A field that is there and holds nothing. */
export const EMPTY_CELL: Cell = { text: new Text(NOTHING, NOTHING, true), from: 0, to: 0 };

/** Bytes as a range of themselves. */
export function cellOf(bytes: ByteString, target: EncodingTarget): Cell {
  const text = textOf(Buffer.from(bytes, 'latin1'), () => target.charsetInForce());
  return { text, from: 0, to: bytes.length };
}

/**
 * The value that a range of bytes holds, decoded and unescaped.
 * @throws {FicusError} `legacy-malformed` when it does not decode.
 */
export function decodeValue(text: Text, from: number, to: number, target: EncodingTarget): Value {
  if (from === to) return '';
  const { raw, scan } = text;
  if (to - from === 2 && raw.charCodeAt(from) === 0x22 && raw.charCodeAt(from + 1) === 0x22) return null;
  const bytes = raw.slice(from, to);
  const { delimiters } = target;
  const { escape } = delimiters.codes;
  if (text.plain) {
    const escaped =
      escape !== -1 &&
      (to - from > SHORT ? bytes.includes(delimiters.escape) : holds(scan, from, to, escape));
    return escaped ? decodeText(unescapeBytes(bytes, bytes, delimiters), target) : bytes;
  }
  if (!holds(scan, from, to, escape)) return decodeText(bytes, target);
  return decodeText(unescapeBytes(bytes, scan.toString('latin1', from, to), delimiters), target);
}

/** A range of bytes as text, escape sequences and separators left as they are. Throws as `decodeValue`. */
export function decodeWritten(text: Text, from: number, to: number, target: EncodingTarget): string {
  const bytes = text.raw.slice(from, to);
  return text.plain ? bytes : decodeText(bytes, target);
}

function decodeText(bytes: ByteString, target: EncodingTarget): string {
  if (isPlain(bytes)) return bytes;
  const charset = target.charsetInForce();
  return charset.sevenBit === true || !isAsciiText(bytes) ? charset.decode(bytes) : bytes;
}

/** Whether a range decodes at all. */
export function decodes(cell: Cell, target: EncodingTarget): boolean {
  try {
    decodeValue(cell.text, cell.from, cell.to, target);
    return true;
  } catch {
    return false;
  }
}

/** Whether a range decodes to this very value. */
export function decodesTo(
  value: Value,
  text: Text,
  from: number,
  to: number,
  target: EncodingTarget,
): boolean {
  try {
    return decodeValue(text, from, to, target) === value;
  } catch {
    return false;
  }
}
