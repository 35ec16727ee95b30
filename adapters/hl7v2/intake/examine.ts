import { isUtf8 } from 'node:buffer';
import type { Arrival } from '../../../src/feed-ports.ts';
import type { CharsetChoice } from '../charset.ts';
import { Message } from '../message.ts';
import type { MessageBytes } from '../message-bytes.ts';
import { eventOfEvn } from '../message-type.ts';
import { parseBytes } from '../parse.ts';
import { MOST, findLacks, missing } from './content.ts';
import { describePlace, describeRefusal } from './fault.ts';
import type { Fault, Refusal } from './fault.ts';
import { encodingFault, headerInUsualDelimiters } from './encoding.ts';
import { headerIn, senderOf, typeOf } from './header.ts';
import type { Header } from './header.ts';
import type { MessageType, MessageTypes } from './message-types.ts';
import type { InterfaceProfile } from './profile.ts';
import { countNamed, segmentNames } from './segment-names.ts';
import type { SegmentNames } from './segment-names.ts';

/** What examining needs to know besides the bytes. */
export interface Facts {
  /** When the message came: epoch milliseconds. */
  readonly at: number;
  readonly types: MessageTypes;
  /** False when the sender's certificate is none that the interface allows. */
  readonly certificateAllowed: boolean;
}

/** What examining a message found. */
export interface Examined {
  /** Ready for the inbox. Its verdict stands where `refusal` does. */
  readonly arrival: Arrival;
  /** Undefined where MSH cannot be read: there is nobody to answer in the words of the message. */
  readonly header: Header | undefined;
  readonly refusal: Refusal | undefined;
}

/** How the texts of an interface's messages are decoded: for whoever reads them later, too. */
export function charsetOf(profile: Pick<InterfaceProfile, 'charset' | 'defaultCharset'>): CharsetChoice {
  const { charset, defaultCharset } = profile;
  return charset === undefined ? { defaultCharset } : { charset, defaultCharset };
}

/**
 * Looks at one message as it came, before it is made safe: its header, its sender, whether it is understood here,
 * whether its bytes decode, and whether it has what it means nothing without (HL7 v2.5.1 §2.9.2.2, steps of the
 * responding system). Everything that is wrong on one level is told at once. Pure; never throws.
 *
 * @param bytes one message, as `splitFrame` gives it
 */
export function examine(bytes: Uint8Array, profile: InterfaceProfile, facts: Facts): Examined {
  const { name: source } = profile;
  const { at } = facts;
  let parsed: MessageBytes;
  try {
    parsed = parseBytes(bytes, charsetOf(profile));
  } catch {
    const fault: Fault = {
      code: '100',
      place: { segment: 'MSH' },
      text: 'MSH or its delimiters cannot be read',
    };
    const refusal: Refusal = { level: 'reject', reason: 'malformed', faults: [fault] };
    const arrival = { source, at, bytes, sender: '', controlId: '', type: '?' };
    return { arrival: withVerdict(arrival, refusal), header: undefined, refusal };
  }
  const message = new Message(parsed);
  const unusable = encodingFault(message);
  if (unusable) {
    const header = headerInUsualDelimiters(message, charsetOf(profile));
    const refusal: Refusal = { level: 'reject', reason: 'malformed', faults: [unusable] };
    const arrival = { source, at, bytes, sender: senderOf(header), controlId: header.controlId, type: '?' };
    return { arrival: withVerdict(arrival, refusal), header, refusal };
  }
  const header = headerIn(parsed);
  const { controlId } = header;
  const arrival: Arrival = { source, at, bytes, sender: senderOf(header), controlId, type: typeOf(header) };
  const refusal = refusalOf(message, parsed, header, profile, facts);
  return { arrival: refusal ? withVerdict(arrival, refusal) : arrival, header, refusal };
}

/**
 * An arrival that is refused. Bytes that do not decode are parked: the sender sent what it has, and here somebody can
 * see to the character set. All else is the sender's to put right.
 */
export function withVerdict(arrival: Arrival, refusal: Refusal): Arrival {
  const { reason } = refusal;
  const state = reason === 'decode-error' ? 'parked' : 'rejected';
  return { ...arrival, verdict: { state, reason, detail: describeRefusal(refusal) } };
}

function refusalOf(
  message: Message,
  parsed: MessageBytes,
  header: Header,
  profile: InterfaceProfile,
  facts: Facts,
): Refusal | undefined {
  const stranger = strangerFault(header, profile, facts);
  if (stranger) return { level: 'reject', reason: 'not-allowed', faults: [stranger] };
  const strict = profile.strictness === 'strict';
  const said = header.event === '' ? { ...header, event: eventOfEvn(message) } : header;
  const type = facts.types.find(said);
  const unsupported = unsupportedFaults(said, profile, type, facts.types, strict);
  if (isSome(unsupported)) {
    const reason = unsupported.every(({ code }) => code === '101') ? 'malformed' : 'not-supported';
    return { level: 'reject', reason, faults: unsupported };
  }
  const names = segmentNames(parsed);
  const fragment = fragmentFault(message, names);
  if (fragment) return { level: 'reject', reason: 'not-supported', faults: [fragment] };
  const unreadable = undecodable(message, parsed, strict);
  if (isSome(unreadable)) return { level: 'error', reason: 'decode-error', faults: unreadable };
  const lacks = findLacks(message, names, type!, strict);
  if (header.controlId === '' && strict) lacks.unshift(missing('MSH', 1, 10));
  if (strict) lacks.push(...oddities(message));
  return isSome(lacks) ? { level: 'error', reason: 'malformed', faults: lacks } : undefined;
}

function isSome(faults: readonly Fault[]): faults is readonly [Fault, ...Fault[]] {
  return faults.length > 0;
}

function strangerFault(header: Header, profile: InterfaceProfile, facts: Facts): Fault | undefined {
  if (!facts.certificateAllowed)
    return {
      code: '207',
      place: { segment: 'MSH' },
      text: 'The certificate is none that this interface allows',
    };
  const { senders } = profile;
  const matches = (wanted: string | undefined, written: string): boolean =>
    wanted === undefined || wanted === written || wanted === written.split(header.delimiters.component, 1)[0];
  const known = senders.some(
    ({ application, facility }) =>
      matches(application, header.application) && matches(facility, header.facility),
  );
  if (senders.length === 0 || known) return undefined;
  // Which of the two is wrong is told where one of them is known.
  const field = senders.some(({ application }) => matches(application, header.application)) ? 4 : 3;
  return {
    code: '103',
    place: { segment: 'MSH', field },
    text: `MSH-${field} is no sender that this interface allows`,
  };
}

/** MSH-9, MSH-11 and MSH-12 (HL7 v2.5.1 §2.9.2.2 a). */
function unsupportedFaults(
  header: Header,
  { types: accepted, processing, versions }: InterfaceProfile,
  type: MessageType | undefined,
  types: MessageTypes,
  strict: boolean,
): readonly Fault[] {
  const { code, event } = header;
  const faults: Fault[] = [];
  const msh = (field: number) => ({ segment: 'MSH', field });
  if (code === '') {
    faults.push(missing('MSH', 1, 9));
  } else if (!type || !takes(accepted, code, event) || !isEventKnown(type, header, accepted)) {
    const known =
      types.knows(code) && (accepted.length === 0 || accepted.some((one) => one.startsWith(code)));
    const place = { ...msh(9), repetition: 1, component: known ? 2 : 1 };
    faults.push(
      known
        ? { code: '201', place, text: 'MSH-9.2 is no event that this interface takes' }
        : { code: '200', place, text: 'MSH-9.1 is no message type that this interface takes' },
    );
  }
  if (header.processing === '') {
    if (strict) faults.push(missing('MSH', 1, 11));
  } else if (!processing.includes(header.processing)) {
    const text = 'MSH-11 is no processing id that this interface takes';
    faults.push({ code: '202', place: msh(11), text });
  }
  if (header.version === '') {
    if (strict) faults.push(missing('MSH', 1, 12));
  } else if (
    versions.length === 0 ? !/^2\.[1-9](\D|$)/.test(header.version) : !versions.includes(header.version)
  ) {
    faults.push({ code: '203', place: msh(12), text: 'MSH-12 is no version that this interface takes' });
  }
  return faults;
}

/**
 * What an ADT means is its event: none, or one that neither HL7 nor the site (Z..) nor the interface names, tells
 * nobody whether a stay began or was cancelled.
 */
function isEventKnown({ of }: MessageType, { code, event }: Header, accepted: readonly string[]): boolean {
  if (code !== 'ADT' || !of.includes(code) || event.startsWith('Z')) return true;
  const name = `${code}^${event}`;
  return event !== '' && (of.includes(name) || accepted.includes(name));
}

function takes(accepted: readonly string[], code: string, event: string): boolean {
  return accepted.length === 0 || accepted.includes(code) || accepted.includes(`${code}^${event}`);
}

/**
 * A part of a message (HL7 v2.5.1 §2.10.2): what the parts say together is known only when all are here, so they are
 * asked for in one.
 */
function fragmentFault(message: Message, names: SegmentNames): Fault | undefined {
  if (countNamed(names, 'DSC') + countNamed(names, 'ADD') === 0) return undefined;
  const dsc = message.segment('DSC');
  const addendum = message.segment('ADD');
  if (!addendum && !(dsc && dsc.value(1) && dsc.value(2) !== 'I')) return undefined;
  const [segment, field] = dsc ? ['DSC', 2] : ['ADD', 1];
  const text = `${segment} makes this a part of a message: this interface takes messages only in one piece`;
  return { code: '207', place: { segment, field }, text };
}

function undecodable(message: Message, parsed: MessageBytes, strict: boolean): readonly Fault[] {
  if (decodesAtOnce(message, parsed, strict)) return [];
  const faults: Fault[] = [];
  for (const { kind, segment: index, field } of message.check()) {
    if (faults.length === MOST) break;
    if (kind !== 'charset' && kind !== 'undecodable') continue;
    if (kind === 'charset') {
      const text = 'MSH-18 names a character set that is not known';
      faults.push({ code: '103', place: { segment: 'MSH', field: 18 }, text });
      continue;
    }
    const { name } = message.segments[index]!;
    const segment = /^[A-Z][A-Z0-9]{2}$/.test(name) ? name : 'MSH';
    const occurrence = message.segments.slice(0, index + 1).filter((one) => one.is(name)).length;
    const place = { segment, occurrence, ...(field ? { field } : {}) };
    const text = `${describePlace(place)} holds a byte that is not of the character set`;
    faults.push({ code: '102', place, text });
  }
  return faults;
}

/**
 * The common cases, without looking at any field: no hex escapes, and bytes that are what they should be all through.
 */
function decodesAtOnce(message: Message, { raw, text, source }: MessageBytes, strict: boolean): boolean {
  const { escape } = message.delimiters;
  if (escape !== '' && raw.includes(`${escape}X`)) return false;
  const { plain } = text;
  // Bytes that are the same in every set need none, and harm nobody whatever the set is called.
  if (plain && !strict) return true;
  try {
    const { charset } = message;
    return plain || charset === '8859/1' || (charset === 'UNICODE UTF-8' && isUtf8(source));
  } catch {
    return false;
  }
}

function oddities(message: Message): readonly Fault[] {
  const faults: Fault[] = [];
  const { component, repetition, escape, subcomponent } = message.delimiters;
  if ([component, repetition, escape, subcomponent].includes(''))
    faults.push({
      code: '102',
      place: { segment: 'MSH', field: 2 },
      text: 'MSH-2 does not name four delimiters',
    });
  return faults;
}
