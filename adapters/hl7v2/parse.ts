import { Buffer } from 'node:buffer';
import { FicusError } from '../../src/errors.ts';
import { charsetNames, chooseCharset } from './charset.ts';
import type { ByteString, Charset, CharsetChoice } from './charset.ts';
import { DEFAULT_DELIMITERS, delimitersOf } from './delimiters.ts';
import type { Delimiters } from './delimiters.ts';
import { Message } from './message.ts';
import { MessageBytes } from './message-bytes.ts';
import { encodeSegment } from './nested.ts';
import type { Nested, NestedSegment } from './nested.ts';
import { equals } from './span.ts';

/** What may stand before a message in a file: blanks, line ends, a frame's start, a byte order mark of UTF-8. */
const LEAD: ReadonlySet<number> = new Set([0x0b, 0x0d, 0x0a, 0x20, 0xef, 0xbb, 0xbf]);

/** What mostly comes first: a set is not asked for it. */
const LETTER_M = 0x4d;

/** One for all: a message that nothing is said about needs none of its own. */
const NOTHING_SAID: CharsetChoice = {};

/**
 * Reads one message lazily: finds its segments, decodes nothing. The bytes must not change afterwards.
 * @param bytes the message without MLLP framing (a frame's start and end around it, as in files, are kept and ignored).
 * @throws {FicusError} `legacy-malformed` when it does not start with MSH and usable delimiters, or holds a second MSH
 *   (see `parseBatch`).
 */
export function parseMessage(bytes: Uint8Array, choice: CharsetChoice = NOTHING_SAID): Message {
  const parsed = parseBytes(bytes, choice);
  refuseSecondHeader(parsed);
  return new Message(parsed);
}

/** As `parseMessage`, of bytes that are known to hold no second MSH: what a message reads from. */
export function parseBytes(bytes: Uint8Array, choice: CharsetChoice): MessageBytes {
  const source = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = skipLead(source);
  if (!startsWith(source, start, 'MSH'))
    throw new FicusError('legacy-malformed', 'The HL7v2 message does not start with MSH.');
  const end = skipTail(source);
  const delimiters = readDelimiters(source, start);
  return new MessageBytes(source, start, end, delimiters, choice);
}

function startsWith(source: Buffer, start: number, text: string): boolean {
  return source.length >= start + text.length && equals(source, start, start + text.length, text);
}

const MSH = Buffer.from('MSH');

function refuseSecondHeader({ source, first, delimiters }: MessageBytes): void {
  for (let at = source.indexOf(MSH, first.start + 4); at !== -1; at = source.indexOf(MSH, at + 4)) {
    const before = source[at - 1];
    const starts = before === 0x0d || before === 0x0a;
    if (starts && source[at + 3] === delimiters.codes.field)
      throw new FicusError('legacy-malformed', 'One HL7v2 message was expected and several came.');
  }
}

/** How a new message is written. */
export interface CreateOptions extends CharsetChoice {
  /** `|^~\&` unless given. */
  readonly delimiters?: Delimiters;
}

/**
 * Makes a message: `createMessage([['MSH', { 9: ['ACK'], 10: '1' }], ['MSA', { 1: 'AA', 2: '77' }]])`. Segments end
 * with CR.
 * @throws {FicusError} `unmappable` when a value cannot be written in the character set that MSH-18, the connection or
 *   the default says.
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
export function skipLead(source: Buffer): number {
  let at = 0;
  while (at < source.length && source[at] !== LETTER_M && LEAD.has(source[at]!)) at++;
  return at;
}

/** Offset of the frame's end that may stand behind a message in a file: FS, with or without CR and LF. */
function skipTail(source: Buffer): number {
  let end = source.length;
  if (source[end - 1] === 0x0a) end--;
  if (source[end - 1] === 0x0d) end--;
  return source[end - 1] === 0x1c ? end - 1 : source.length;
}

/**
 * Delimiters of the header segment (MSH, FHS or BHS) at `start`: field 1 is one character, field 2 runs to the next
 * field separator.
 */
export function readDelimiters(source: Buffer, start: number): Delimiters {
  if (startsWith(source, start + 3, '|^~\\&|')) return DEFAULT_DELIMITERS;
  const field = source[start + 3];
  let end = start + 4;
  while (end < source.length && end < start + 12) {
    const code = source[end];
    if (code === field || code === 0x0d || code === 0x0a) break;
    end++;
  }
  const characters = source.toString('latin1', start + 3, end);
  return delimitersOf(characters.charAt(0), characters.slice(1));
}
