import { isAscii } from 'node:buffer';
import { FicusError } from '../../src/errors.ts';
import { charsetNames, chooseCharset, maskBy } from './charset.ts';
import type { ByteString, Charset, CharsetChoice } from './charset.ts';
import { DEFAULT_DELIMITERS, delimitersOf } from './delimiters.ts';
import type { Delimiters } from './delimiters.ts';
import { Message } from './message.ts';
import { encodeSegment } from './nested.ts';
import type { Nested, NestedSegment } from './nested.ts';

/** What may stand before a message in a file: blanks, line ends, a frame's start, a byte order mark of UTF-8. */
const LEAD: ReadonlySet<number> = new Set([0x0b, 0x0d, 0x0a, 0x20, 0xef, 0xbb, 0xbf]);

/**
 * Reads one message lazily: finds its segments, decodes nothing. The bytes must not change afterwards.
 * @param bytes the message without MLLP framing (a frame's start and end around it, as in files, are kept and ignored).
 * @throws {FicusError} `legacy-malformed` when it does not start with MSH and usable delimiters, or holds a second MSH (see `parseBatch`).
 */
export function parseMessage(bytes: Uint8Array, choice: CharsetChoice = {}): Message {
  const source = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const raw = source.toString('latin1');
  const start = raw.charCodeAt(0) === 0x4d ? 0 : skipLead(raw);
  if (!raw.startsWith('MSH', start))
    throw new FicusError('legacy-malformed', 'The HL7v2 message does not start with MSH.');
  const end = skipTail(raw);
  const delimiters = readDelimiters(raw, start);
  refuseSecondHeader(raw, start, delimiters);
  const plain = isAscii(source) && !raw.includes('\u001b');
  const scan = plain ? source : maskedBytes(source, raw, firstLine(raw, start), delimiters, choice);
  return new Message({ source, raw, scan, plain, delimiters, start, end, choice });
}

function maskedBytes(
  source: Buffer,
  raw: ByteString,
  header: ByteString,
  delimiters: Delimiters,
  choice: CharsetChoice,
): Uint8Array {
  const masked = maskBy(() => chooseCharset(choice, charsetNames(header, delimiters)), raw);
  return masked === raw ? source : Buffer.from(masked, 'latin1');
}

function refuseSecondHeader(raw: ByteString, start: number, delimiters: Delimiters): void {
  for (let at = raw.indexOf('MSH', start + 4); at !== -1; at = raw.indexOf('MSH', at + 4)) {
    const before = raw.charCodeAt(at - 1);
    const starts = before === 0x0d || before === 0x0a;
    if (starts && raw.charCodeAt(at + 3) === delimiters.codes.field)
      throw new FicusError('legacy-malformed', 'One HL7v2 message was expected and several came.');
  }
}

/** How a new message is written. */
export interface CreateOptions extends CharsetChoice {
  /** `|^~\&` unless given. */
  readonly delimiters?: Delimiters;
}

/**
 * Makes a message: `createMessage([['MSH', { 9: ['ACK'], 10: '1' }], ['MSA', { 1: 'AA', 2: '77' }]])`. Segments end with CR.
 * @throws {FicusError} `unmappable` when a value cannot be written in the character set that MSH-18, the connection or the default says.
 * @throws {TypeError} when the first segment is not MSH.
 */
export function createMessage(segments: readonly NestedSegment[], options: CreateOptions = {}): Message {
  const [header] = segments;
  if (header?.[0] !== 'MSH') throw new TypeError('a message starts with MSH');
  const delimiters = options.delimiters ?? DEFAULT_DELIMITERS;
  let known: Charset | undefined;
  const charsetInForce = (): Charset =>
    (known ??= chooseCharset(options, namesIn(header[1]?.[18], delimiters)));
  let raw: ByteString = '';
  for (const segment of segments) raw += `${encodeSegment(segment, { delimiters, charsetInForce })}\r`;
  return parseMessage(Buffer.from(raw, 'latin1'), options);
}

/** MSH-18 is written in ASCII, whatever it says. */
function namesIn(field18: Nested | undefined, delimiters: Delimiters): string[] {
  const charsetInForce = (): Charset => chooseCharset({ charset: 'ASCII' }, []);
  return charsetNames(encodeSegment(['MSH', { 18: field18 }], { delimiters, charsetInForce }), delimiters);
}

/** Offset of the first byte that can belong to a segment. */
export function skipLead(raw: ByteString): number {
  let at = 0;
  while (at < raw.length && LEAD.has(raw.charCodeAt(at))) at++;
  return at;
}

/** Offset of the frame's end that may stand behind a message in a file: FS, with or without CR and LF. */
function skipTail(raw: ByteString): number {
  let end = raw.length;
  if (raw.charCodeAt(end - 1) === 0x0a) end--;
  if (raw.charCodeAt(end - 1) === 0x0d) end--;
  return raw.charCodeAt(end - 1) === 0x1c ? end - 1 : raw.length;
}

function firstLine(raw: ByteString, start: number): ByteString {
  const line = raw.slice(start);
  const end = line.search(/[\r\n]/);
  return end === -1 ? line : line.slice(0, end);
}

/** Delimiters of the header segment (MSH, FHS or BHS) at `start`: field 1 is one character, field 2 runs to the next field separator. */
export function readDelimiters(raw: ByteString, start: number): Delimiters {
  if (raw.startsWith('|^~\\&|', start + 3)) return DEFAULT_DELIMITERS;
  const field = raw.charAt(start + 3);
  let end = start + 4;
  while (end < raw.length && end < start + 12) {
    const character = raw.charAt(end);
    if (character === field || character === '\r' || character === '\n') break;
    end++;
  }
  return delimitersOf(field, raw.slice(start + 4, end));
}
