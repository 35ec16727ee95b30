import { hash, randomBytes } from 'node:crypto';
import { formatHl7DateTime } from '../../../src/mapping/time.ts';
import type { Clock } from '../../../src/ports.ts';
import { chooseCharset, type ByteString } from '../charset.ts';
import { DEFAULT_DELIMITERS } from '../delimiters.ts';
import type { EncodingTarget } from '../escape.ts';
import { encodeSegment } from '../nested.ts';
import type { NestedSegment } from '../nested.ts';

/** What every message to one core has in common. */
export interface EnvelopeOptions {
  /** MSH-3 and MSH-4. */
  readonly sender: { readonly application: string; readonly facility: string };
  /** MSH-5 and MSH-6. */
  readonly receiver: { readonly application: string; readonly facility: string };
  /** MSH-11. */
  readonly processing: 'P' | 'T' | 'D';
  /** MSH-12. */
  readonly version: string;
  /** Original or enhanced acknowledgement, HL7 v2.5.1 §2.9.2 and §2.9.3. */
  readonly acknowledgement: 'original' | 'enhanced';
  /** MSH-18, HL7 table 0211: what messages are written in. */
  readonly charset: string;
  /** IANA zone of MSH-7: the core's wall clock. */
  readonly timeZone: string;
  readonly clock: Clock;
}

/** How a message is written: by default as the connection is declared; an update as the core wrote the record. */
export interface WrittenForm extends EncodingTarget {
  /** MSH-18. */
  readonly charsetName: string;
}

/** Writes messages to one core: their header, their control ids, their time. */
export interface Envelope {
  readonly form: WrittenForm;
  /**
   * A control id of at most 20 characters (HL7 v2.5.1 MSH-10), never used before; with `of`, always the same for the
   * same text.
   */
  readonly controlId: (of?: string) => string;
  /**
   * 15 characters, never used before, not to be guessed: a query tag, or a number of ours (CX.1 holds 15 in HL7
   * v2.5.1); with `of`, always the same for the same text.
   */
  readonly mint: (of?: string) => string;
  /** The core's wall clock: `20240131235959`. */
  readonly now: () => string;
  /**
   * A whole message; segments end with CR, everything in them is escaped.
   * @param type MSH-9: `QBP^Q22^QBP_Q21`.
   * @param segments what follows MSH; those that are bytes already are taken as they are.
   * @throws {FicusError} `unmappable` when the character set cannot carry a value.
   */
  readonly write: (
    type: string,
    controlId: string,
    segments: readonly (NestedSegment | ByteString)[],
    form?: WrittenForm,
  ) => ByteString;
}

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** @throws {FicusError} `legacy-malformed` for a character set that is not known. */
export function createEnvelope(options: EnvelopeOptions): Envelope {
  const { sender, receiver, version, processing, clock, timeZone } = options;
  const charset = chooseCharset({ charset: options.charset }, []);
  const own: WrittenForm = {
    delimiters: DEFAULT_DELIMITERS,
    charsetInForce: () => charset,
    charsetName: options.charset,
  };
  // MSH-9.3 came with HL7 v2.3.1.
  const withStructure = version !== '2.3';
  const accept = options.acknowledgement === 'enhanced' ? 'AL' : undefined;
  const prefix = randomText(9);
  let serial = 0;
  let second = -1;
  let clockText = '';

  const now = (): string => {
    const current = Math.floor(clock.now() / 1000);
    if (current !== second) {
      second = current;
      clockText = wallClock(current * 1000, timeZone);
    }
    return clockText;
  };

  const headerOf = (type: string, time: string, controlId: string, form: WrittenForm): ByteString => {
    const parts = type.split('^');
    const fields = {
      3: sender.application,
      4: sender.facility,
      5: receiver.application,
      6: receiver.facility,
      7: time,
      9: withStructure ? parts : parts.slice(0, 2),
      10: controlId,
      11: processing,
      12: version,
      15: accept,
      16: accept,
      18: form.charsetName,
    };
    return `${encodeSegment(['MSH', fields], form)}\r`;
  };
  /** By message type: what stands before the time, between time and control id, and behind it. */
  const headers = new Map<string, readonly ByteString[]>();
  const ownHeader = (type: string, controlId: string): ByteString => {
    let parts = headers.get(type);
    if (!parts) {
      const [time, id] = [randomText(15), randomText(15)];
      headers.set(type, (parts = headerOf(type, time, id, own).split(new RegExp(`${time}|${id}`))));
    }
    return `${parts[0]}${now()}${parts[1]}${controlId}${parts[2]}`;
  };

  return {
    form: own,
    // Those that are derived are longer: the two kinds never meet.
    controlId: (of) =>
      of === undefined
        ? prefix + (serial++).toString(36).toUpperCase().padStart(6, '0')
        : derivedText(20, 'MSH-10', of),
    mint: (of) => (of === undefined ? randomText(15) : derivedText(15, 'number', of)),
    now,
    write(type, controlId, segments, form = own) {
      let text = form === own ? ownHeader(type, controlId) : headerOf(type, now(), controlId, form);
      for (const segment of segments)
        text += `${typeof segment === 'string' ? segment : encodeSegment(segment, form)}\r`;
      return text;
    },
  };
}

/** An instant on the wall clock of a zone, to the second. */
function wallClock(epochMs: number, timeZone: string): string {
  const at = new Date(epochMs);
  return formatHl7DateTime(
    {
      year: at.getUTCFullYear(),
      month: at.getUTCMonth() + 1,
      day: at.getUTCDate(),
      hour: at.getUTCHours(),
      minute: at.getUTCMinutes(),
      second: at.getUTCSeconds(),
      offset: 0,
    },
    timeZone,
  );
}

/** Characters of Crockford's alphabet that only the text decides, at most 32: five bits each of its SHA-256. */
function derivedText(length: number, purpose: string, of: string): string {
  const digest = hash('sha256', `${purpose} ${of}`, 'buffer');
  let text = '';
  for (let at = 0; at < length; at += 1) text += ALPHABET[digest[at]! & 31];
  return text;
}

/** Random characters of Crockford's alphabet, five bits each, and how many of them are used. */
let drawn = '';
let used = 0;
/** They are drawn many at a time: a few cost as much. */
const DRAWN = 4_096;

function randomText(length: number): string {
  if (used + length > drawn.length) {
    const bytes = randomBytes(DRAWN);
    for (let at = 0; at < DRAWN; at += 1) bytes[at] = ALPHABET.charCodeAt(bytes[at]! & 31);
    drawn = bytes.toString('latin1');
    used = 0;
  }
  used += length;
  return drawn.slice(used - length, used);
}
