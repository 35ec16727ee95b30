import { Buffer } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FhirBody } from '../ports.ts';
import type { Answer } from './answer.ts';
import { compress } from './compress.ts';
import type { RequestScope } from './scope.ts';

type Pipe = Extract<FhirBody, { readonly kind: 'pipe' }>;

interface Written {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly scope: RequestScope;
  readonly cors: Readonly<Record<string, string>>;
}

/** Of a longer body the copy costs more than the second piece. */
const SHORT_BYTES = 12_000;

/** Bodies that have none whatever is written (RFC 9110 §6.4.1). */
function isBodyless(status: number): boolean {
  return status === 204 || status === 304;
}

/**
 * Writes an answer. Clinical data is not to be kept by caches; what was read from a backend is streamed as it comes.
 * Rejects when a stream breaks off: the connection is destroyed then.
 */
export async function writeAnswer(turn: Written, answer: Answer, compression: boolean): Promise<void> {
  const { req, res } = turn;
  const { status, body } = answer;
  const own = body === undefined || Buffer.isBuffer(body);
  if (res.destroyed) {
    if (!own) body.discard();
    return;
  }
  if (!own) {
    await writeForeign(turn, answer, body);
    return;
  }
  let bytes = body;
  let encoding: string | undefined;
  const acceptEncoding = req.headers['accept-encoding'];
  if (bytes && compression && acceptEncoding !== undefined && req.method !== 'HEAD') {
    ({ body: bytes, encoding } = await compress(bytes, acceptEncoding));
  }
  const headers = headersOf(turn, answer, isBodyless(status) ? undefined : (bytes?.length ?? 0));
  if (encoding !== undefined) headers.push('content-encoding', encoding);
  // A client that waits for "100 Continue" and never got it may or may not send its body: the connection is of no use.
  if (req.headers.expect !== undefined && !req.complete) headers.push('connection', 'close');
  res.writeHead(status, headers);
  if (!bytes || req.method === 'HEAD' || isBodyless(status)) res.end();
  else end(res, bytes);
}

function end(res: ServerResponse, bytes: Buffer): void {
  // A character for each byte: node:http hands head and body to the socket as one string, which costs less than two
  // pieces.
  if (bytes.length <= SHORT_BYTES) res.end(bytes.toString('latin1'), 'latin1');
  else res.end(bytes);
}

/** A body that stays as it is: in one piece when it has come already, else as it comes. */
async function writeForeign(turn: Written, answer: Answer, body: Pipe): Promise<void> {
  const { req, res } = turn;
  const { status } = answer;
  const hasBody = req.method !== 'HEAD' && !isBodyless(status);
  const whole = hasBody ? body.whole?.() : undefined;
  const headers = headersOf(turn, answer, whole?.length);
  if (whole) {
    res.writeHead(status, headers);
    end(res, whole);
    return;
  }
  res.statusCode = status;
  for (let at = 0; at < headers.length; at += 2) res.setHeader(headers[at]!, headers[at + 1]!);
  // The headers go with the first bytes: a body that is already whole then gets its length from node:http.
  if (hasBody) await body.pipe(res);
  else {
    body.discard();
    res.end();
  }
}

/** Headers that are ours to say, whatever an answer holds. */
const OURS: ReadonlySet<string> = new Set([
  'cache-control',
  'server-timing',
  'vary',
  'x-content-type-options',
  'x-request-id',
  'x-served-by',
]);

/**
 * Names and values in turn, no name twice: node:http writes such a list as it is, and copies and merges everything
 * else.
 *
 * @param length bytes of the body, whatever was said of it before; undefined: they are not known, or told
 *   elsewhere
 */
function headersOf({ scope, cors }: Written, answer: Answer, length?: number): string[] {
  const list = ['cache-control', answer.headers['cache-control'] ?? 'no-store'];
  for (const name in answer.headers) {
    const value = answer.headers[name];
    if (value === undefined || OURS.has(name)) continue;
    if (length === undefined || name !== 'content-length') list.push(name, value);
  }
  if (length !== undefined) list.push('content-length', String(length));
  for (const name in cors) list.push(name, cors[name]!);
  list.push('x-request-id', scope.requestId, 'x-served-by', answer.servedBy);
  list.push('x-content-type-options', 'nosniff', 'vary', 'Accept, Accept-Encoding, Origin, Prefer');
  list.push('server-timing', scope.serverTiming());
  return list;
}
