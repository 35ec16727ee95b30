import { Writable } from 'node:stream';
import type { FhirBody } from '../../ports.ts';
import { skipped } from './uncomparable.ts';

type Pipe = Extract<FhirBody, { readonly kind: 'pipe' }>;

/**
 * The bytes of a piped body.
 *
 * @param maxBytes of more than these the transfer is broken off at once
 * @param signal ends the transfer
 * @throws Uncomparable `too-large`; the signal's reason; what the pipe fails with
 */
export async function readPipe(body: Pipe, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const tooLarge = skipped('too-large');
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      done(size <= maxBytes ? null : tooLarge);
    },
  });
  // The pipe tells of every failure; a sink without a listener would tell it to the process.
  sink.on('error', () => {});
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => {
    sink.destroy(signal.reason as Error);
    reject(signal.reason as Error);
  };
  if (signal.aborted) {
    body.discard();
    throw signal.reason as Error;
  }
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([body.pipe(sink), aborted]);
  } catch (error) {
    throw size > maxBytes ? tooLarge : error;
  } finally {
    signal.removeEventListener('abort', abort);
    // What came before it was broken off is not kept either.
    if (size > maxBytes) chunks.length = 0;
  }
  return Buffer.concat(chunks, size);
}
