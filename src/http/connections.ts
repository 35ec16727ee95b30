import type { Server, Socket } from 'node:net';
import type { Clock } from '../ports.ts';

export interface ConnectionLimits {
  /** Connections of one address at once. */
  readonly perAddress: number;
  /** Requests of one connection that may be under way at once (HTTP/1.1 pipelining). */
  readonly pipelined: number;
  /** Longest that a peer may take nothing of what waits for it, in milliseconds. */
  readonly stalledMs: number;
}

/** How far a peer has come with what is sent to it. */
interface Taking {
  /** Bytes that had left when it was last looked at. */
  taken: number;
  /** Epoch milliseconds: since when that many, with more waiting. */
  since: number;
}

/**
 * Watches the connections of a server: how many an address has, how many requests are under way on each, and whether
 * its peer takes what is sent.
 *
 * @param trusts whether an address is a proxy's, which has as many as it wants
 */
export function watchConnections(
  server: Server,
  secure: boolean,
  limits: ConnectionLimits,
  clock: Clock,
  trusts: (address: string) => boolean,
): { begin(socket: Socket): boolean; end(socket: Socket): void; stop(): void } {
  const perAddress = new Map<string, number>();
  const open = new Map<Socket, Taking>();
  const underWay = new WeakMap<Socket, number>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const others = perAddress.get(address) ?? 0;
    if (others >= limits.perAddress && !trusts(address)) {
      socket.destroy();
      return;
    }
    perAddress.set(address, others + 1);
    socket.on('close', () => {
      const left = (perAddress.get(address) ?? 1) - 1;
      if (left > 0) perAddress.set(address, left);
      else perAddress.delete(address);
    });
  });
  server.on(secure ? 'secureConnection' : 'connection', (socket: Socket) => {
    if (socket.destroyed) return;
    open.set(socket, { taken: 0, since: clock.now() });
    socket.on('close', () => open.delete(socket));
  });
  const look = (): void => {
    const now = clock.now();
    for (const [socket, taking] of open) {
      const waiting = socket.writableLength;
      const taken = socket.bytesWritten - waiting;
      if (waiting === 0 || taken !== taking.taken) {
        taking.taken = taken;
        taking.since = now;
      } else if (now - taking.since >= limits.stalledMs) socket.destroy();
    }
    cancel = clock.after(limits.stalledMs / 4, look);
  };
  let cancel = clock.after(limits.stalledMs / 4, look);
  return {
    /** False: the connection has as many requests under way as it may. */
    begin(socket) {
      const count = underWay.get(socket) ?? 0;
      if (count >= limits.pipelined) return false;
      underWay.set(socket, count + 1);
      return true;
    },
    end: (socket) => void underWay.set(socket, (underWay.get(socket) ?? 1) - 1),
    stop: () => cancel(),
  };
}
