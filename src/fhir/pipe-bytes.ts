import { Writable } from 'node:stream';

/**
 * The bytes of a body that writes itself to a sink. Over the limit the transfer ends at once, and nothing is kept.
 *
 * @param pipe writes the body to the sink, and rejects with what goes wrong
 * @param limit bytes at most
 * @param tooLarge what is thrown over the limit
 */
export async function pipeBytes(
  pipe: (sink: Writable) => Promise<void>,
  limit: number,
  tooLarge: () => Error,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  let over: Error | undefined;
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > limit) {
        chunks.length = 0;
        done((over = tooLarge()));
        return;
      }
      chunks.push(chunk);
      done();
    },
  });
  try {
    await pipe(sink);
  } catch (error) {
    throw over ?? error;
  }
  return Buffer.concat(chunks, size);
}
