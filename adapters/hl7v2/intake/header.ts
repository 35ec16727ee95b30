import { charsetNames, chooseCharset, isPlain, maskIn } from '../charset.ts';
import type { ByteString, Charset, CharsetChoice } from '../charset.ts';
import type { Delimiters } from '../delimiters.ts';
import type { Message } from '../message.ts';
import type { MessageBytes } from '../message-bytes.ts';

/** What MSH says, as far as taking a message needs it. Texts as they are written: decoded, not unescaped. */
export interface Header {
  /** The bytes of field n at n - 1; the segment's name in place of MSH-1. */
  readonly fields: readonly ByteString[];
  readonly delimiters: Delimiters;
  /** MSH-3. */
  readonly application: string;
  /** MSH-4. */
  readonly facility: string;
  /** MSH-9.1; empty where there is none. */
  readonly code: string;
  /** MSH-9.2. */
  readonly event: string;
  /** MSH-9.3. */
  readonly structure: string;
  readonly controlId: string;
  /** MSH-11.1. */
  readonly processing: string;
  /** MSH-12.1. */
  readonly version: string;
  /** MSH-13. */
  readonly sequence: string;
  /** MSH-15. */
  readonly accept: string;
  /** MSH-16. */
  readonly applicationAck: string;
}

/** The fields of a header segment that is plain, in which all separators are where they seem. */
function plainFields({ raw, first: { fieldStarts } }: MessageBytes): readonly ByteString[] {
  const fields = [raw.slice(fieldStarts[0], fieldStarts[1]! - 1)];
  for (let at = 1; at + 1 < fieldStarts.length; at++)
    fields[at] = raw.slice(fieldStarts[at], fieldStarts[at + 1]! - 1);
  return fields;
}

/** The first three components of MSH-9; empty where there are none. */
function splitType(said: string, component: string): [code: string, event: string, structure: string] {
  const first = component === '' ? -1 : said.indexOf(component);
  if (first === -1) return [said, '', ''];
  const second = said.indexOf(component, first + 1);
  if (second === -1) return [said.slice(0, first), said.slice(first + 1), ''];
  const third = said.indexOf(component, second + 1);
  const end = third === -1 ? said.length : third;
  return [said.slice(0, first), said.slice(first + 1, second), said.slice(second + 1, end)];
}

/** The fields of a header segment as bytes, field n at n - 1, where the character set may hide delimiters. */
function splitHeader(
  line: ByteString,
  delimiters: Delimiters,
  charset: () => Charset,
): readonly ByteString[] {
  const mask = maskIn(charset);
  if (!mask) return line.split(delimiters.field);
  let at = 0;
  return mask(line)
    .split(delimiters.field)
    .map((part) => {
      const from = at;
      at += part.length + delimiters.field.length;
      return line.slice(from, from + part.length);
    });
}

/**
 * Reads MSH of a message whose delimiters are usable. Never throws: bytes that do not decode are taken as they are, and
 * told elsewhere.
 */
export function readHeader(message: Message, choice: CharsetChoice): Header {
  return headerOf(message.segment('MSH')!.bytes(), message.delimiters, choice);
}

/** As `readHeader`, before a message is made of its bytes. */
export function headerIn(message: MessageBytes): Header {
  const { first, raw, delimiters, choice } = message;
  if (first.plain) return headerWith(plainFields(message), delimiters);
  return headerOf(raw.slice(first.start, first.end), delimiters, choice);
}

/** As `readHeader`, of the bytes of the segment. */
export function headerOf(line: ByteString, delimiters: Delimiters, choice: CharsetChoice): Header {
  if (isPlain(line)) return headerWith(line.split(delimiters.field), delimiters);
  const charset = (): Charset => chooseCharset(choice, charsetNames(line, delimiters));
  return headerWith(splitHeader(line, delimiters, charset), delimiters, charset);
}

/** @param charset absent: the fields are plain */
function headerWith(fields: readonly ByteString[], delimiters: Delimiters, charset?: () => Charset): Header {
  const text = (field: number): string => {
    const bytes = fields[field - 1] ?? '';
    return charset ? decoded(bytes, charset) : bytes;
  };
  const { component } = delimiters;
  const first = (field: number): string => {
    const whole = text(field);
    const end = component === '' ? -1 : whole.indexOf(component);
    return (end === -1 ? whole : whole.slice(0, end)).trim();
  };
  const [code, event, structure] = splitType(text(9), component);
  return {
    fields,
    delimiters,
    application: text(3),
    facility: text(4),
    code: code.trim(),
    event: event.trim(),
    structure: structure.trim(),
    controlId: text(10).trim(),
    processing: first(11),
    version: first(12),
    sequence: text(13).trim(),
    accept: text(15).trim(),
    applicationAck: text(16).trim(),
  };
}

function decoded(bytes: ByteString, charset: () => Charset): string {
  if (isPlain(bytes)) return bytes;
  try {
    return charset().decode(bytes);
  } catch {
    return bytes;
  }
}

/** MSH-9.1 and 9.2 as the inbox names them: `ADT^A01`, `ORU`; `?` where there is nothing. */
export function typeOf({ code, event }: Header): string {
  if (code === '') return '?';
  return event === '' ? code : `${code}^${event}`;
}

/** MSH-3 and MSH-4 joined by `|`; empty where both are. */
export function senderOf({ application, facility }: Header): string {
  return application === '' && facility === '' ? '' : `${application}|${facility}`;
}
