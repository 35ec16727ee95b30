import type { ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../ports.ts';
import type { FormFault } from './request-form.ts';

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

const HEADERS = {
  'content-type': 'application/fhir+json; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  connection: 'close',
};

/**
 * Answers a request that is refused for its form, in FHIR like every other failure. What follows on its connection is
 * not believed.
 */
export function refuseForm(res: ServerResponse, fault: FormFault): void {
  const outcome = outcomeOf(fault);
  res.writeHead(fault.status, { ...HEADERS, 'content-length': Buffer.byteLength(outcome) }).end(outcome);
}

/** A peer that is refused has so long, in milliseconds, to take its answer and go. */
const LINGER_MS = 2_000;

/** The same where there is a connection and no request to answer. Whatever the peer still sends is dropped. */
export function refuseOnSocket(socket: Duplex, fault: FormFault, clock: Clock): void {
  const outcome = outcomeOf(fault);
  const head = Object.entries({ ...HEADERS, 'content-length': String(Buffer.byteLength(outcome)) })
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
 */
export function refuseUnparsed(error: Error & { code?: string }, socket: Duplex, clock: Clock): void {
  const { code = '' } = error;
  if (!socket.writable || !(code.startsWith('HPE_') || code === 'ERR_HTTP_REQUEST_TIMEOUT')) {
    socket.destroy();
    return;
  }
  refuseOnSocket(socket, BY_PARSER[code] ?? MALFORMED, clock);
}
