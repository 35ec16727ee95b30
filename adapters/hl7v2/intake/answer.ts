import { writeAck } from '../ack.ts';
import type { AckCode, AckOptions } from '../ack.ts';
import { DEFAULT_DELIMITERS } from '../delimiters.ts';
import { isBeforeErr2, writeErrors } from './error-segment.ts';
import { describeRefusal } from './fault.ts';
import type { Refusal } from './fault.ts';
import type { Header } from './header.ts';
import type { AckCondition, InterfaceProfile } from './profile.ts';

/** What the sender of a message asks to hear. */
export type Asked =
  | { readonly mode: 'original' }
  | { readonly mode: 'enhanced'; readonly accept: AckCondition; readonly application: AckCondition };

/** How a message fared, as far as it has come. */
export type Outcome = 'success' | 'error' | 'reject';

const ORIGINAL = { mode: 'original' } as const;

/**
 * Which acknowledgements a message asks for (HL7 v2.5.1 §2.9.3, table 0155). One of MSH-15 and MSH-16 that says
 * something makes it enhanced, and the other, when empty, NE. An interface that is always enhanced takes two empty ones
 * as AL and NE; what is in neither table nor empty counts as AL: an answer too many is better than one too few.
 */
export function askedFor(header: Header | undefined, mode: InterfaceProfile['acknowledge']): Asked {
  if (!header || mode === 'original') return ORIGINAL;
  const { accept, applicationAck } = header;
  const silent = accept === '' && applicationAck === '';
  if (silent) return mode === 'as-asked' ? ORIGINAL : { mode: 'enhanced', accept: 'AL', application: 'NE' };
  return { mode: 'enhanced', accept: conditionOf(accept), application: conditionOf(applicationAck) };
}

function conditionOf(text: string): AckCondition {
  if (text === '') return 'NE';
  return text === 'NE' || text === 'ER' || text === 'SU' ? text : 'AL';
}

function wants(condition: AckCondition, outcome: Outcome): boolean {
  if (condition === 'AL') return true;
  return condition === (outcome === 'success' ? 'SU' : 'ER');
}

const CODES = {
  success: ['AA', 'CA'],
  error: ['AE', 'CE'],
  reject: ['AR', 'CR'],
} as const;

/**
 * What is answered as soon as the message is safe. A sender that wants no accept acknowledgement but hears of errors
 * gets its refusal as an application acknowledgement: a message that is refused comes to no application.
 */
export function answerNow(asked: Asked, outcome: Outcome): AckCode | undefined {
  const [original, accept] = CODES[outcome];
  if (asked.mode === 'original') return original;
  if (wants(asked.accept, outcome)) return accept;
  return outcome !== 'success' && wants(asked.application, outcome) ? original : undefined;
}

/** Whether the sender may want to hear how processing ended. */
export function answersLater(asked: Asked): boolean {
  return asked.mode === 'enhanced' && asked.application !== 'NE';
}

/** What is answered when processing has ended. */
export function answerAtEnd(asked: Asked, outcome: Outcome): AckCode | undefined {
  if (asked.mode === 'original' || !wants(asked.application, outcome)) return undefined;
  return CODES[outcome][0];
}

/** Delimiters and version of an answer to bytes that are no message. */
const NOBODY = {
  fields: ['MSH', '^~\\&', '', '', '', '', '', '', '', '', 'P', '2.5.1'],
  delimiters: DEFAULT_DELIMITERS,
  version: '2.5.1',
} as const;

/** Writes an acknowledgement, with ERR segments when the message is refused. */
export function writeAnswer(
  header: Pick<Header, 'fields' | 'delimiters' | 'version'> | undefined,
  code: AckCode,
  refusal: Refusal | undefined,
  style: InterfaceProfile['errorStyle'],
  options: Pick<AckOptions, 'controlId' | 'now' | 'accept' | 'application' | 'expectedSequence'>,
): Buffer {
  const { fields, delimiters, version } = header ?? NOBODY;
  if (!refusal) return writeAck(fields, delimiters, code, options);
  const text = isBeforeErr2(version) ? { text: wordsOf(refusal, delimiters.escape) } : {};
  const errors = writeErrors(refusal, style, version, delimiters);
  return writeAck(fields, delimiters, code, { ...options, ...text, errors });
}

/** MSA-3 has room for 80 characters. */
function wordsOf(refusal: Refusal, escape: string): string {
  const text = describeRefusal(refusal)
    .replace(/[^ -~]/g, '?')
    .slice(0, 80);
  return escape === '' ? text.replace(/[^\w .,:;-]/g, ' ') : text;
}
