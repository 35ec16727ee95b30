import { Hl7Client, Hl7Server } from '@medplum/hl7';
import type { Hl7MessageEvent } from '@medplum/hl7';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createAck } from '../../adapters/hl7v2/ack.ts';
import { createMllpListener } from '../../adapters/hl7v2/listener.ts';
import type { MessageHandler, MllpListener, MllpListenerOptions } from '../../adapters/hl7v2/listener.ts';
import { parseMessage } from '../../adapters/hl7v2/parse.ts';
import { systemClock } from '../../src/clock.ts';
import { frame, messageText, unusedPort, until, wait } from './mllp-core.ts';
import { makePool, outcome, send } from './mllp-pool.ts';

const acknowledge: MessageHandler = (payload) =>
  createAck(parseMessage(payload), 'AA', { controlId: '1', now: 0 }).toBytes();

type PeerMessage = Parameters<Hl7Client['sendAndWait']>[0];
/** The message class that @medplum/hl7 itself uses: it may bring its own version of @medplum/core. */
const { Hl7Message } = createRequire(createRequire(import.meta.url).resolve('@medplum/hl7'))(
  '@medplum/core',
) as {
  Hl7Message: { parse(text: string): PeerMessage };
};

async function listen(
  handler: MessageHandler,
  options: Partial<MllpListenerOptions> = {},
): Promise<MllpListener> {
  const listener = await createMllpListener({ handler, port: 0, clock: systemClock, ...options });
  onTestFinished(() => listener.close());
  return listener;
}

/** A sender of bytes that remembers what comes back. */
async function sender(port: number): Promise<{ socket: Socket; text: () => string; ids: () => string[] }> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve());
    socket.once('error', reject);
  });
  return {
    socket,
    text: () => text,
    ids: () => Array.from(text.matchAll(/MSA\|AA\|(\w+)/g), (match) => match[1]!),
  };
}

describe('messages', () => {
  it('are answered in the order they came, however long each takes and however they are packed', async () => {
    let running = 0;
    const listener = await listen(
      async (payload, peer) => {
        running++;
        expect(running).toBe(1);
        await wait(payload.includes('|M1|') ? 30 : 1);
        running--;
        return acknowledge(payload, peer);
      },
      { maxWaiting: 2 },
    );
    const { socket, ids } = await sender(listener.port);
    const all = Array.from({ length: 9 }, (_, index) => `M${index + 1}`);
    socket.write(all.map((id) => frame(messageText(id))).join(''));
    await until(() => ids().length === 9);
    expect(ids()).toEqual(all);
    expect(listener.stats).toMatchObject({ received: 9, answered: 9, connections: 1 });
  });

  it('of many connections are handled at the same time', async () => {
    let release: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const listener = await listen(async (payload, peer) => {
      if (payload.includes('|M1|')) await gate;
      return acknowledge(payload, peer);
    });
    const one = await sender(listener.port);
    const two = await sender(listener.port);
    one.socket.write(frame(messageText('M1')));
    two.socket.write(frame(messageText('M2')));
    await until(() => two.ids().length === 1);
    expect(one.ids()).toEqual([]);
    release!();
    await until(() => one.ids().length === 1);
  });

  it('that are not taken are not acknowledged: the connection is closed, the sender keeps them', async () => {
    for (const handler of [
      () => {
        throw new Error('disk full');
      },
      () => Promise.reject(new Error('disk full')),
      () => Buffer.from('a reply that ends a frame \x1c\r'),
    ] satisfies MessageHandler[]) {
      const listener = await listen(handler);
      const { socket, text } = await sender(listener.port);
      socket.write(frame(messageText('M1')) + frame(messageText('M2')));
      await until(() => socket.closed);
      expect(text()).toBe('');
      expect(listener.stats.answered).toBe(0);
    }
  });

  it('are read no further while their sender does not take its acknowledgements', async () => {
    const listener = await listen((payload) => Buffer.concat([payload, Buffer.alloc(10_000, 'x')]), {
      maxWaiting: 4,
    });
    const { socket, text } = await sender(listener.port);
    socket.pause();
    const sent = 2_000;
    for (let index = 0; index < sent; index++)
      socket.write(frame(messageText(`M${index}`) + 'x'.repeat(2_000)));
    let received = -1;
    while (listener.stats.received !== received) {
      received = listener.stats.received;
      await wait(100);
    }
    expect(received).toBeLessThan(sent);
    socket.resume();
    await until(() => listener.stats.answered === sent);
    await until(() => text().length > sent * 12_000);
  });

  it('without an answer get none', async () => {
    const listener = await listen((payload, peer) =>
      payload.includes('|M1|') ? undefined : acknowledge(payload, peer),
    );
    const { socket, ids } = await sender(listener.port);
    socket.write(frame(messageText('M1')) + frame(messageText('M2')));
    await until(() => ids().length === 1);
    expect(ids()).toEqual(['M2']);
  });

  it('lack their final CR, have noise around them, or are too long', async () => {
    const listener = await listen(acknowledge, { maxFrameBytes: 500, settleMs: 20 });
    const { socket, ids } = await sender(listener.port);
    socket.write(`junk${frame(messageText('M1'))}\n${frame(messageText('M2')).slice(0, -1)}`);
    await until(() => ids().length === 2);
    expect(listener.stats.noiseBytes).toBe(5);
    socket.write(frame(messageText('M3') + 'x'.repeat(600)));
    await until(() => socket.closed);
    expect(ids()).toEqual(['M1', 'M2']);
  });
});

describe('closing', () => {
  it('lets the message in hand be answered, takes no other, and refuses new senders', async () => {
    let release: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const listener = await listen(async (payload, peer) => {
      await gate;
      return acknowledge(payload, peer);
    });
    const { socket, ids } = await sender(listener.port);
    const idle = await sender(listener.port);
    socket.write(frame(messageText('M1')) + frame(messageText('M2')));
    await until(() => listener.stats.received === 2);
    const closed = listener.close();
    await until(() => idle.socket.closed);
    release!();
    await closed;
    await until(() => socket.closed);
    expect(ids()).toEqual(['M1']);
    await expect(sender(listener.port).then(() => 'open'))
      .rejects.toBeDefined()
      .catch(() => {});
  });
});

describe('other implementations', () => {
  it('the client of @medplum/hl7 is served', async () => {
    const listener = await listen(acknowledge);
    const client = new Hl7Client({ host: '127.0.0.1', port: listener.port, keepAlive: true });
    for (const id of ['M1', 'M2', 'M3']) {
      const reply = await client.sendAndWait(Hl7Message.parse(messageText(id)));
      expect(reply.getSegment('MSA')?.getField(2).toString()).toBe(id);
    }
    await client.close();
  });

  it('the server of @medplum/hl7 is used', async () => {
    const port = await unusedPort();
    const server = new Hl7Server((connection) => {
      connection.addEventListener('message', ({ message }: Hl7MessageEvent) =>
        connection.send(message.buildAck()),
      );
    });
    await server.start(port);
    const pool = makePool(port, { connections: 3 });
    const ids = Array.from({ length: 30 }, (_, index) => `M${index}`);
    expect(await Promise.all(ids.map((id) => outcome(send(pool, id))))).toEqual(ids.map(() => 'AA'));
    await pool.close();
    await server.stop();
  });
});
