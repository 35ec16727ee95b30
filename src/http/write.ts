import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './answer.ts';
import { compress } from './compress.ts';
import type { RequestScope } from './scope.ts';

interface Written {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly scope: RequestScope;
  readonly cors: Readonly<Record<string, string>>;
}

/** Bodies that have none whatever is written (RFC 9110 §6.4.1). */
function isBodyless(status: number): boolean {
  return status === 204 || status === 304;
}

/**
 * Writes an answer. Clinical data is not to be kept by caches; what was read from a backend is streamed as it comes.
 * Rejects when a stream breaks off: the connection is destroyed then.
 */
export async function writeAnswer(turn: Written, answer: Answer, compression: boolean): Promise<void> {
  const { req, res, scope } = turn;
  const { status, body } = answer;
  const own = body === undefined || Buffer.isBuffer(body);
  if (res.destroyed) {
    if (!own) body.discard();
    return;
  }
  // Set one by one: merging objects of headers costs more than all the rest here.
  res.statusCode = status;
  res.setHeader('cache-control', 'no-store');
  setHeaders(res, answer.headers);
  setHeaders(res, turn.cors);
  res.setHeader('x-request-id', scope.requestId);
  res.setHeader('x-served-by', answer.servedBy);
  res.setHeader('x-content-type-options', 'nosniff');
  res.setHeader('vary', 'Accept, Accept-Encoding, Origin, Prefer');
  if (!own) {
    res.setHeader('server-timing', scope.serverTiming());
    // The headers go with the first bytes: a body that is already whole then gets its length from node:http.
    if (req.method !== 'HEAD' && !isBodyless(status)) await body.pipe(res);
    else {
      body.discard();
      res.end();
    }
    return;
  }
  let bytes = body;
  const acceptEncoding = req.headers['accept-encoding'];
  if (bytes && compression && acceptEncoding !== undefined && req.method !== 'HEAD') {
    const compressed = await compress(bytes, acceptEncoding);
    bytes = compressed.body;
    if (compressed.encoding) res.setHeader('content-encoding', compressed.encoding);
  }
  if (!isBodyless(status)) res.setHeader('content-length', bytes?.length ?? 0);
  res.setHeader('server-timing', scope.serverTiming());
  // A client that waits for "100 Continue" and never got it may or may not send its body: the connection is of no use.
  if (req.headers.expect !== undefined && !req.complete) res.setHeader('connection', 'close');
  res.end(req.method === 'HEAD' || isBodyless(status) ? undefined : bytes);
}

function setHeaders(res: ServerResponse, headers: Readonly<Record<string, string>>): void {
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) res.setHeader(name, value);
  }
}
