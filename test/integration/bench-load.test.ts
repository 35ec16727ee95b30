import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createLoad } from '../../bench/facade/load.ts';

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const asked = () => ({ request: Buffer.from('GET / HTTP/1.1\r\n\r\n'), expected: Buffer.from('ok') });

const open = new Set<Socket>();
/** Whether the server answers; otherwise it hangs up. */
let serving = false;
const server = createServer((socket) => {
  open.add(socket);
  socket.on('error', () => {});
  socket.on('close', () => open.delete(socket));
  if (serving) socket.on('data', () => socket.write(ANSWER));
  else socket.destroy();
});

/** What was opened before has been hung up then. */
async function hungUp(): Promise<void> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'close');
}

afterEach(() => void server.close());

describe('the clients of a bench', () => {
  it('ask on a connection that is open, however long they were silent before', async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const load = createLoad((server.address() as AddressInfo).port, 3);
    await hungUp();
    serving = true;
    expect((await load.run(asked, 20)).reads).toBeGreaterThan(0);
    for (const socket of open) socket.end();
    serving = false;
    await hungUp();
    await expect.poll(() => open.size).toBe(0);
    serving = true;
    expect((await load.run(asked, 20)).reads).toBeGreaterThan(0);
    load.close();
  });
});
