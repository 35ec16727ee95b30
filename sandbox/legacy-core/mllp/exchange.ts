import { textOf, type WireDial } from '../../faults/dial.ts';
import type { Journal, Outcome } from '../../faults/journal.ts';
import { CharsetError, decodeMessage } from '../hl7/charset.ts';
import { answer, checkHeader, isWrite, operationOf, refusal } from '../hl7/dispatch.ts';
import { parseHl7, UnreadableMessage, value, type Hl7Message } from '../hl7/message.ts';
import { buildReply, ERROR_TEXTS, type ErrorEntry, type ErrorNumber, type Reply } from '../hl7/reply.ts';
import type { Hospital } from '../state/hospital.ts';
import { contentHash, type Duplicates } from './duplicates.ts';

/** What the exchange needs; `hospital` is asked for each time, because a reset puts another in its place. */
export interface ExchangeContext {
  readonly hospital: () => Hospital;
  readonly duplicates: Duplicates;
  readonly journal: Journal;
}

/** A message as it came off the line. */
export interface Incoming {
  readonly bytes: Buffer;
  readonly text: string;
  readonly message: Hl7Message | undefined;
  readonly operation: string;
  /** Why it could not be read. */
  readonly unreadable: ErrorEntry | undefined;
}

/** Decodes and takes apart; never throws for what a sender can do wrong. */
export function receive(bytes: Buffer): Incoming {
  let text = '';
  try {
    text = decodeMessage(bytes);
    const message = parseHl7(text);
    return { bytes, text, message, operation: operationOf(message), unreadable: undefined };
  } catch (error) {
    const unreadable = explain(error);
    const message = text === '' ? headerOnly(bytes) : undefined;
    return { bytes, text, message, operation: message ? operationOf(message) : 'unreadable', unreadable };
  }
}

function explain(error: unknown): ErrorEntry {
  if (error instanceof CharsetError) {
    return { code: error.unknown ? '103' : '102', location: 'MSH^1^18', text: error.message };
  }
  if (error instanceof UnreadableMessage) return { code: '100', location: 'MSH^1', text: error.message };
  throw error;
}

/** The header of a message whose text does not decode, so that the refusal can name its control id. */
function headerOnly(bytes: Buffer): Hl7Message | undefined {
  const line = bytes.toString('latin1').split(/[\r\n]/)[0] ?? '';
  try {
    return parseHl7(line.replaceAll(/[\u0080-\u00ff]/g, '?'));
  } catch {
    return undefined;
  }
}

/** The answers to a message, in order, and what became of it. */
export interface Exchange {
  readonly answers: readonly Buffer[];
  readonly outcome: Outcome;
  readonly code: string;
  readonly error: string | undefined;
}

/**
 * Original and enhanced acknowledgement (HL7 v2.5.1 §2.9.2, §2.9.3); a message that was seen before is not done again.
 */
export function exchange(incoming: Incoming, context: ExchangeContext): Exchange {
  const hospital = context.hospital();
  const { message } = incoming;
  if (incoming.unreadable || !message) {
    const errors = [incoming.unreadable ?? { code: '100' as const, location: 'MSH^1' }];
    return refused(refusal(message, 'E', errors), message, hospital);
  }
  const problems = checkHeader(message);
  if (problems.length > 0) return refused(refusal(message, 'R', problems), message, hospital);
  const hash = contentHash(incoming.text);
  const known = context.duplicates.get(message);
  if (known && known.hash !== hash) {
    const text = 'This control id was used for another message';
    return refused(refusal(message, 'E', [{ code: '205', location: 'MSH^1^10', text }]), message, hospital);
  }
  if (known?.answers) return { answers: known.answers, outcome: 'duplicate', code: 'AA', error: undefined };
  const reply = answer(message, hospital);
  const done = acknowledge(reply, message, hospital);
  const applied = isWrite(message) && done.outcome === 'accepted';
  context.duplicates.put(message, { hash, answers: applied ? done.answers : undefined });
  return done;
}

/** What a `nack` dial answers, without anything being done. */
export function nack(incoming: Incoming, dial: WireDial, hospital: Hospital): Exchange {
  const code = textOf(dial, 'code');
  const error = textOf(dial, 'error');
  const text = textOf(dial, 'text');
  const errors: ErrorEntry[] = Object.hasOwn(ERROR_TEXTS, error)
    ? [{ code: error as ErrorNumber, ...(text === '' ? {} : { text }) }]
    : [];
  const reply = refusal(incoming.message, code.endsWith('R') ? 'R' : 'E', errors);
  const plainAck = code.startsWith('C') ? { ...reply, type: 'ACK', segments: [] } : reply;
  const bytes = buildReply(plainAck, code, { request: incoming.message, now: hospital.hl7Now() });
  return { answers: [bytes], outcome: 'refused', code, error: errors[0]?.code };
}

function refused(reply: Reply, message: Hl7Message | undefined, hospital: Hospital): Exchange {
  const enhanced = message !== undefined && wants(message, 15, false);
  const code = `${enhanced ? 'C' : 'A'}${reply.outcome}`;
  const sent = enhanced ? { type: 'ACK', outcome: reply.outcome, errors: reply.errors ?? [] } : reply;
  const bytes = buildReply(sent, code, { request: message, now: hospital.hl7Now() });
  return { answers: [bytes], outcome: 'refused', code, error: reply.errors?.[0]?.code };
}

function acknowledge(reply: Reply, message: Hl7Message, hospital: Hospital): Exchange {
  const context = { request: message, now: hospital.hl7Now() };
  const good = reply.outcome === 'A';
  const answers: Buffer[] = [];
  if (isEnhanced(message) && wants(message, 15, true)) {
    answers.push(buildReply({ type: 'ACK', outcome: 'A' }, 'CA', context));
  }
  const code = `A${reply.outcome}`;
  if (!isEnhanced(message) || wants(message, 16, good)) answers.push(buildReply(reply, code, context));
  return { answers, outcome: good ? 'accepted' : 'refused', code, error: reply.errors?.[0]?.code };
}

function isEnhanced(message: Hl7Message): boolean {
  return value(message.msh, 15) !== '' || value(message.msh, 16) !== '';
}

/** MSH-15 and MSH-16 (table 0155): AL always, SU on success, ER on error, NE and empty never. */
function wants(message: Hl7Message, field: 15 | 16, good: boolean): boolean {
  const condition = value(message.msh, field);
  return condition === 'AL' || condition === (good ? 'SU' : 'ER');
}
