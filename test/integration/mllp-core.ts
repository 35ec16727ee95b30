import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';

/** One message as a core of a test receives it. */
export interface Received {
  readonly text: string;
  readonly controlId: string;
  readonly socket: Socket;
  /** Time of arrival, milliseconds. */
  readonly at: number;
  /** Answers with an acknowledgement of this message. */
  ack(code?: string, controlId?: string): void;
}

export interface Core {
  readonly port: number;
  readonly received: Received[];
  /** All connections ever made. */
  readonly sockets: Socket[];
  close(): Promise<void>;
}

/** A frame, written by hand: nothing here is shared with the adapter under test. */
export function frame(text: string): string {
  return `\x0b${text}\x1c\r`;
}

export function ackText(controlId: string, code = 'AA', header = ''): string {
  return `MSH|^~\\&|CORE|H|FICUS|H|2025||ACK|R${controlId}|P|2.5${header}\rMSA|${code}|${controlId}\r`;
}

/** A message of a test. */
export function messageText(controlId: string, rest = ''): string {
  return `MSH|^~\\&|FICUS|H|CORE|H|2025||ADT^A31|${controlId}|P|2.5${rest}\rPID|1||4711\r`;
}

/** Starts a core on a free port that does what the test says with each message. */
export async function startCore(
  onMessage: (message: Received) => void,
  options: { port?: number; tls?: TlsOptions } = {},
): Promise<Core> {
  const received: Received[] = [];
  const sockets: Socket[] = [];
  const accept = (socket: Socket): void => {
    sockets.push(socket);
    let buffered = '';
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      buffered += chunk.toString('latin1');
      for (let end = buffered.indexOf('\x1c\r'); end !== -1; end = buffered.indexOf('\x1c\r')) {
        const text = buffered.slice(1, end);
        buffered = buffered.slice(end + 2);
        const controlId = text.split('\r')[0]!.split('|')[9] ?? '';
        const message: Received = {
          text,
          controlId,
          socket,
          at: Date.now(),
          ack: (code = 'AA', id = controlId) => socket.write(frame(ackText(id, code)), 'latin1'),
        };
        received.push(message);
        onMessage(message);
      }
    });
  };
  const server = options.tls ? createTlsServer(options.tls, accept) : createServer(accept);
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    received,
    sockets,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Ports that systems give to nobody by themselves; each process of tests begins at another one. */
const OWN_PORTS = { first: 20_000, count: 12_000 };
let tried = process.pid * 16;

/** A port on which nobody listens, and which stays free however many connections are made meanwhile. */
export async function unusedPort(): Promise<number> {
  for (let left = OWN_PORTS.count; left > 0; left -= 1) {
    const port = OWN_PORTS.first + (tried++ % OWN_PORTS.count);
    if (await isFree(port)) return port;
  }
  throw new Error('no port is free');
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}

/** Waits until something holds. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
