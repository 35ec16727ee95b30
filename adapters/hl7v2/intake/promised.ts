import type { PromisedAnswer } from '../../../src/answer-ports.ts';
import type { MessageOutcome, MessageRecord, ParkReason } from '../../../src/feed-ports.ts';
import { parseBytes } from '../parse.ts';
import { answerAtEnd, askedFor, writeAnswer } from './answer.ts';
import type { Asked } from './answer.ts';
import { charsetOf, examine } from './examine.ts';
import type { ErrorCode, Place, Refusal } from './fault.ts';
import { headerIn } from './header.ts';
import type { Header } from './header.ts';
import type { MessageTypes } from './message-types.ts';
import type { InterfaceProfile } from './profile.ts';

/** How application acknowledgements are written. */
export interface AtEndOptions {
  readonly profile: Pick<InterfaceProfile, 'errorStyle'>;
  /** A new MSH-10. */
  readonly controlId: () => string;
  /** Epoch milliseconds. */
  readonly now: number;
  /** MSH-15 of the acknowledgement: `AL` where it goes as a message of its own. */
  readonly accept: 'AL' | 'NE';
}

/**
 * What the sender of a message is told when its processing has ended; undefined where it wants to hear nothing of that
 * (HL7 v2.5.1 §2.9.3).
 */
export function writeAtEnd(
  header: Header,
  asked: Asked,
  outcome: Pick<MessageOutcome, 'state' | 'reason' | 'detail'>,
  { profile, controlId, now, accept }: AtEndOptions,
): { readonly code: PromisedAnswer['code']; readonly payload: Buffer } | undefined {
  const refusal = refusalAtEnd(outcome);
  const code = answerAtEnd(asked, refusal?.level ?? 'success') as PromisedAnswer['code'] | undefined;
  if (!code) return undefined;
  const options = { controlId: controlId(), now, accept, application: 'NE' } as const;
  return { code, payload: writeAnswer(header, code, refusal, profile.errorStyle, options) };
}

/** What promises are found by. */
export interface PromiseOptions {
  readonly profile: InterfaceProfile;
  readonly types: MessageTypes;
  readonly controlId: () => string;
  readonly now: number;
}

/** Why a message that was not refused by its content may have been refused when it came. */
const AT_RECEIPT: ReadonlySet<ParkReason | undefined> = new Set(['control-id-reused', 'out-of-sequence']);

/**
 * The application acknowledgement that a message of the inbox is owed, by what is kept of it; undefined where its
 * sender asked for none, was told already that it is refused, or where the message still waits. Pure; never throws.
 */
export function promisedAnswer(
  bytes: Uint8Array,
  record: MessageRecord,
  { profile, types, controlId, now }: PromiseOptions,
): PromisedAnswer | undefined {
  const { seq, state, reason } = record;
  if (state !== 'processed' && state !== 'superseded' && state !== 'parked') return undefined;
  if (profile.acknowledge === 'original' || (state === 'parked' && AT_RECEIPT.has(reason))) return undefined;
  const header = headerKept(bytes, profile);
  if (!header || header.code === 'ACK' || header.code === 'MCF') return undefined;
  const asked = askedFor(header, profile.acknowledge);
  if (asked.mode === 'original' || asked.application === 'NE') return undefined;
  const known = { at: record.receivedAt, types, certificateAllowed: true };
  if (state === 'parked' && examine(bytes, profile, known).refusal) return undefined;
  const answer = writeAtEnd(header, asked, { ...record, state }, { profile, controlId, now, accept: 'AL' });
  return answer && { seq, since: now, ...answer };
}

function headerKept(bytes: Uint8Array, profile: InterfaceProfile): Header | undefined {
  try {
    return headerIn(parseBytes(bytes, charsetOf(profile)));
  } catch {
    return undefined;
  }
}

const CODE_AT_END: Readonly<Partial<Record<ParkReason, ErrorCode>>> = {
  'decode-error': '102',
  malformed: '101',
  'not-supported': '200',
  'control-id-reused': '205',
  'unknown-authority': '204',
  'mapping-needed': '103',
};

/** What is told of a message that could not be processed. */
function refusalAtEnd({
  state,
  reason = 'failed',
  detail,
}: Pick<MessageOutcome, 'state' | 'reason' | 'detail'>): Refusal | undefined {
  if (state !== 'parked') return undefined;
  const code = CODE_AT_END[reason] ?? '207';
  const text = detail ?? 'The message could not be processed';
  return { level: 'error', reason, faults: [{ code, place: placeIn(text), text }] };
}

/** The first place that a detail names: `PID-8`, `OBX[2]-5`; MSH where it names none. */
function placeIn(detail: string): Place {
  const [, segment, occurrence = '1', field] = /\b([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?-(\d+)/.exec(detail) ?? [];
  if (segment === undefined) return { segment: 'MSH' };
  return { segment, occurrence: Number(occurrence), field: Number(field) };
}
