import { askedFor } from '../../../adapters/hl7v2/intake/answer.ts';
import type { Asked } from '../../../adapters/hl7v2/intake/answer.ts';
import { readHeader } from '../../../adapters/hl7v2/intake/header.ts';
import type { Message } from '../../../adapters/hl7v2/message.ts';
import { many } from '../text.ts';

/**
 * What a sender is sure to hear of a message (HL7 v2.5.1 §2.9.3): nothing, one answer, or one when it is safe and one
 * when it is processed.
 */
export interface Sure {
  readonly first: boolean;
  readonly last: boolean;
  /** What it asks for, in words. */
  readonly words: string;
}

/** Reads what a message asks for: MSH-15, MSH-16, and whether it is an acknowledgement itself. */
export function sureOf(message: Message): Sure {
  const header = readHeader(message, { defaultCharset: 'UNICODE UTF-8' });
  if (header.code === 'ACK' || header.code === 'MCF')
    return { first: false, last: false, words: 'it is an acknowledgement, which nobody acknowledges' };
  const asked = askedFor(header, 'as-asked');
  if (asked.mode === 'original') return { first: true, last: false, words: 'AA, AE or AR' };
  const first = asked.accept === 'AL';
  const last = asked.application === 'AL';
  return { first, last, words: wordsOf(asked) };
}

function wordsOf({ accept, application }: Extract<Asked, { mode: 'enhanced' }>): string {
  return `it asks for ${accept} (MSH-15) when it is safe and ${application} (MSH-16) when it is processed`;
}

/** A message on its way, and what was heard of it. */
export interface Sending {
  readonly file: string;
  /** From 1, within its file. */
  readonly nth: number;
  readonly message: Message;
  readonly controlId: string;
  readonly sure: Sure;
  /** MSA-1 of the first answer. */
  first?: string;
  /** MSA-1 of the last one there will be. */
  last?: string;
  /** Why it is not known to be safe. */
  problem?: string;
}

/** Takes note of an answer. An accept acknowledgement is the last one when nothing else is asked for, or it refuses. */
export function note(sending: Sending, code: string): void {
  sending.first ??= code;
  if (code !== 'CA' || !sending.sure.last) sending.last = code;
}

/** Whether nothing more is to be heard of it. */
export function isDone({ sure, first, last, problem }: Sending): boolean {
  if (last !== undefined || problem !== undefined) return true;
  return !sure.last && (first !== undefined || !sure.first);
}

/**
 * To which of those that were sent an answer belongs: the oldest of this control id that lacks it; the newest that
 * waits, when it names none.
 */
export function belongsTo(sent: readonly Sending[], controlId: string, code: string): Sending | undefined {
  if (controlId === '') return sent.findLast((one) => !isDone(one));
  const same = sent.filter((one) => one.controlId === controlId);
  const accept = code.startsWith('C');
  return same.find(({ first, last }) => (accept ? first === undefined : last === undefined || last === 'CA'));
}

/** `AE  PID^1^3  100`: what an acknowledgement says, without texts that may hold values. */
export function describeAnswer(reply: Message): string {
  const errors = reply.all('ERR').map((error) => {
    const [location, code] = [
      error.value(2)
        ? [1, 2, 3]
            .map((part) => error.value(2, 1, part) ?? '')
            .join('^')
            .replace(/\^+$/, '')
        : (error.value(1) ?? ''),
      error.value(3) ?? '',
    ];
    return `${location} ${code}`.trim();
  });
  return [reply.value('MSA', 1) ?? '?', ...errors].join('  ');
}

/** How all of it ended, for people and for scripts. */
export interface SendEnd {
  readonly words: readonly string[];
  /**
   * 0: all are accepted; 1: some were refused; 2: some were not acknowledged; 3: of some it was not heard here how they
   * were processed.
   */
  readonly exitCode: 0 | 1 | 2 | 3;
}

/** @param elsewhere application acknowledgements go to a reply address: nobody waited for them */
export function endOf(all: readonly Sending[], seconds: number, elsewhere: boolean): SendEnd {
  const counts = new Map<string, number>();
  const count = (name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const { first, last, problem } of all) {
    if (first !== undefined) count(first);
    if (last !== undefined && last !== first) count(last);
    if (problem !== undefined) count('not acknowledged');
    else if (first === undefined && last === undefined) count('without an answer');
  }
  const answers = [...counts].map(([name, number]) => `${number} ${name}`).join(', ');
  const refused = all.some(({ last }) => last !== undefined && last !== 'AA' && last !== 'CA');
  const lost = all.filter(({ problem }) => problem !== undefined);
  const open = elsewhere ? [] : all.filter((one) => !isDone(one));
  const words = [`${many(all.length, 'message')} in ${seconds.toFixed(1)} s: ${answers}`];
  if (lost.length > 0)
    words.push(
      'What was not acknowledged can be sent again: the feed keeps one of each, however often it comes.',
    );
  if (open.length > 0)
    words.push(
      `${many(open.length, 'application acknowledgement')} (MSH-16) did not come here. Where the interface has a reply address (\`replies\`) they go there, and \`ficus feed answers\` lists those that are owed; --elsewhere does not wait for them.`,
    );
  return { words, exitCode: refused ? 1 : lost.length > 0 ? 2 : open.length > 0 ? 3 : 0 };
}
