import { encodeWords, formatInstant } from '../ack.ts';
import type { ByteString } from '../charset.ts';
import type { EnvelopeHeader, FrameContent } from './frame.ts';

/** What a batch of acknowledgements says of its own. */
export interface BatchAnswerOptions {
  /** Epoch milliseconds. */
  readonly now: number;
  /** BHS-11 and FHS-11. */
  readonly controlId: string;
}

/**
 * One frame that answers a batch: its acknowledgements, in their order, in an envelope of the same kind (HL7 v2.5.1
 * §2.10.3.3). BHS-12 and FHS-12 name the batch that is answered. It may be empty, where only errors are told and there
 * are none. A count in BTS-1 that is not what came is told in BTS-2.
 *
 * @param batch what came, with at least one header
 * @param acknowledgements each as it would be answered alone
 */
export function writeBatchAnswer(
  batch: FrameContent,
  acknowledgements: readonly Uint8Array[],
  options: BatchAnswerOptions,
): Buffer {
  const file = batch.headers.find(({ name }) => name === 'FHS');
  const [first] = batch.headers;
  // A file may hold several batches: they are answered as one.
  const header = batch.headers.find(({ name }) => name === 'BHS') ?? first!;
  const separator = header.delimiters.field;
  const lines: ByteString[] = [];
  if (file) lines.push(answerHeader('FHS', file, options));
  lines.push(answerHeader('BHS', header, options));
  const messages = acknowledgements.map((bytes) => Buffer.from(bytes));
  const { announced } = batch;
  const trailer = ['BTS', String(messages.length)];
  if (announced !== undefined && announced !== batch.messages.length) {
    const words = `${announced} messages were announced and ${batch.messages.length} came`;
    trailer.push(encodeWords(words, header.delimiters));
  }
  const end = [trailer.join(separator)];
  if (file) end.push(['FTS', '1'].join(file.delimiters.field));
  return Buffer.concat([text(lines), ...messages, text(end)]);
}

function text(lines: readonly ByteString[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\r`).join(''), 'latin1');
}

/** Sender and receiver change places; the id of what is answered becomes the reference. */
function answerHeader(name: 'FHS' | 'BHS', header: EnvelopeHeader, options: BatchAnswerOptions): ByteString {
  const { delimiters } = header;
  const of = (field: number): string => header.fields[field - 1] ?? '';
  const parties = [of(5), of(6), of(3), of(4)];
  const fields = [name, of(2), ...parties, formatInstant(options.now), '', '', ''];
  fields.push(encodeWords(options.controlId, delimiters), of(11));
  while (fields.at(-1) === '') fields.pop();
  return fields.join(delimiters.field);
}
