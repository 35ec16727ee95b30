import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** Requests for the same server: prepared bytes, and what the body of the right answer holds. */
export interface Prepared {
  readonly request: Buffer;
  readonly expected: Buffer;
}

/** Gives the next request to send. */
export type NextRequest = () => Prepared;

/** Clients on connections that are kept; they spend next to nothing themselves. */
export interface Load {
  /**
   * Lets every client ask again and again for so long; gives how many answers came, and after how long.
   * @param perSecond requests that all of them together begin a second; default: as many as they can
   */
  run(next: NextRequest, milliseconds: number, perSecond?: number): Promise<Measured>;
  close(): void;
}

export interface Measured {
  readonly reads: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How long each took, shortest first. */
  readonly timesMs: readonly number[];
}

const HEAD_END = Buffer.from('\r\n\r\n');

/** One client: a socket and the answer it is waiting for. @throws Error for an answer that is not the right one. */
class Client {
  private socket: Socket | undefined;
  private received: Buffer = Buffer.alloc(0);
  private settle: { resolve: () => void; reject: (error: Error) => void } | undefined;
  private asked: Prepared | undefined;

  private readonly port: number;

  constructor(port: number) {
    this.port = port;
  }

  ask(prepared: Prepared): Promise<void> {
    this.asked = prepared;
    this.socket ??= this.open();
    this.socket.write(prepared.request);
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
  }

  close(): void {
    this.socket?.destroy();
  }

  /** When there is something to ask: a server hangs up on who says nothing, and on who has been silent for long. */
  private open(): Socket {
    const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true });
    socket.on('data', (chunk: Buffer) => this.data(chunk));
    socket.on('error', (error) => this.settle?.reject(error));
    socket.on('end', () => this.leave(socket));
    socket.on('close', () => this.leave(socket));
    return socket;
  }

  private leave(socket: Socket): void {
    if (this.socket !== socket) return;
    this.socket = undefined;
    this.received = Buffer.alloc(0);
    this.settle?.reject(new Error('The server closed the connection'));
  }

  private data(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk]);
    const end = this.received.indexOf(HEAD_END);
    if (end === -1) return;
    const head = this.received.toString('latin1', 0, end);
    const at = head.search(/content-length: /i);
    if (this.received.length < end + 4 + Number.parseInt(head.slice(at + 16), 10)) return;
    const right = head.startsWith('HTTP/1.1 200') && this.received.includes(this.asked!.expected, end);
    const answer = this.received;
    this.received = Buffer.alloc(0);
    const { settle } = this;
    this.settle = undefined;
    if (right) settle?.resolve();
    else settle?.reject(new Error(`Not the answer to that request: ${answer.toString('utf8', 0, 2_000)}`));
  }
}

/** Waits until a time of `performance.now()`. */
async function reach(due: number): Promise<void> {
  const left = due - performance.now();
  if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
}

export function createLoad(port: number, connections: number): Load {
  const clients = Array.from({ length: connections }, () => new Client(port));
  return {
    async run(next, milliseconds, perSecond) {
      const times: number[] = [];
      const startedAt = performance.now();
      const until = startedAt + milliseconds;
      const pauseMs = perSecond === undefined ? 0 : (clients.length * 1_000) / perSecond;
      const drive = async (client: Client, nth: number): Promise<void> => {
        let due = startedAt + (nth * pauseMs) / clients.length;
        if (pauseMs > 0) await reach(due);
        for (let now = performance.now(); now < until;) {
          await client.ask(next());
          const answered = performance.now();
          times.push(answered - now);
          now = answered;
          if (pauseMs === 0) continue;
          due += pauseMs;
          await reach(due);
          now = performance.now();
        }
      };
      await Promise.all(clients.map(drive));
      const seconds = (performance.now() - startedAt) / 1_000;
      times.sort((a, b) => a - b);
      return {
        reads: times.length,
        perSecond: times.length / seconds,
        p50Ms: times[times.length >> 1] ?? Number.NaN,
        p99Ms: times[Math.floor(times.length * 0.99)] ?? Number.NaN,
        timesMs: times,
      };
    },
    close: () => {
      for (const client of clients) client.close();
    },
  };
}
