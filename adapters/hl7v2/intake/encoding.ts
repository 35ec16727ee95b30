import type { CharsetChoice } from '../charset.ts';
import { DEFAULT_DELIMITERS, delimitersOf } from '../delimiters.ts';
import type { Message } from '../message.ts';
import type { Fault } from './fault.ts';
import { headerOf } from './header.ts';
import type { Header } from './header.ts';

const USUAL = '^~\\&';

/**
 * What is wrong with MSH-2, if anything (HL7 v2.5.1 §2.5.4): each of its characters is a printable mark of its own,
 * neither a letter, a digit nor a blank. Where two delimiters are one character, nobody can tell what separates what;
 * the codec reads such a message as far as it can, but a feed does not guess. That fewer than four are named is no
 * fault here: then the message does without.
 */
export function encodingFault(message: Message): Fault | undefined {
  if (message.delimiters === DEFAULT_DELIMITERS) return undefined;
  const encoding = encodingOf(message);
  const place = { segment: 'MSH', occurrence: 1, field: 2 };
  if (!/^[!-/:-@[-`{-~]*$/.test(encoding))
    return {
      code: '102',
      place,
      text: 'MSH-2 names a delimiter that is a letter, a digit or no mark at all',
    };
  if (new Set(encoding).size < encoding.length)
    return { code: '102', place, text: 'MSH-2 names one character for two delimiters' };
  return undefined;
}

function encodingOf(message: Message): string {
  const line = message.segment('MSH')!.bytes();
  return line.slice(4).split(message.delimiters.field, 1)[0]!;
}

/**
 * MSH of a message whose MSH-2 cannot be used, as far as an answer needs it: whole fields are what they are, and the
 * answer is written in the usual delimiters behind the message's own field separator.
 */
export function headerInUsualDelimiters(message: Message, choice: CharsetChoice): Header {
  const { field } = message.delimiters;
  const encoding = USUAL.replace(field, '#');
  const header = headerOf(message.segment('MSH')!.bytes(), delimitersOf(field, encoding), choice);
  const fields = header.fields.with(1, encoding);
  return { ...header, fields };
}
