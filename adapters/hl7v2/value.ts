import { isAsciiText, isPlain, maskBy } from './charset.ts';
import type { ByteString } from './charset.ts';
import { unescapeBytes } from './escape.ts';
import type { EncodingTarget } from './escape.ts';

/** A text, `null` for `""` (delete: HL7 v2.5.1 §2.5.3), '' for present but empty. */
export type Value = string | null;

/** A range of bytes, with what is needed to look for delimiters in it. */
export interface Cell {
  readonly raw: ByteString;
  /** As long as `raw`, masked (`Charset.mask`); usually the same string. */
  readonly scan: ByteString;
  readonly from: number;
  readonly to: number;
  /** ASCII without ISO 2022 escapes: bytes are characters. */
  readonly plain: boolean;
}

/** A field that is there and holds nothing. */
export const EMPTY_CELL: Cell = { raw: '', scan: '', from: 0, to: 0, plain: true };

/** Bytes as a range of themselves. */
export function cellOf(raw: ByteString, target: EncodingTarget): Cell {
  const plain = isPlain(raw);
  const scan = plain ? raw : maskBy(() => target.charsetInForce(), raw);
  return { raw, scan, from: 0, to: raw.length, plain };
}

/**
 * The value that a range of bytes holds, decoded and unescaped.
 * @throws {FicusError} `legacy-malformed` when it does not decode.
 */
export function decodeValue(
  raw: ByteString,
  scan: ByteString,
  from: number,
  to: number,
  plain: boolean,
  target: EncodingTarget,
): Value {
  if (from === to) return '';
  if (to - from === 2 && raw.charCodeAt(from) === 0x22 && raw.charCodeAt(from + 1) === 0x22) return null;
  const bytes = raw.slice(from, to);
  const { delimiters } = target;
  if (delimiters.escape === '' || !bytes.includes(delimiters.escape))
    return plain ? bytes : decodeText(bytes, target);
  return decodeText(unescapeBytes(bytes, raw === scan ? bytes : scan.slice(from, to), delimiters), target);
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
