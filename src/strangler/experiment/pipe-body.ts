import { Writable } from 'node:stream';
import type { Signal } from '../../cancellation.ts';
import type { Clock, FhirBody } from '../../ports.ts';
import { skipped } from './uncomparable.ts';

type Pipe = Extract<FhirBody, { readonly kind: 'pipe' }>;

export interface ReadPipeOptions {
  /** Of more than these the transfer is broken off at once; one that is announced as longer is not begun. */
  readonly maxBytes: number;
  /** Ends the transfer. */
  readonly signal: Signal;
  readonly clock: Clock;
}

/** So much is taken without a pause; most answers end before it. */
const AT_ONCE_BYTES = 64 * 1024;

/**
 * The bytes of a piped body. What is longer is taken chunk by chunk, with a turn for everybody else after each.
 *
 * @throws Uncomparable `too-large`; the signal's reason; what the pipe fails with
 */
export async function readPipe(body: Pipe, { maxBytes, signal, clock }: ReadPipeOptions): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const tooLarge = skipped('too-large');
  if (signal.aborted || (body.bytes ?? 0) > maxBytes) {
    body.discard();
    throw signal.aborted ? (signal.reason as Error) : tooLarge;
  }
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > maxBytes) {
        // What came before is not kept until the connection is gone.
        chunks.length = 0;
        done(tooLarge);
        return;
      }
      chunks.push(chunk);
      if (size > AT_ONCE_BYTES) clock.after(0, done);
      else done();
    },
  });
  // The pipe tells of every failure; a sink without a listener would tell it to the process.
  sink.on('error', () => {});
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => {
    sink.destroy(signal.reason as Error);
    reject(signal.reason);
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([body.pipe(sink), aborted]);
  } catch (error) {
    throw size > maxBytes ? tooLarge : error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
  return Buffer.concat(chunks, size);
}
