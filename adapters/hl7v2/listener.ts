import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer, Server as TlsServer } from 'node:tls';
import type { SecureContextOptions } from 'node:tls';
import type { ListenerCounts, MllpListenerOptions } from './listener-options.ts';
import { Receiver } from './receiver.ts';

export type { MessageHandler, MllpListenerOptions } from './listener-options.ts';

export interface MllpListener {
  readonly port: number;
  readonly stats: Readonly<ListenerCounts> & { readonly connections: number };
  /** Reads on, after `hold` has turned false. */
  resume(): void;
  /**
   * Takes another certificate and other authorities. Connections that are there end when what is in hand is answered:
   * they were let in by the former.
   */
  renew(tls: SecureContextOptions): void;
  /** Takes no more connections or messages, lets the handlers finish and their answers go out, closes. */
  close(): Promise<void>;
}

/** Starts an MLLP listener. Messages of one connection are handed over in the order they came, and answered in it. */
export async function createMllpListener(options: MllpListenerOptions): Promise<MllpListener> {
  const counts: ListenerCounts = {
    received: 0,
    answered: 0,
    noiseBytes: 0,
    refused: 0,
    broken: 0,
    handshakes: 0,
  };
  const open = new Set<Receiver>();
  const accept = (socket: Socket): void => {
    const receiver = new Receiver(socket, options, counts, () => open.delete(receiver));
    open.add(receiver);
  };
  const server: Server = options.tls ? createTlsServer(options.tls, accept) : createTcpServer(accept);
  server.maxConnections = options.maxConnections ?? 256;
  server.on('tlsClientError', (error, { remoteAddress: address }) => {
    counts.handshakes++;
    options.log?.warn('mllp tls handshake failed', { error, address });
  });
  server.on('drop', () => {
    counts.refused++;
    options.log?.warn('mllp connection refused: too many', { connections: open.size });
  });
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
    resume: () => {
      for (const receiver of open) receiver.resume();
    },
    renew: (tls) => {
      if (server instanceof TlsServer) server.setSecureContext(tls);
      for (const receiver of open) void receiver.close();
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all(Array.from(open, (receiver) => receiver.close()));
      await closed;
    },
  };
}
