import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { afterEach } from 'vitest';
import { createSoapClient } from '../../adapters/soap/client.ts';
import type { SoapCall, SoapClient, SoapClientOptions } from '../../adapters/soap/client.ts';
import { element } from '../../adapters/soap/xml-element.ts';
import { FicusError } from '../../src/errors.ts';
import { systemClock } from '../../src/clock.ts';

const closers: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Closes it when the test is over, last opened first. */
export function closeAfterwards(close: () => Promise<unknown> | void): void {
  closers.push(close);
}

/** A server of this test's own on a free port; gives the port. */
export async function listen(server: Server | NetServer): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closeAfterwards(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  );
  return (server.address() as AddressInfo).port;
}

/** A service that behaves as told; gives its address. The body of the request has been read when `answer` is called. */
export async function serve(
  answer: (response: ServerResponse, body: string, request: IncomingMessage) => void,
): Promise<string> {
  const onRequest: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => answer(response, Buffer.concat(chunks).toString(), request));
  };
  return `http://127.0.0.1:${await listen(createServer(onRequest))}/service?x=1`;
}

/** A client that is closed when the test is over, however its calls ended. */
export function connect(url: string, options: Partial<SoapClientOptions> = {}): SoapClient {
  const client = createSoapClient({ url, version: '1.1', clock: systemClock, ...options });
  closeAfterwards(() => client.close());
  return client;
}

/** A call with ten seconds to go. */
export function callOf(kind: SoapCall['kind'], more: Partial<SoapCall> = {}): SoapCall {
  const { signal } = new AbortController();
  return {
    action: 'urn:x/Find',
    body: element('urn:x', 'Find'),
    kind,
    signal,
    deadline: Date.now() + 10_000,
    ...more,
  };
}

const NAMESPACES = {
  '1.1': 'http://schemas.xmlsoap.org/soap/envelope/',
  '1.2': 'http://www.w3.org/2003/05/soap-envelope',
};

export function envelope(body: string, header = '', version: keyof typeof NAMESPACES = '1.1'): string {
  return `<e:Envelope xmlns:e="${NAMESPACES[version]}"><e:Header>${header}</e:Header><e:Body>${body}</e:Body></e:Envelope>`;
}

export const FAULT = envelope(
  '<e:Fault><faultcode>e:Server</faultcode><faultstring>busy</faultstring></e:Fault>',
);

export const ANSWER = envelope('<a xmlns="urn:x">caf\u00e9 1.50</a>');

/** Answers with a body. */
export function xml(
  response: ServerResponse,
  body: string | Buffer,
  status = 200,
  type = 'text/xml; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': type }).end(body);
}

/** The FicusError a call ends with. */
export async function refusal(promise: Promise<unknown>): Promise<FicusError> {
  const error: unknown = await promise.then(
    () => new Error('was not refused'),
    (reason: unknown) => reason,
  );
  if (error instanceof FicusError) return error;
  throw error;
}
