import { createMessage } from './parse.ts';
import type { Message } from './message.ts';

/** HL7 table 0008. */
export type AckCode = 'AA' | 'AE' | 'AR' | 'CA' | 'CE' | 'CR';

/** What an acknowledgement says of its own. */
export interface AckOptions {
  /** MSH-10 of the acknowledgement. */
  readonly controlId: string;
  /** MSH-7: epoch milliseconds by the injected Clock. */
  readonly now: number;
}

/** An instant as HL7 v2.5.1 §2.A.77 TS writes it, in UTC, to the second: `20240131235959+0000`. */
export function formatInstant(epochMs: number): string {
  return `${new Date(epochMs).toISOString().replace(/[-:T]/g, '').slice(0, 14)}+0000`;
}

/**
 * The general acknowledgement of a message (HL7 v2.5.1 §2.9.2, §2.13.1): sender and receiver change places, MSA-2 is the message's MSH-10, processing
 * id, version and character set are the message's.
 */
export function createAck(of: Message, code: AckCode, options: AckOptions): Message {
  const header = of.segments[0]!;
  const field = (number: number) => copyField(of, number);
  const trigger = header.value(9, 1, 2);
  return createMessage(
    [
      [
        'MSH',
        {
          3: field(5),
          4: field(6),
          5: field(3),
          6: field(4),
          7: formatInstant(options.now),
          9: trigger ? ['ACK', trigger, 'ACK'] : 'ACK',
          10: options.controlId,
          11: field(11),
          12: field(12),
          18: header.value(18) || undefined,
        },
      ],
      ['MSA', { 1: code, 2: header.value(10) ?? undefined }],
    ],
    { delimiters: of.delimiters, charset: of.charset },
  );
}

/** Components of a header field that has no subcomponents to speak of (HD, PT, VID). */
function copyField(message: Message, field: number) {
  const header = message.segments[0]!;
  const count = header.components(field);
  return count === 0
    ? undefined
    : Array.from({ length: count }, (_, index) => header.value(field, 1, index + 1));
}
