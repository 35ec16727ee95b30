import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { heapUsed, startTarget } from './target.ts';
import type { Target } from './target.ts';

/** Peers that take connections, memory or time, and give nothing. All limits are short here, so that they are met. */
const CONNECTIONS = {
  most: 200,
  perAddress: 30,
  headersMs: 600,
  requestMs: 1_500,
  idleMs: 600,
  stalledMs: 800,
  headerBytes: 16_384,
  urlBytes: 8_192,
  headers: 100,
};
let target: Target;
const open = new Set<Socket>();

beforeAll(async () => {
  target = await startTarget((config) => ({
    ...config,
    http: { ...config.http, connections: CONNECTIONS, deadlineMs: 1_000, maxBodyBytes: 32 * 1024 * 1024 },
  }));
});
afterAll(() => target.close());
afterEach(async () => {
  for (const socket of open) socket.destroy();
  open.clear();
  await target.serves();
});

/** A connection that is told of its end, and of all that came. */
function dial(bytes: string): { socket: Socket; closed: Promise<string> } {
  const socket = connect({ port: target.port, host: '127.0.0.1', allowHalfOpen: true });
  open.add(socket);
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.on('error', () => {});
  // The end of what Ficus has to say is the end: it may wait for nothing more of ours.
  const closed = Promise.race([ended(socket, 'close'), ended(socket, 'end')]).then(() => text);
  if (bytes !== '') socket.write(bytes);
  return { socket, closed };
}

/** Whatever error came before. */
function ended(socket: Socket, how: 'close' | 'end'): Promise<void> {
  return new Promise((resolve) => socket.once(how, () => resolve()));
}

/** Writes a byte now and then until the connection ends. */
function drip(socket: Socket, byte: string): void {
  const timer = setInterval(() => (socket.writable ? socket.write(byte) : clearInterval(timer)), 50);
  socket.on('close', () => clearInterval(timer));
  socket.on('end', () => clearInterval(timer));
}

const HEAD = 'Host: ficus.example\r\nContent-Type: application/fhir+json\r\n';

describe('a peer that is slow', () => {
  it('to say anything is let go', async () => {
    expect(await dial('').closed).toMatch(/^(HTTP\/1\.1 408 .*)?/s);
  });

  it('with its headers is let go, however steadily they come', async () => {
    const { socket, closed } = dial('GET /fhir/r4/metadata HTTP/1.1\r\nX-A: ');
    drip(socket, 'a');
    expect(await closed).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('with its body is answered at the deadline, and let go', async () => {
    const { socket, closed } = dial(
      `POST /fhir/r4/Patient HTTP/1.1\r\n${HEAD}Content-Length: 100000\r\n\r\n{`,
    );
    drip(socket, ' ');
    expect(await closed).toMatch(/^HTTP\/1\.1 (504|408) /);
  });

  it('with the chunks of its body likewise, at the pass-through too', async () => {
    const { socket, closed } = dial(`POST /portal/a HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    drip(socket, '1\r\na\r\n');
    expect(await closed).not.toMatch(/^HTTP\/1\.1 200 /);
  });

  it('with its next request is let go without a word', async () => {
    const { closed } = dial(`GET /fhir/r4/metadata HTTP/1.1\r\n${HEAD}\r\n`);
    expect((await closed).match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it('to take its answers is let go, and they with it', async () => {
    const before = await heapUsed();
    const { socket } = dial('');
    socket.pause();
    // As many answers as no buffer of the system holds.
    const ask = `GET /fhir/r4/metadata HTTP/1.1\r\n${HEAD}\r\n`.repeat(90);
    const asking = setInterval(() => void (socket.writable && socket.write(ask)), 20);
    // Whoever writes to a connection that was cut off hears of it; whoever does not read does not.
    await once(socket, 'error');
    clearInterval(asking);
    socket.destroy();
    expect((await heapUsed()) - before).toBeLessThan(24 * 1024 * 1024);
  });
});

describe('connections', () => {
  it('of one address are as many as they may be, and those that say nothing make room again', async () => {
    const many = Array.from({ length: 80 }, () => dial(''));
    await Promise.all(many.map(({ closed }) => closed));
    for (const { socket } of many) socket.destroy();
    await vi.waitFor(() => target.serves(), { timeout: 30_000, interval: 100 });
  });

  it('that are half closed after nonsense do not stay', async () => {
    const { socket, closed } = dial('nonsense\r\n\r\n');
    expect(await closed).toMatch(/^HTTP\/1\.1 400 /);
    const gone = ended(socket, 'close');
    const writing = setInterval(() => socket.write('more nonsense'), 50);
    await gone;
    clearInterval(writing);
  });
});
