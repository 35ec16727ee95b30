import type { ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock, Logger } from '../ports.ts';
import type { FormFault } from './request-form.ts';
import { requestIdOf } from './trace.ts';

/** What a refusal needs besides the connection. */
export interface RefuseOptions {
  readonly clock: Clock;
  /** Gets a line for each, under the request id that the answer carries. Absent: none. */
  readonly log?: Logger;
}

const MALFORMED: FormFault = { status: 400, issue: 'structure', text: 'The request is not HTTP/1.1' };
const BY_PARSER: Readonly<Record<string, FormFault>> = {
  HPE_HEADER_OVERFLOW: { status: 431, issue: 'too-long', text: 'The address and the headers are too large' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, issue: 'timeout', text: 'The request did not come in time' },
};

function outcomeOf({ issue, text }: FormFault): string {
  return JSON.stringify({
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code: issue, diagnostics: text }],
  });
}

/** Headers of the answer, and the line of the log that its request id finds. */
function headersOf(
  outcome: string,
  requestId: string,
  { status, text }: FormFault,
  log: Logger | undefined,
): Record<string, string> {
  log?.info('request', { requestId, route: 'unrouted', status, reason: text });
  return {
    'content-type': 'application/fhir+json; charset=utf-8',
    'content-length': String(Buffer.byteLength(outcome)),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-request-id': requestId,
    connection: 'close',
  };
}

/**
 * Answers a request that is refused for its form, in FHIR like every other failure. What follows on its connection is
 * not believed.
 */
export function refuseForm(res: ServerResponse, fault: FormFault, log?: Logger): void {
  const outcome = outcomeOf(fault);
  const requestId = requestIdOf(res.req.headers['x-request-id']);
  res.writeHead(fault.status, headersOf(outcome, requestId, fault, log)).end(outcome);
}

/** A peer that is refused has so long, in milliseconds, to take its answer and go. */
const LINGER_MS = 2_000;

/**
 * The same where there is a connection and no request to answer. Whatever the peer still sends is dropped.
 *
 * @param header `X-Request-Id`, where it was read
 */
export function refuseOnSocket(
  socket: Duplex,
  fault: FormFault,
  { clock, log }: RefuseOptions,
  header?: string | string[],
): void {
  const outcome = outcomeOf(fault);
  const head = Object.entries(headersOf(outcome, requestIdOf(header), fault, log))
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  socket.end(`HTTP/1.1 ${fault.status} ${STATUS_CODES[fault.status] ?? ''}\r\n${head}\r\n${outcome}`);
  socket.resume();
  const cancel = clock.after(LINGER_MS, () => socket.destroy());
  socket.once('close', cancel);
}

/**
 * Answers what node:http refuses before there is a request. What is no HTTP at all, a TLS handshake that failed
 * included, is not answered.
 *
 * @param header `X-Request-Id` of the request whose body is no HTTP
 */
export function refuseUnparsed(
  error: Error & { code?: string },
  socket: Duplex,
  options: RefuseOptions,
  header?: string | string[],
): void {
  const { code = '' } = error;
  if (!socket.writable || !(code.startsWith('HPE_') || code === 'ERR_HTTP_REQUEST_TIMEOUT')) {
    socket.destroy();
    return;
  }
  refuseOnSocket(socket, BY_PARSER[code] ?? MALFORMED, options, header);
}
