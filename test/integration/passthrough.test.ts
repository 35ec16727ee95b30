import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { EventEmitter } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createPassthrough } from '../../src/http/passthrough.ts';
import type { Passthrough } from '../../src/http/passthrough.ts';
import { answer, keepLines, patient, rawExchange, startFhirServer } from '../unit/http/fhir-server.ts';
import type { Running } from '../unit/http/fhir-server.ts';

/** What is used of `ws`, which comes without types. */
interface Ws {
  WebSocket: new (url: string, options?: { headers: Record<string, string> }) => Socket;
  WebSocketServer: new (options: { server: Server; path: string }) => EventEmitter;
}
interface Socket extends EventEmitter {
  send(data: string | Buffer, options?: { binary: boolean }): void;
  close(): void;
}
const packageName: string = 'ws';
const { WebSocket, WebSocketServer } = (await import(packageName)) as Ws;

let system: Server;
let origin: string;
let ficus: Running;
let carriers: Passthrough[];
let connections = 0;
let seen: { method: string; url: string; headers: IncomingMessage['headers']; body: Buffer }[] = [];
let behave: (req: IncomingMessage, res: ServerResponse) => void;
const observed: { route: string; status: number }[] = [];

async function record(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const body = await buffer(req).catch(() => undefined);
  if (body === undefined) return;
  seen.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers, body });
  behave(req, res);
}

function carrier(prefix: string, target: string, deadlineMs = 30_000): Passthrough {
  return createPassthrough({
    prefix,
    target,
    deadlineMs,
    clock: systemClock,
    log: keepLines([]),
    metrics: { request: (route, status) => observed.push({ route, status }) },
  });
}

beforeAll(async () => {
  system = createServer((req, res) => void record(req, res));
  system.on('connection', () => (connections += 1));
  const sockets = new WebSocketServer({ server: system, path: '/hasty/echo' });
  sockets.on('connection', (socket: Socket, req: IncomingMessage) => {
    socket.send(
      JSON.stringify({ forwarded: req.headers['x-forwarded-for'] ?? '', cookie: req.headers.cookie ?? '' }),
    );
    socket.on('message', (data: Buffer, binary: boolean) => socket.send(data, { binary }));
  });
  system.listen(0, '127.0.0.1');
  await once(system, 'listening');
  origin = `http://127.0.0.1:${(system.address() as AddressInfo).port}`;
  carriers = [
    carrier('/portal', origin),
    carrier('/files', `${origin}/store`),
    carrier('/down', 'http://127.0.0.1:1'),
    carrier('/uploads', origin),
    carrier('/hasty', origin, 1_000),
  ];
  ficus = await startFhirServer(() => answer(patient('p1')), { passthrough: carriers });
});
beforeEach(() => {
  seen = [];
  observed.length = 0;
  behave = (_req, res) => res.writeHead(200, { 'content-type': 'text/html' }).end('<h1>old portal</h1>');
});
afterAll(async () => {
  await ficus.server.close(0);
  for (const one of carriers) one.close();
  system.closeAllConnections();
  system.close();
});

describe('a path prefix that is passed through', () => {
  it('carries the path as it is, and only what is below the prefix', async () => {
    const page = await fetch(`${ficus.origin}/portal/a%20b/c?x=1&y=%2F`);
    expect([page.status, await page.text()]).toEqual([200, '<h1>old portal</h1>']);
    expect(page.headers.get('x-served-by')).toBe('passthrough:/portal');
    expect(seen[0]).toMatchObject({ method: 'GET', url: '/portal/a%20b/c?x=1&y=%2F' });
    expect((await fetch(`${ficus.origin}/portals`)).status).toBe(404);
    expect((await fetch(`${ficus.origin}/portal`)).status).toBe(200);
    await fetch(`${ficus.origin}/files/x`);
    expect(seen.at(-1)?.url).toBe('/store/files/x');
  });

  it('leaves the FHIR API beside it alone', async () => {
    const response = await fetch(`${ficus.base}/Patient/p1`);
    expect(response.headers.get('x-served-by')).toBe('legacy:core');
    expect(seen).toEqual([]);
  });

  it('carries bodies byte for byte both ways, large ones too', async () => {
    const body = Buffer.from(
      Uint8Array.from({ length: 8 * 1024 * 1024 }, (_, at) => (at * 31 + (at >> 9)) & 0xff),
    );
    behave = (_req, res) => res.writeHead(200, { 'content-type': 'application/octet-stream' }).end(body);
    const response = await fetch(`${ficus.origin}/uploads/1`, { method: 'PUT', body });
    expect(response.status).toBe(200);
    expect(seen[0]?.body.equals(body)).toBe(true);
    expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
  });

  it('does not hold back events', async () => {
    let send: (text: string) => void = () => {};
    behave = (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      send = (text) => res.write(text);
      send('data: 1\n\n');
    };
    const response = await fetch(`${ficus.origin}/portal/events`);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    for (const text of ['data: 1\n\n', 'data: 2\n\n']) {
      const { value } = await reader.read();
      expect(Buffer.from(value ?? []).toString()).toBe(text);
      send('data: 2\n\n');
    }
    await reader.cancel();
  });

  it('says itself who asked, and forwards nothing that belongs to one hop', async () => {
    const reply = await rawExchange(
      ficus.server.port,
      [
        'GET /portal/x HTTP/1.1',
        `Host: ficus.example`,
        'X-Forwarded-For: 6.6.6.6',
        'X-Forwarded-Host: evil.example',
        'X-Forwarded-Proto: https',
        'X-Real-IP: 6.6.6.6',
        'Forwarded: for=6.6.6.6',
        'Connection: close, X-Secret',
        'X-Secret: 1',
        'Proxy-Authorization: Basic x',
        'TE: trailers',
        'Keep-Alive: timeout=1',
        'Cookie: session=1',
        '\r\n',
      ].join('\r\n'),
    );
    expect(reply).toMatch(/^HTTP\/1.1 200 /);
    const headers = seen[0]?.headers ?? {};
    expect(headers).toMatchObject({
      host: origin.slice('http://'.length),
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'ficus.example',
      'x-forwarded-proto': 'http',
      cookie: 'session=1',
    });
    for (const name of ['forwarded', 'x-real-ip', 'x-secret', 'proxy-authorization', 'te', 'keep-alive']) {
      expect(headers[name]).toBeUndefined();
    }
  });

  it('keeps the answers of one hop to that hop, and its cookies', async () => {
    behave = (_req, res) => {
      res.writeHead(200, { connection: 'keep-alive, X-Inner', 'x-inner': '1', 'proxy-authenticate': 'x', 'set-cookie': ['a=1', 'b=2'] }); // prettier-ignore
      res.end('x');
    };
    const response = await fetch(`${ficus.origin}/portal/x`);
    expect(response.headers.get('x-inner')).toBeNull();
    expect(response.headers.get('proxy-authenticate')).toBeNull();
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });

  it.each([
    { location: '/portal/next?x=1', expected: '/portal/next?x=1' },
    { location: 'OWN/portal/next?x=1#y', expected: '/portal/next?x=1#y' },
    { location: 'https://login.example/x', expected: 'https://login.example/x' },
    { location: 'next', expected: 'next' },
  ])('leads the redirect to $location to $expected, and follows none', async ({ location, expected }) => {
    behave = (_req, res) => res.writeHead(302, { location: location.replace('OWN', origin) }).end();
    const response = await fetch(`${ficus.origin}/portal/x`, { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([302, expected]);
    expect(seen).toHaveLength(1);
  });

  it('uses its connections again', async () => {
    const before = connections;
    for (let round = 0; round < 10; round += 1) await (await fetch(`${ficus.origin}/portal/x`)).text();
    expect(connections - before).toBeLessThanOrEqual(1);
  });

  it('lets an upload that expects 100 go on', async () => {
    const reply = rawExchange(
      ficus.server.port,
      'POST /portal/x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi',
    );
    expect(await reply).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK/);
    expect(seen[0]?.body.toString()).toBe('hi');
  });

  it('refuses a request whose length is said twice', async () => {
    const reply = await rawExchange(
      ficus.server.port,
      'POST /portal/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    );
    expect(reply).toMatch(/^HTTP\/1.1 400 /);
    expect(seen).toEqual([]);
  });
});

describe('a system behind a prefix that fails', () => {
  it('is 502 in plain text when nothing listens', async () => {
    const response = await fetch(`${ficus.origin}/down/x`);
    expect([response.status, response.headers.get('content-type')]).toEqual([
      502,
      'text/plain; charset=utf-8',
    ]);
    expect(await response.text()).not.toContain('127.0.0.1');
  });

  it('is 504 when the head of its answer does not come in time', async () => {
    behave = () => {};
    const response = await fetch(`${ficus.origin}/hasty/x`);
    expect(response.status).toBe(504);
    await expect.poll(() => observed).toEqual([{ route: 'passthrough:/hasty', status: 504 }]);
  });

  it('is 502 when it hangs up', async () => {
    behave = (req) => req.socket.destroy();
    expect((await fetch(`${ficus.origin}/portal/x`, { method: 'POST', body: 'x' })).status).toBe(502);
    expect(seen).toHaveLength(1);
  });

  it('is 502 when it speaks no HTTP, or says two lengths', async () => {
    behave = (req) => req.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx');
    expect((await fetch(`${ficus.origin}/portal/x`)).status).toBe(502);
  });

  it('never makes a body that broke off look complete', async () => {
    behave = (req, res) => {
      res.writeHead(200);
      res.write('x'.repeat(1_000), () => setTimeout(() => req.socket.destroy(), 20));
    };
    await expect(fetch(`${ficus.origin}/portal/x`).then((response) => response.text())).rejects.toThrow();
  });

  it('is let go when the client goes away', async () => {
    const closed = Promise.withResolvers<void>();
    behave = (_req, res) => {
      res.on('close', () => closed.resolve());
      res.writeHead(200);
      res.write('x');
    };
    const controller = new AbortController();
    await fetch(`${ficus.origin}/portal/x`, { signal: controller.signal });
    controller.abort();
    await closed.promise;
    await expect.poll(() => observed.at(-1)?.status).toBe(499);
  });

  it('does not take Ficus with it when a client breaks its upload off', async () => {
    const controller = new AbortController();
    const endless = new Readable({ read: () => {} });
    endless.push('x');
    const init = {
      method: 'POST',
      body: Readable.toWeb(endless),
      duplex: 'half',
      signal: controller.signal,
    } as RequestInit;
    const asked = fetch(`${ficus.origin}/portal/x`, init).catch(() => 'broken');
    setTimeout(() => controller.abort(), 50);
    expect(await asked).toBe('broken');
    expect((await fetch(`${ficus.origin}/portal/x`)).status).toBe(200);
  });
});

describe('a WebSocket', () => {
  const url = (path: string): string => `${ficus.origin.replace('http', 'ws')}${path}`;

  it('is carried both ways, text and binary, past the deadline', async () => {
    const socket = new WebSocket(url('/hasty/echo'), {
      headers: { 'x-forwarded-for': '6.6.6.6', cookie: 'session=1' },
    });
    const next = async (): Promise<Buffer> => (await once(socket, 'message'))[0] as Buffer;
    expect(JSON.parse((await next()).toString())).toEqual({ forwarded: '127.0.0.1', cookie: 'session=1' });
    socket.send('hello');
    expect((await next()).toString()).toBe('hello');
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    socket.send(Buffer.from([0, 1, 255]));
    expect([...(await next())]).toEqual([0, 1, 255]);
    socket.close();
    await once(socket, 'close');
  });

  it.each(['/nothing', '/fhir/r4/Patient', '/portal/no-socket-here', '/down/x'])(
    'is refused at %s',
    async (path) => {
      const socket = new WebSocket(url(path));
      const [error] = (await once(socket, 'error')) as [Error];
      expect(error.message).toMatch(/40[04]|502|504|hang up|ECONNRESET/);
      expect((await fetch(`${ficus.base}/Patient/p1`)).status).toBe(200);
    },
  );

  it('is closed at shutdown, at the limit', async () => {
    const own = await startFhirServer(() => answer(patient('p1')), { passthrough: carriers });
    const socket = new WebSocket(`${own.origin.replace('http', 'ws')}/hasty/echo`);
    await once(socket, 'open');
    const closed = once(socket, 'close');
    await own.server.close(100);
    await closed;
  });
});
