import type { AddressInfo, Server, Socket } from 'node:net';
import type { DownMode, Switchboard } from './switchboard.ts';
import type { Protocol } from './spec.ts';

/** A listening server that can be taken down and comes back on the same port. */
export interface Gate {
  readonly port: number;
  close(): Promise<void>;
}

export interface GateOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly protocol: Protocol;
  readonly switchboard: Switchboard;
}

/** Opens a server (plain TCP or HTTP) behind the `down` dial of its protocol. */
export async function openGate(server: Server, options: GateOptions): Promise<Gate> {
  const sockets = new Set<Socket>();
  let mode: DownMode | undefined;
  let closed = false;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    if (mode === 'reset') socket.resetAndDestroy();
  });
  const { port } = await listen(server, options.port, options.host);
  let step = Promise.resolve();
  const follow = async (before: Promise<void>, next: DownMode | undefined): Promise<void> => {
    await before;
    mode = next;
    if (next !== undefined) for (const socket of sockets) socket.resetAndDestroy();
    if (next === 'refuse' && server.listening) await stop(server);
    if (next !== 'refuse' && !server.listening && !closed) await listen(server, port, options.host);
  };
  const unsubscribe = options.switchboard.onDown(options.protocol, (next) => {
    step = follow(step, next);
  });
  await follow(step, options.switchboard.down(options.protocol));
  return {
    port,
    close: async () => {
      closed = true;
      unsubscribe();
      await step;
      for (const socket of sockets) socket.destroy();
      if (server.listening) await stop(server);
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo);
    });
  });
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
