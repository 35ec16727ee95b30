import type { Fault } from './fault.ts';
import { missing } from './content.ts';

/** What is known of a sender's numbers: the last that was stored, none yet, or that it has asked to begin anew. */
export type LastSequence = number | 'none' | 'resynchronizing';

/** What the sequence number protocol says of one message (HL7 v2.5.1 §2.10.1). */
export type SequenceStep =
  /** 0 or -1 in MSH-13: of the link, not of a patient; acknowledged, not stored. */
  | { readonly kind: 'link'; readonly expected: number; readonly last: LastSequence }
  /** The number that was expected: it is stored with the message, and echoed in MSA-4. */
  | { readonly kind: 'next'; readonly number: number }
  /** The number that was stored last: its acknowledgement was lost, or another message bears it. */
  | { readonly kind: 'repeated'; readonly expected: number; readonly fault: Fault }
  /**
   * Any other: the message is refused, and MSA-4 says which was expected. The link stands still until the sender begins
   * anew.
   */
  | { readonly kind: 'refused'; readonly expected: number; readonly fault: Fault };

/**
 * Decides what a number means, given what came before it.
 * @param written MSH-13 as it is written.
 */
export function stepSequence(written: string, last: LastSequence): SequenceStep {
  const expected = expectedAfter(last);
  if (written === '') return { kind: 'refused', expected, fault: missing('MSH', 1, 13) };
  if (!/^(-1|\d{1,15})$/.test(written))
    return { kind: 'refused', expected, fault: fault('102', 'is no sequence number') };
  const number = Number(written);
  if (number === 0) return { kind: 'link', expected, last };
  if (number === -1) return { kind: 'link', expected: -1, last: 'resynchronizing' };
  if (typeof last !== 'number' || number === expected) return { kind: 'next', number };
  if (number === last)
    return { kind: 'repeated', expected, fault: fault('207', 'is the number of the message before') };
  return { kind: 'refused', expected, fault: fault('207', 'is not the number that was expected') };
}

/** The number that comes next; -1 where any may. */
export function expectedAfter(last: LastSequence): number {
  return typeof last === 'number' ? last + 1 : -1;
}

function fault(code: '102' | '207', what: string): Fault {
  return { code, place: { segment: 'MSH', field: 13 }, text: `MSH-13 ${what}` };
}
