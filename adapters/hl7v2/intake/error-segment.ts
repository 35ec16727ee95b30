import { encodeWords } from '../ack.ts';
import type { ByteString } from '../charset.ts';
import type { Delimiters } from '../delimiters.ts';
import { ERROR_TEXTS, describePlace } from './fault.ts';
import type { Fault, Refusal } from './fault.ts';

/**
 * How errors are told. `ERR-1`: one repeating field (v2.1 to v2.4, withdrawn in v2.7); `ERR-2`: a segment an error
 * (from v2.5); `by-version`: as MSH-12 of the message has it.
 */
export type ErrorStyle = 'by-version' | 'ERR-1' | 'ERR-2';

/** What a person at the other end is told, by reason. */
const ADVICE: Readonly<Record<Refusal['reason'], string>> = {
  'decode-error': 'The message is not in the character set of this interface.',
  malformed: 'The message lacks something without which it means nothing.',
  'not-supported': 'This interface does not take such messages.',
  'not-allowed': 'This interface does not know the sender.',
  'control-id-reused': 'The control id was used before, for another message.',
  'out-of-sequence': 'Another sequence number was expected.',
  'unknown-authority': 'The message names a patient in a domain that is not known.',
  'mapping-needed': 'The message holds a code that is not known.',
  failed: 'The message could not be processed; somebody is looking at it.',
};

/** Whether a message of this version (MSH-12.1) expects ERR-1: v2.1 to v2.4. What cannot be told is taken as newer. */
export function isBeforeErr2(version: string): boolean {
  return /^2\.[1-4](\D|$)/.test(version);
}

/**
 * ERR segments that tell a refusal (HL7 v2.4 §2.16.5, v2.5.1 §2.15.5), without segment ends.
 * @param version MSH-12.1 of the message.
 */
export function writeErrors(
  { reason, faults }: Refusal,
  style: ErrorStyle,
  version: string,
  delimiters: Delimiters,
): readonly ByteString[] {
  const old = style === 'ERR-1' || (style === 'by-version' && isBeforeErr2(version));
  const write = createWriter(delimiters);
  if (old) return [write.field(['ERR', write.repeat(faults.map((fault) => location1(fault, write)))])];
  return faults.map((fault) => error2(fault, reason, write));
}

interface Writer {
  field(parts: readonly string[]): string;
  repeat(parts: readonly string[]): string;
  components(parts: readonly string[]): string;
  subcomponents(parts: readonly string[]): string;
  words(text: string): string;
}

/** Joins parts; where MSH-2 names no such delimiter the first part is all that can be said. */
function createWriter(delimiters: Delimiters): Writer {
  const joiner = (separator: string) => (parts: readonly string[]) =>
    separator === '' ? (parts[0] ?? '') : parts.join(separator);
  return {
    field: joiner(delimiters.field),
    repeat: joiner(delimiters.repetition),
    components: joiner(delimiters.component),
    subcomponents: joiner(delimiters.subcomponent),
    words: (text) => {
      const ascii = text.replace(/[^ -~]/g, '?');
      return delimiters.escape === '' ? ascii.replace(/[^\w .,:;-]/g, ' ') : encodeWords(ascii, delimiters);
    },
  };
}

/** ELD: segment, its sequence, the field's position, the code as CE in subcomponents. */
function location1({ code, place }: Fault, write: Writer): string {
  const { segment, occurrence = 1, field } = place;
  const what = write.subcomponents([code, ERROR_TEXTS[code], 'HL70357']);
  return write.components([segment, String(occurrence), field === undefined ? '' : String(field), what]);
}

function error2({ code, place, text }: Fault, reason: Refusal['reason'], write: Writer): string {
  const { segment, occurrence = 1, field, repetition, component } = place;
  const steps: (number | undefined)[] = [occurrence];
  if (field !== undefined) steps.push(field);
  if (field !== undefined && (repetition !== undefined || component !== undefined))
    steps.push(repetition ?? 1);
  if (component !== undefined) steps.push(component);
  return write.field([
    'ERR',
    '',
    write.components([segment, ...steps.map(String)]),
    write.components([code, ERROR_TEXTS[code], 'HL70357']),
    'E',
    write.components([reason, '', 'L']),
    '',
    write.words(text.startsWith(segment) ? text : `${describePlace(place)}: ${text}`),
    write.words(ADVICE[reason]),
  ]);
}
