import { FicusError } from '../../src/errors.ts';
import { chooseCharset } from './charset.ts';
import type { CharsetChoice } from './charset.ts';
import { Fields } from './fields.ts';
import { FirstSegment } from './first-segment.ts';
import type { Message } from './message.ts';
import { isHeaderName } from './nested.ts';
import { parseMessage, readDelimiters, skipLead } from './parse.ts';
import { Segment } from './segment.ts';
import type { SegmentContext } from './segment.ts';
import { SegmentIndex } from './split.ts';
import { Text } from './text.ts';

/** A file of messages, with or without FHS, BHS, BTS and FTS (HL7 v2.5.1 §2.10.3). */
export interface Batch {
  /** Everything in the order of the file: messages, and the segments around them. */
  readonly items: readonly (Message | Segment)[];
  readonly messages: readonly Message[];
  /** The envelope: FHS, BHS, BTS, FTS, and lines between messages that belong to none. */
  readonly envelope: readonly Segment[];
  /** The file's bytes; where no message was changed, the bytes it was read from. */
  toBytes(): Buffer;
}

const ENVELOPE: ReadonlySet<string> = new Set(['FHS', 'BHS', 'BTS', 'FTS']);

/**
 * Reads a batch, a file of batches, or messages simply one after another. Each message has its own delimiters and
 * character set. Counts in trailers are not checked: they are there to be read.
 * @throws {FicusError} `legacy-malformed` when it does not start with FHS, BHS or MSH, or a header's delimiters are
 *   unusable.
 */
export function parseBatch(bytes: Uint8Array, choice: CharsetChoice = {}): Batch {
  const source = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = skipLead(source);
  if (!isHeaderName(source.toString('latin1', start, start + 3))) {
    throw new FicusError('legacy-malformed', 'The HL7v2 batch does not start with FHS, BHS or MSH.');
  }
  let delimiters = readDelimiters(source, start);
  const text = new Text(source, source, false);
  const index = new SegmentIndex(
    text,
    new FirstSegment(source, start, source.length, delimiters.codes.field),
    source.length,
    delimiters.codes.field,
  );
  const items: (Message | Segment)[] = [];
  // Text is read by the connection's or the default set: FHS and BHS have no field like MSH-18.
  const envelopeContext = (): SegmentContext => ({
    delimiters,
    charsetInForce: () => chooseCharset(choice, []),
    onEdit: () => {
      throw new FicusError('unmappable', 'The envelope of a batch is not edited.');
    },
  });
  let messageStart = -1;
  let messageEnd = -1;
  const closeMessage = (): void => {
    if (messageStart !== -1) items.push(parseMessage(source.subarray(messageStart, messageEnd), choice));
    messageStart = -1;
  };
  for (let nth = 0; index.reach(nth); nth++) {
    const [from = 0, end = 0, stop = 0] = index.offsets.slice(2 * nth, 2 * nth + 3);
    const name = source.toString('latin1', from, from + 3);
    if (name === 'MSH') {
      closeMessage();
      messageStart = from;
    } else if (ENVELOPE.has(name) || messageStart === -1) {
      closeMessage();
      if (isHeaderName(name)) delimiters = readDelimiters(source, from);
      items.push(new Segment(envelopeContext(), new Fields(text, from, end, delimiters.codes.field), stop));
    }
    messageEnd = stop;
  }
  closeMessage();
  const messages = items.filter((item): item is Message => !(item instanceof Segment));
  const envelope = items.filter((item): item is Segment => item instanceof Segment);
  const lead = source.subarray(0, start);
  const toBytes = (): Buffer =>
    Buffer.concat([
      lead,
      ...items.map((item) =>
        item instanceof Segment ? Buffer.from(item.bytes() + item.terminator, 'latin1') : item.toBytes(),
      ),
    ]);
  return { items, messages, envelope, toBytes };
}
