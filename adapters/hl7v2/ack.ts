import { Buffer } from 'node:buffer';
import { encodeValue } from './escape.ts';
import type { ByteString } from './charset.ts';
import { charsetNamed } from './charset.ts';
import type { Delimiters } from './delimiters.ts';
import type { Message } from './message.ts';
import { parseMessage } from './parse.ts';

/** HL7 table 0008. */
export type AckCode = 'AA' | 'AE' | 'AR' | 'CA' | 'CE' | 'CR';

/** What an acknowledgement says of its own. */
export interface AckOptions {
  /** MSH-10 of the acknowledgement. */
  readonly controlId: string;
  /** MSH-7: epoch milliseconds by the injected Clock. */
  readonly now: number;
  /** MSH-15: the accept acknowledgement that this one asks for itself. */
  readonly accept?: 'AL' | 'NE';
  /** MSH-16. */
  readonly application?: 'NE';
  /** MSA-3, withdrawn in v2.7: words, in ASCII. */
  readonly text?: string;
  /** MSA-4 (HL7 v2.5.1 §2.10.1). */
  readonly expectedSequence?: number;
  /** ERR segments as they are written, without their ends. */
  readonly errors?: readonly ByteString[];
}

let lastSecond = -1;
let lastText = '';

/**
 * An instant as HL7 v2.5.1 §2.A.77 TS writes it, in UTC, to the second: `20240131235959+0000`. Many messages share a
 * second: it is written once.
 */
export function formatInstant(epochMs: number): string {
  const second = Math.floor(epochMs / 1000);
  if (second !== lastSecond) {
    lastText = `${new Date(second * 1000).toISOString().replace(/[-:T]/g, '').slice(0, 14)}+0000`;
    lastSecond = second;
  }
  return lastText;
}

/** Everything that we say of our own is ASCII. */
const ASCII = charsetNamed('ASCII')!;

/** A text of ours in the delimiters of a message. */
export function encodeWords(text: string, delimiters: Delimiters): ByteString {
  return encodeValue(text, { delimiters, charsetInForce: () => ASCII });
}

/**
 * The bytes of a general acknowledgement (HL7 v2.5.1 §2.9.2, §2.13.1): sender and receiver change places, MSA-2 is the
 * message's MSH-10, processing id, version and character set are the message's. Its fields go over as the bytes they
 * are.
 *
 * @param header the message's MSH, field n at n - 1, its name in place of field 1.
 */
export function writeAck(
  header: readonly ByteString[],
  delimiters: Delimiters,
  code: AckCode,
  options: AckOptions,
): Buffer {
  const { field: separator, component } = delimiters;
  const of = (field: number): string => header[field - 1] ?? '';
  const trigger = component === '' ? '' : secondOf(of(9), component);
  const type = trigger === '' ? 'ACK' : `ACK${component}${trigger}${component}ACK`;
  const controlId = encodeWords(options.controlId, delimiters);
  const { accept = '', application = '' } = options;
  const fields = [
    'MSH',
    of(2),
    of(5),
    of(6),
    of(3),
    of(4),
    formatInstant(options.now),
    '',
    type,
    controlId,
    of(11),
    of(12),
    '',
    '',
    accept,
    application,
    '',
    of(18),
  ];
  while (fields.length > 2 && fields[fields.length - 1] === '') fields.pop();
  const { text: words, expectedSequence: expected } = options;
  fields[fields.length - 1] += '\rMSA';
  fields.push(code, of(10));
  if (words !== undefined || expected !== undefined)
    fields.push(words === undefined ? '' : encodeWords(words, delimiters));
  if (expected !== undefined) fields.push(String(expected));
  fields[fields.length - 1] += '\r';
  // Joined at once it is a text of one piece, which is written several times as quickly.
  let text = fields.join(separator);
  for (const error of options.errors ?? []) text += `${error}\r`;
  return Buffer.from(text, 'latin1');
}

/** The second of the parts of a field. */
function secondOf(field: ByteString, separator: string): ByteString {
  const first = field.indexOf(separator);
  if (first === -1) return '';
  const second = field.indexOf(separator, first + 1);
  return field.slice(first + 1, second === -1 ? field.length : second);
}

/** As `writeAck`, of a message that was read. */
export function createAck(of: Message, code: AckCode, options: AckOptions): Message {
  const header = of.segment('MSH')!.bytes().split(of.delimiters.field);
  return parseMessage(writeAck(header, of.delimiters, code, options));
}
