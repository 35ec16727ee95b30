import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { isOn, numberOf, type WireDial } from './faults/dial.ts';
import { writeOversized } from './faults/oversized.ts';
import { downAfter, type Switchboard } from './faults/switchboard.ts';

/** An answer, not sent yet. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/** A listening address as part of a URL. */
export function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

/** The request body is larger than allowed. */
export class BodyTooLarge extends Error {}

/** The whole request body. Throws BodyTooLarge after reading `limit` bytes. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) {
      // The rest is read and dropped, so that the sender gets to see the answer.
      request.resume();
      throw new BodyTooLarge('The body is too large');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function send(response: ServerResponse, answer: HttpAnswer, head = false): void {
  const body = Buffer.from(answer.body as string);
  const bodiless = answer.status === 204 || answer.status === 304;
  response.writeHead(answer.status, {
    ...answer.headers,
    ...(bodiless ? {} : { 'content-length': String(body.length) }),
  });
  response.end(head || bodiless ? undefined : body);
}

/** Whether the core does what it was asked while this dial is on. */
export function appliesUnder(dial: WireDial | undefined): boolean {
  if (!dial) return true;
  return (
    !['hang', 'oversized', 'bomb', 'fault', 'status'].includes(dial.fault) &&
    dial.parameters['applied'] !== false
  );
}

/** Sends the answer the way a dial wants it, for the faults that HTTP services share. */
export async function sendUnder(
  dial: WireDial | undefined,
  answer: HttpAnswer,
  response: ServerResponse,
  switchboard: Switchboard,
  head = false,
): Promise<void> {
  switch (dial?.fault) {
    case 'lost':
    case 'hang':
      return;
    case 'late':
      await sleep(numberOf(dial, 'delayMs'), undefined, { ref: false });
      break;
    case 'status':
      send(response, errorPage(dial));
      return;
    case 'garbage':
      send(response, { status: 200, headers: answer.headers, body: '<html><body>%PDF-1.3 {"resource' });
      return;
    case 'kill-mid-write': {
      downAfter(switchboard, dial);
      const body = Buffer.from(answer.body as string);
      const bytes = numberOf(dial, 'bytes') ?? Math.floor(body.length / 2);
      if (bytes === 0) {
        response.socket?.resetAndDestroy();
        return;
      }
      response.writeHead(answer.status, { ...answer.headers, 'content-length': String(body.length) });
      response.write(body.subarray(0, bytes), () => response.socket?.destroy());
      return;
    }
    case 'oversized':
      response.writeHead(200, answer.headers);
      await writeOversized(response, oversizedHead(answer), numberOf(dial, 'bytes') ?? 0);
      response.end();
      return;
    case 'slow':
    case 'duplicate':
    case 'nack':
    case 'wrong-control-id':
    case 'down':
    case 'fault':
    case 'partial':
    case 'bomb':
    case undefined:
      break;
  }
  if (!response.destroyed) send(response, answer, head);
}

function errorPage(dial: WireDial): HttpAnswer {
  const status = Math.min(599, Math.max(400, numberOf(dial, 'status') ?? 503));
  const retryAfter = numberOf(dial, 'retryAfter');
  const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
  return isOn(dial, 'html')
    ? {
        status,
        headers: { ...headers, 'content-type': 'text/html' },
        body: '<html><h1>Gateway trouble</h1></html>',
      }
    : { status, headers, body: '' };
}

function oversizedHead(answer: HttpAnswer): string {
  return (answer.headers['content-type'] ?? '').includes('json') ? '{"resourceType":"Bundle","x":"' : '<a>';
}
