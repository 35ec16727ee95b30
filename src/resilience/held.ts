import { Transform } from 'node:stream';
import type { Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import type { FhirBody, FhirResponse } from '../ports.ts';

type Pipe = Extract<FhirBody, { readonly kind: 'pipe' }>;

/** An answer that can be given more than once. */
export interface Held {
  readonly response: FhirResponse;
  /** Of a streamed body: its bytes. Absent: it was no stream, or was more than can be kept. */
  readonly bytes?: Buffer;
}

/**
 * Reads a streamed body as far as it can be kept. The answer's bytes and headers stay as they were; a body that is
 * larger goes on as a stream. One that breaks off is left out: status and headers said already that the write was done.
 *
 * @param maxBytes most that is kept
 */
export async function hold(response: FhirResponse, maxBytes: number): Promise<Held> {
  const { body } = response;
  if (body.kind !== 'pipe') return { response };
  const taken = await take(body, maxBytes).catch(() => undefined);
  if (taken === undefined) return { response: withoutStream(response) };
  if (Buffer.isBuffer(taken)) return { response: { ...response, body: pipeOf(taken) }, bytes: taken };
  return { response: { ...response, body: taken } };
}

/**
 * The answer for whoever else asks: with the bytes that are held, else status and headers alone, for a stream has one
 * reader.
 */
export function again({ response, bytes }: Held): FhirResponse {
  return bytes ? { ...response, body: pipeOf(bytes) } : withoutStream(response);
}

/** Bytes as a body that was streamed, once. */
export function pipeOf(bytes: Buffer): Pipe {
  return {
    kind: 'pipe',
    // In one write: who sends it knows its length.
    pipe: (sink) => {
      const written = finished(sink, { readable: false });
      sink.end(bytes);
      return written;
    },
    discard: () => {},
    whole: () => bytes,
    bytes: bytes.length,
  };
}

function withoutStream(response: FhirResponse): FhirResponse {
  if (response.body.kind !== 'pipe') return response;
  const headers = Object.entries(response.headers).filter(([name]) => !name.startsWith('content-'));
  return { ...response, headers: Object.fromEntries(headers), body: { kind: 'none' } };
}

/** All bytes of a body; of one that is larger, itself: what was read of it comes first. */
async function take(body: Pipe, maxBytes: number): Promise<Buffer | Pipe> {
  let size = 0;
  const { promise: overflowing, resolve } = Promise.withResolvers<'overflowing'>();
  const kept = new Transform({
    // What fits ends without a reader; beyond it the source waits for one.
    readableHighWaterMark: maxBytes + 1,
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > maxBytes) resolve('overflowing');
      done(null, chunk);
    },
  });
  kept.on('error', () => {});
  const arriving = body.pipe(kept);
  if ((await Promise.race([arriving, overflowing])) === 'overflowing') {
    arriving.catch(() => {});
    return {
      kind: 'pipe',
      pipe: async (sink: Writable) => {
        await Promise.all([pipeline(kept, sink), arriving]);
      },
      discard: () => void kept.destroy(),
    };
  }
  return (kept.read() as Buffer | null) ?? Buffer.alloc(0);
}
