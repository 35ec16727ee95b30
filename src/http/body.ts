import type { Signal } from '../cancellation.ts';
import { Readable } from 'node:stream';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FicusError } from '../errors.ts';

/** After a refusal the rest of a body is read and dropped up to here, so that the client sees the answer. */
const DRAIN_BYTES = 64 * 1024 * 1024;

function tooLarge(limit: number): FicusError {
  return new FicusError('too-large', `The body is larger than ${limit} bytes`);
}

/** Reads on without keeping anything; a client that does not stop is cut off. */
function drain(req: IncomingMessage): void {
  let size = 0;
  req.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > DRAIN_BYTES) req.destroy();
  });
  req.resume();
}

/** Refuses by the announced length before a byte is read, and lets a client that asked (`Expect`) go on. */
function admit(req: IncomingMessage, res: ServerResponse, limit: number): void {
  if (Number(req.headers['content-length'] ?? 0) > limit) {
    drain(req);
    throw tooLarge(limit);
  }
  if (req.headers.expect !== undefined) res.writeContinue();
}

/**
 * The whole body.
 *
 * @param limit bytes; a larger body is refused without being kept
 * @param signal gives up waiting
 * Throws `too-large`, `malformed` (the body broke off), or the signal's reason.
 */
export async function readBody(
  req: IncomingMessage,
  res: ServerResponse,
  limit: number,
  signal: Signal,
): Promise<Buffer> {
  admit(req, res, limit);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (error?: Error): void => {
      req.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken);
      signal.removeEventListener('abort', onAbort);
      if (!error) {
        const [only] = chunks;
        resolve(chunks.length === 1 && only ? only : Buffer.concat(chunks, size));
        return;
      }
      drain(req);
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limit) settle(tooLarge(limit));
      else chunks.push(chunk);
    };
    const onEnd = (): void => settle();
    const onBroken = (): void => settle(new FicusError('malformed', 'The body broke off before its end'));
    const onAbort = (): void =>
      settle(signal.reason instanceof Error ? signal.reason : new Error('Given up'));
    signal.addEventListener('abort', onAbort);
    req.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken);
  });
}

/**
 * The body as it comes, for a route that streams it. Ends in error (`too-large`, `malformed`) when it grows over the
 * limit or breaks off; the answer can still be sent then.
 */
export function streamBody(req: IncomingMessage, res: ServerResponse, limit: number): Readable {
  admit(req, res, limit);
  let size = 0;
  const body = new Readable({
    read: () => {
      req.resume();
    },
    destroy: (error, callback) => {
      if (!req.complete) drain(req);
      callback(error);
    },
  });
  req.on('data', (chunk: Buffer) => {
    if (body.destroyed) return;
    size += chunk.length;
    if (size > limit) body.destroy(tooLarge(limit));
    else if (!body.push(chunk)) req.pause();
  });
  req.on('end', () => body.push(null));
  req.on('close', () => {
    if (!req.complete) body.destroy(new FicusError('malformed', 'The body broke off before its end'));
  });
  req.pause();
  return body;
}
