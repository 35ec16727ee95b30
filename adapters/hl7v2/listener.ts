import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import type { Clock, Logger } from '../../src/ports.ts';
import { createDeframer, encodeFrame } from './framing.ts';
import type { FrameEvent } from './framing.ts';

/** Who sent a message. */
export interface Peer {
  readonly address: string;
  readonly port: number;
}

/**
 * Takes one message and gives the bytes of its acknowledgement, or undefined for none. Whatever must be safe before the sender hears of it is
 * done before the answer is given. When it throws nothing is acknowledged and the connection is closed: the sender keeps its message.
 */
export type MessageHandler = (
  payload: Buffer,
  peer: Peer,
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

export interface MllpListenerOptions {
  readonly handler: MessageHandler;
  /** 127.0.0.1 unless given. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** TLS with these options (cert, key, ca, requestCert); plain TCP without. */
  readonly tls?: TlsOptions;
  /** Longest message in bytes; 16 MiB. A longer one closes its connection. */
  readonly maxFrameBytes?: number;
  /** Connections at most; 256. */
  readonly maxConnections?: number;
  /** Messages of one connection that may wait for the handler before reading stops; 16. */
  readonly maxWaiting?: number;
  /** Silence in milliseconds after which a message without its final CR counts as complete; 100. */
  readonly settleMs?: number;
  readonly clock: Clock;
  readonly log?: Logger;
}

export interface MllpListener {
  readonly port: number;
  readonly stats: {
    readonly connections: number;
    readonly received: number;
    readonly answered: number;
    readonly noiseBytes: number;
  };
  /** Takes no more connections or messages, lets the handlers finish and their answers go out, closes. */
  close(): Promise<void>;
}

/** Starts an MLLP listener. Messages of one connection are handled one after another, in the order they came. */
export async function createMllpListener(options: MllpListenerOptions): Promise<MllpListener> {
  const counts = { received: 0, answered: 0, noiseBytes: 0 };
  const open = new Set<Receiver>();
  const accept = (socket: Socket): void => {
    const receiver = new Receiver(socket, options, counts, () => open.delete(receiver));
    open.add(receiver);
  };
  const server: Server = options.tls ? createTlsServer(options.tls, accept) : createTcpServer(accept);
  server.maxConnections = options.maxConnections ?? 256;
  server.on('tlsClientError', (error) => options.log?.warn('mllp tls handshake failed', { error }));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host ?? '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', (error) => options.log?.error('mllp listener failed', { error }));
  return {
    port: (server.address() as AddressInfo).port,
    get stats() {
      return { ...counts, connections: open.size };
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all(Array.from(open, (receiver) => receiver.close()));
      await closed;
    },
  };
}

/** One accepted connection. */
class Receiver {
  private readonly socket: Socket;
  private readonly options: MllpListenerOptions;
  private readonly counts: { received: number; answered: number; noiseBytes: number };
  private readonly deframer;
  private readonly peer: Peer;
  private readonly waiting: Buffer[] = [];
  private handling = false;
  private closing = false;
  private cancelSettle: (() => void) | undefined;
  private readonly done: Promise<void>;

  constructor(
    socket: Socket,
    options: MllpListenerOptions,
    counts: { received: number; answered: number; noiseBytes: number },
    closed: () => void,
  ) {
    this.socket = socket;
    this.options = options;
    this.counts = counts;
    this.deframer = createDeframer(options.maxFrameBytes ?? 16 * 1024 * 1024);
    this.peer = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    socket.on('data', (chunk: Buffer) => this.received(chunk));
    socket.on('error', (error) => options.log?.warn('mllp sender lost', { error }));
    socket.on('drain', () => this.readOn());
    socket.once('end', () => this.take(this.deframer.end()));
    this.done = new Promise((resolve) => {
      socket.once('close', () => {
        this.cancelSettle?.();
        closed();
        resolve();
      });
    });
  }

  close(): Promise<void> {
    this.closing = true;
    this.socket.pause();
    this.waiting.length = 0;
    if (!this.handling) this.socket.destroySoon();
    return this.done;
  }

  private received(chunk: Buffer): void {
    if (this.closing) return;
    this.cancelSettle?.();
    this.cancelSettle = undefined;
    this.take(this.deframer.feed(chunk));
    if (this.deframer.awaitingEnd) {
      const settleMs = this.options.settleMs ?? 100;
      this.cancelSettle = this.options.clock.after(settleMs, () => this.take(this.deframer.settle()));
    }
  }

  private take(events: readonly FrameEvent[]): void {
    if (events.length > 1) this.socket.cork();
    for (const event of events) {
      if (event.kind === 'frame') {
        this.counts.received++;
        this.waiting.push(event.payload);
        this.next();
      } else if (event.kind === 'noise') {
        this.counts.noiseBytes += event.bytes;
      } else {
        this.options.log?.warn('mllp message refused', { reason: event.kind });
        if (event.kind === 'overlong') this.socket.destroy();
      }
    }
    if (events.length > 1) this.socket.uncork();
    if (this.full()) this.socket.pause();
  }

  /** Handles what waits, in order; an answer that is there at once costs no turn of the event loop. */
  private next(): void {
    while (!this.handling && !this.socket.destroyed) {
      const payload = this.waiting.shift();
      if (!payload) break;
      try {
        const answer = this.options.handler(payload, this.peer);
        if (answer instanceof Promise) {
          this.handling = true;
          void answer.then(
            (bytes) => this.finished(bytes),
            (error: unknown) => this.failed(error),
          );
        } else {
          this.answer(answer);
        }
      } catch (error) {
        this.failed(error);
      }
    }
    this.readOn();
  }

  /** Messages wait, or the sender does not take its acknowledgements: no more is read for now. */
  private full(): boolean {
    return this.waiting.length >= (this.options.maxWaiting ?? 16) || this.socket.writableNeedDrain;
  }

  private readOn(): void {
    if (!this.closing && this.socket.isPaused() && !this.full()) this.socket.resume();
  }

  private finished(bytes: Uint8Array | undefined): void {
    this.handling = false;
    try {
      this.answer(bytes);
    } catch (error) {
      this.failed(error);
      return;
    }
    if (this.closing) this.socket.destroySoon();
    else this.next();
  }

  private answer(bytes: Uint8Array | undefined): void {
    if (bytes === undefined || this.socket.destroyed) return;
    this.socket.write(encodeFrame(bytes));
    this.counts.answered++;
  }

  private failed(error: unknown): void {
    this.handling = false;
    this.options.log?.error('mllp message not taken', { error });
    this.socket.destroy();
  }
}
