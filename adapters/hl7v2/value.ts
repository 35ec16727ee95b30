import { isAsciiText, isPlain, maskBy } from './charset.ts';
import type { ByteString } from './charset.ts';
import { unescapeBytes } from './escape.ts';
import type { EncodingTarget } from './escape.ts';
import { holds } from './span.ts';

/** Up to this many bytes a loop here is faster than a search by the runtime. */
const SHORT = 32;

/** A text, `null` for `""` (delete: HL7 v2.5.1 §2.5.3), '' for present but empty. */
export type Value = string | null;

/** A range of bytes, with what is needed to look for delimiters in it. */
export interface Cell {
  readonly raw: ByteString;
  /** The same bytes to look for delimiters in: masked (`Charset.mask`) where the character set asks for it. */
  readonly scan: Uint8Array;
  readonly from: number;
  readonly to: number;
  /** ASCII without ISO 2022 escapes: bytes are characters. */
  readonly plain: boolean;
}

/** A field that is there and holds nothing. */
export const EMPTY_CELL: Cell = { raw: '', scan: Buffer.alloc(0), from: 0, to: 0, plain: true };

/** Bytes as a range of themselves. */
export function cellOf(raw: ByteString, target: EncodingTarget): Cell {
  const plain = isPlain(raw);
  const masked = plain ? raw : maskBy(() => target.charsetInForce(), raw);
  return { raw, scan: Buffer.from(masked, 'latin1'), from: 0, to: raw.length, plain };
}

/**
 * The value that a range of bytes holds, decoded and unescaped.
 * @throws {FicusError} `legacy-malformed` when it does not decode.
 */
export function decodeValue(
  raw: ByteString,
  scan: Uint8Array,
  from: number,
  to: number,
  plain: boolean,
  target: EncodingTarget,
): Value {
  if (from === to) return '';
  if (to - from === 2 && raw.charCodeAt(from) === 0x22 && raw.charCodeAt(from + 1) === 0x22) return null;
  const bytes = raw.slice(from, to);
  const { delimiters } = target;
  const { escape } = delimiters.codes;
  if (plain) {
    const escaped =
      escape !== -1 &&
      (to - from > SHORT ? bytes.includes(delimiters.escape) : holds(scan, from, to, escape));
    return escaped ? decodeText(unescapeBytes(bytes, bytes, delimiters), target) : bytes;
  }
  if (!holds(scan, from, to, escape)) return decodeText(bytes, target);
  const masked = Buffer.from(scan.buffer, scan.byteOffset + from, to - from).toString('latin1');
  return decodeText(unescapeBytes(bytes, masked, delimiters), target);
}

/** Bytes as text, escape sequences left as they are. Throws as `decodeValue`. */
export function decodeText(bytes: ByteString, target: EncodingTarget): string {
  if (isPlain(bytes)) return bytes;
  const charset = target.charsetInForce();
  return charset.sevenBit === true || !isAsciiText(bytes) ? charset.decode(bytes) : bytes;
}

/** Whether a range decodes at all. */
export function decodes(cell: Cell, target: EncodingTarget): boolean {
  try {
    decodeValue(cell.raw, cell.scan, cell.from, cell.to, cell.plain, target);
    return true;
  } catch {
    return false;
  }
}

/** Whether a range decodes to this very value. */
export function decodesTo(
  value: Value,
  cell: Cell,
  from: number,
  to: number,
  target: EncodingTarget,
): boolean {
  try {
    return decodeValue(cell.raw, cell.scan, from, to, cell.plain, target) === value;
  } catch {
    return false;
  }
}
