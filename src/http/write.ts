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
  const headers: Record<string, string> = {
    'cache-control': 'no-store',
    ...answer.headers,
    ...turn.cors,
    'x-request-id': scope.requestId,
    'x-served-by': answer.servedBy,
    'x-content-type-options': 'nosniff',
    vary: 'Accept, Accept-Encoding, Origin, Prefer',
  };
  if (!own) {
    headers['server-timing'] = scope.serverTiming();
    await writeStream(req, res, status, headers, body);
    return;
  }
  let bytes = body;
  if (bytes && compression && req.method !== 'HEAD') {
    const compressed = await compress(bytes, req.headers['accept-encoding']);
    bytes = compressed.body;
    if (compressed.encoding) headers['content-encoding'] = compressed.encoding;
  }
  if (!isBodyless(status)) headers['content-length'] = String(bytes?.length ?? 0);
  headers['server-timing'] = scope.serverTiming();
  // A client that waits for "100 Continue" and never got it may or may not send its body: the connection is of no use.
  if (req.headers.expect !== undefined && !req.complete) headers['connection'] = 'close';
  res.writeHead(status, headers);
  res.end(req.method === 'HEAD' || isBodyless(status) ? undefined : bytes);
}

async function writeStream(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Exclude<Answer['body'], Buffer | undefined>,
): Promise<void> {
  // Headers are not written yet: a body that is already whole then gets its length from node:http.
  res.statusCode = status;
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  if (req.method === 'HEAD' || isBodyless(status)) {
    body.discard();
    res.end();
    return;
  }
  await body.pipe(res);
}
