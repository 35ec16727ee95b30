import { encodeValue } from './escape.ts';
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
}

let lastSecond = -1;
let lastText = '';

/** An instant as HL7 v2.5.1 §2.A.77 TS writes it, in UTC, to the second: `20240131235959+0000`. Many messages share a second: it is written once. */
export function formatInstant(epochMs: number): string {
  const second = Math.floor(epochMs / 1000);
  if (second !== lastSecond) {
    lastText = `${new Date(second * 1000).toISOString().replace(/[-:T]/g, '').slice(0, 14)}+0000`;
    lastSecond = second;
  }
  return lastText;
}

/**
 * The general acknowledgement of a message (HL7 v2.5.1 §2.9.2, §2.13.1): sender and receiver change places, MSA-2 is the message's MSH-10, processing
 * id, version and character set are the message's. Its fields go over as the bytes they are.
 */
export function createAck(of: Message, code: AckCode, options: AckOptions): Message {
  const { field: separator, component } = of.delimiters;
  const [
    ,
    encodingCharacters = '',
    sender = '',
    senderFacility = '',
    receiver = '',
    receiverFacility = '',
    ...others
  ] = of.segments[0]!.bytes().split(separator);
  // MSH-7 is the first of the others.
  const from7 = (field: number): string => others[field - 7] ?? '';
  const trigger = component === '' ? undefined : from7(9).split(component, 2)[1];
  const type = trigger ? `ACK${component}${trigger}${component}ACK` : 'ACK';
  const controlId = encodeValue(options.controlId, of);
  const upTo12 = [formatInstant(options.now), '', type, controlId, from7(11), from7(12)];
  const fields = ['MSH', encodingCharacters, receiver, receiverFacility, sender, senderFacility, ...upTo12];
  if (from7(18) !== '') fields.push('', '', '', '', '', from7(18));
  while (fields.at(-1) === '') fields.pop();
  const acknowledgement = ['MSA', code, from7(10)].join(separator);
  const bytes = Buffer.from(`${fields.join(separator)}\r${acknowledgement}\r`, 'latin1');
  return parseMessage(bytes);
}
