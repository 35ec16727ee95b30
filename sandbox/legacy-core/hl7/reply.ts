import { randomUUID } from 'node:crypto';
import { encodeMessage } from './charset.ts';
import { escapeText, leaf, value, type Hl7Message, type Segment } from './message.ts';

/** HL7 table 0357, as far as the core uses it. */
export const ERROR_TEXTS = {
  '100': 'Segment sequence error',
  '101': 'Required field missing',
  '102': 'Data type error',
  '103': 'Table value not found',
  '200': 'Unsupported message type',
  '201': 'Unsupported event code',
  '202': 'Unsupported processing id',
  '203': 'Unsupported version id',
  '204': 'Unknown key identifier',
  '205': 'Duplicate key identifier',
  '206': 'Application record locked',
  '207': 'Application internal error',
} as const;

export type ErrorNumber = keyof typeof ERROR_TEXTS;

export interface ErrorEntry {
  readonly code: ErrorNumber;
  /** ERL: segment, sequence, field, repetition, component, e.g. `PID^1^3`. */
  readonly location?: string;
  /** For people; never patient data. */
  readonly text?: string;
}

/** What the core has to say to a message. `segments` follow MSA and ERR, ready to send. */
export interface Reply {
  /** MSH-9. */
  readonly type: string;
  readonly outcome: 'A' | 'E' | 'R';
  readonly errors?: readonly ErrorEntry[];
  readonly segments?: readonly string[];
}

/** The core's refusal of a message: E is about its content, R about what the core can do at all. */
export class Refusal extends Error {
  readonly outcome: 'E' | 'R';
  readonly entries: readonly ErrorEntry[];

  constructor(outcome: 'E' | 'R', entries: readonly ErrorEntry[]) {
    super(entries.map((entry) => ERROR_TEXTS[entry.code]).join('; '));
    this.outcome = outcome;
    this.entries = entries;
  }
}

/** Content that the core does not take (MSA-1 AE). */
export function refuse(code: ErrorNumber, location: string, text?: string): never {
  throw new Refusal('E', [{ code, location, ...(text === undefined ? {} : { text }) }]);
}

export interface ReplyContext {
  /** The message that is answered; undefined when it could not be read. */
  readonly request: Hl7Message | undefined;
  /** Hospital time, `yyyyMMddHHmmss`. */
  readonly now: string;
  /** MSH-10 of the answer. */
  readonly controlId?: string;
}

/** One answer on the wire: MSH of its own, MSA-2 = the request's MSH-10 (HL7 v2.5.1 §2.9.2). */
export function buildReply(reply: Reply, code: string, context: ReplyContext): Buffer {
  const msh = context.request?.msh;
  const errors = (reply.errors ?? []).map((entry) => errorSegment(entry, value(msh, 12)));
  const msa = `MSA|${code}|${leaf(msh, 10) ?? ''}`;
  const controlId = context.controlId ?? newControlId();
  const build = (charset: string): string =>
    [
      header(msh, reply.type, code, context.now, controlId, charset),
      msa,
      ...errors,
      ...(reply.segments ?? []),
      '',
    ].join('\r');
  return encodeMessage(build, value(msh, 18));
}

/** 20 characters: what MSH-10 may hold before HL7 v2.7. */
export function newControlId(): string {
  return randomUUID().replaceAll('-', '').slice(0, 20).toUpperCase();
}

function header(
  msh: Segment | undefined,
  type: string,
  code: string,
  now: string,
  controlId: string,
  charset: string,
): string {
  const copy = (field: number): string =>
    msh?.fields[field - 1]?.[0]?.map((c) => c.join('&')).join('^') ?? '';
  const application = copy(5) || 'HOSPIX';
  const facility = copy(6) || 'HOSP';
  const enhanced = value(msh, 15) !== '' || value(msh, 16) !== '';
  const accept = enhanced && code.startsWith('A') ? 'NE|NE' : '|';
  const fields = ['MSH', '^~\\&', application, facility, copy(3), copy(4), now, '', type, controlId];
  const line = [...fields, copy(11) || 'P', copy(12) || '2.5', '', '', accept, '', charset].join('|');
  return line.replace(/\|+$/, '');
}

function errorSegment(entry: ErrorEntry, version: string): string {
  const text = ERROR_TEXTS[entry.code];
  if (/^2\.[1-4]/.test(version)) {
    const [segment = '', sequence = '', field = ''] = (entry.location ?? '').split('^');
    return `ERR|${segment}^${sequence}^${field}^${entry.code}&${text}&HL70357`;
  }
  const user = entry.text === undefined ? '' : `||||${escapeText(entry.text)}`;
  return `ERR||${entry.location ?? ''}|${entry.code}^${text}^HL70357|E${user}`;
}
