import { describe, expect, it } from 'vitest';
import { createMessage } from '../../adapters/hl7v2/parse.ts';
import { FicusError } from '../../src/errors.ts';
import { ackText, frame, unusedPort, startCore, until, wait } from './mllp-core.ts';
import type { Received } from './mllp-core.ts';
import { inMs, makePool, outcome, poolAndCore, send } from './mllp-pool.ts';

describe('an exchange', () => {
  it('gives the reply, whatever it says, and sends the message as it is', async () => {
    const { pool, core } = await poolAndCore((message) => message.ack(message.controlId));
    const message = createMessage([
      ['MSH', { 9: ['ADT', 'A31'], 10: 'AA' }],
      ['PID', { 5: 'x\r\u001cy' }],
    ]);
    expect((await pool.exchange(message, { expects: 'write' })).get('MSA-2')).toBe('AA');
    expect(core.received[0]!.text).toBe(message.toBytes().toString());
    for (const code of ['AE', 'AR', 'CE', 'CR', 'CA']) expect(await outcome(send(pool, code))).toBe(code);
    expect(core.sockets).toHaveLength(1);
    expect(pool.stats).toMatchObject({
      sent: 6,
      open: 1,
      busy: 0,
      queued: 0,
      connects: 1,
      late: 0,
      mismatched: 0,
    });
  });

  it('has its connection for itself; the others wait in order, on no more connections than allowed', async () => {
    const inFlight = new Map<object, number>();
    let worst = 0;
    const { pool, core } = await poolAndCore(
      (message) => {
        const now = (inFlight.get(message.socket) ?? 0) + 1;
        inFlight.set(message.socket, now);
        worst = Math.max(worst, now);
        setImmediate(() => {
          inFlight.set(message.socket, inFlight.get(message.socket)! - 1);
          message.ack();
        });
      },
      { connections: 4 },
    );
    const ids = Array.from({ length: 200 }, (_, index) => `M${index}`);
    const replies = await Promise.all(ids.map((id) => send(pool, id)));
    expect(replies.map((reply) => reply.get('MSA-2'))).toEqual(ids);
    expect(worst).toBe(1);
    expect(core.sockets).toHaveLength(4);
    const single = makePool(core.port, { connections: 1 });
    core.received.length = 0;
    await Promise.all(ids.map((id) => send(single, id)));
    expect(core.received.map((message) => message.controlId)).toEqual(ids);
  });

  it('survives a reply in pieces, noise around it, and a final CR that never comes', async () => {
    const { pool } = await poolAndCore((message) => {
      const reply = `noise${frame(ackText(message.controlId))}\n\n`;
      if (message.controlId === 'no-cr') message.socket.write(frame(ackText('no-cr')).slice(0, -1));
      else for (const byte of reply) message.socket.write(byte, 'latin1');
    });
    expect(await outcome(send(pool, 'pieces'))).toBe('AA');
    expect(await outcome(send(pool, 'no-cr'))).toBe('AA');
    expect(await outcome(send(pool, 'pieces'))).toBe('AA');
    await until(() => pool.stats.noiseBytes === 14);
  });

  it('without MSH-10, or with a frame end inside, is not sent', async () => {
    const { pool, core } = await poolAndCore((message) => message.ack());
    expect(await outcome(send(pool, ''))).toBe('unmappable');
    expect(await outcome(pool.exchange(Buffer.from('MSH|^~\\&|||||||||1\x1c\r'), { expects: 'query' }))).toBe(
      'unmappable',
    );
    expect(core.received).toHaveLength(0);
  });
});

describe('MSA-2', () => {
  it('of another message is dropped, on success and on error alike, and the right one awaited', async () => {
    const { pool } = await poolAndCore((message) => {
      message.ack('AA', 'somebody-else');
      message.ack('AE', 'M');
      message.ack('AR', `${message.controlId} `);
      message.ack('AA');
    });
    expect(await outcome(send(pool, 'M1', { expects: 'write' }))).toBe('AA');
    expect(pool.stats.mismatched).toBe(3);
  });

  it('that never comes leaves a query timed out and a write unknown', async () => {
    const { pool } = await poolAndCore((message) => message.ack('AA', 'X'));
    expect(await outcome(send(pool, 'M1', { deadline: inMs(500) }))).toBe('timeout');
    expect(await outcome(send(pool, 'M2', { expects: 'write', deadline: inMs(500) }))).toBe(
      'outcome-unknown',
    );
  });

  it('of a reply that comes too late is never credited to the next message', async () => {
    const held: Received[] = [];
    const { pool, core } = await poolAndCore(
      (message) => {
        if (message.controlId === 'slow') held.push(message);
        else {
          // The late reply and then the right one, as a core behind a buffer would send them.
          held[0]!.ack('AE', 'slow');
          setTimeout(() => message.ack(), 20);
        }
      },
      { connections: 1 },
    );
    expect(await outcome(send(pool, 'slow', { expects: 'write', deadline: inMs(500) }))).toBe(
      'outcome-unknown',
    );
    await until(() => core.sockets[0]!.closed);
    expect(await outcome(send(pool, 'next'))).toBe('AA');
    expect(core.sockets).toHaveLength(2);
  });
});

describe('a reply that cannot be read', () => {
  it.each([
    ['no HL7v2', () => frame('500 Internal Server Error')],
    ['no acknowledgement', (id: string) => frame(`MSH|^~\\&|A|B|C|D|2025||ADT^A01|${id}|P|2.5\rPID|1\r`)],
    ['an empty MSA-2', () => frame('MSH|^~\\&|A|B|C|D|2025||ACK|1|P|2.5\rMSA|AA|\r')],
    ['two messages at once', (id: string) => frame(ackText(id) + ackText(id))],
    ['longer than allowed', (id: string) => frame(ackText(id) + 'x'.repeat(5_000))],
    ['nothing', () => frame('')],
  ])('%s: says so, and the connection is made anew', async (_what, reply) => {
    const { pool, core } = await poolAndCore(
      (message) =>
        message.controlId === 'OK' ? message.ack() : message.socket.write(reply(message.controlId)),
      { connections: 1, maxFrameBytes: 4_000 },
    );
    expect(await outcome(send(pool, 'M1'))).toBe('legacy-malformed');
    await expect(send(pool, 'M2', { expects: 'write' })).rejects.toThrow(/not known/);
    expect(await outcome(send(pool, 'OK'))).toBe('AA');
    expect(core.sockets).toHaveLength(3);
  });
});

describe('enhanced acknowledgement', () => {
  const applicationAck = (message: Received, header: string): void => {
    message.ack('CA');
    setTimeout(() => message.socket.write(frame(ackText(message.controlId, 'AA', header))), 20);
  };

  it('awaits the application acknowledgement behind the accept acknowledgement when MSH-16 is AL', async () => {
    const { pool } = await poolAndCore((message) => applicationAck(message, ''));
    expect(await outcome(send(pool, 'M1', {}, '|||AL|AL'))).toBe('AA');
    expect(await outcome(send(pool, 'M2', {}, '|||AL|NE'))).toBe('CA');
  });

  it('ends with a refused accept acknowledgement', async () => {
    const { pool } = await poolAndCore((message) => message.ack('CR'));
    expect(await outcome(send(pool, 'M1', {}, '|||AL|AL'))).toBe('CR');
  });

  it('acknowledges the application acknowledgement when that is asked', async () => {
    const { pool, core } = await poolAndCore((message) => {
      if (message.text.includes('MSA|')) return;
      applicationAck(message, '|||AL|NE');
    });
    expect(await outcome(send(pool, 'M1', {}, '|||AL|AL'))).toBe('AA');
    await until(() => core.received.length === 2);
    expect(core.received[1]!.text).toMatch(/^MSH\|\^~\\&\|FICUS\|H\|CORE\|H\|.*\rMSA\|CA\|RM1\r$/);
  });

  it('that stops after the accept acknowledgement leaves a write unknown', async () => {
    const { pool } = await poolAndCore((message) => message.ack('CA'));
    expect(await outcome(send(pool, 'M1', { expects: 'write', deadline: inMs(500) }, '|||AL|AL'))).toBe(
      'outcome-unknown',
    );
  });
});

describe('a lost connection', () => {
  it('leaves a write unknown, and a query to be tried again', async () => {
    const { pool } = await poolAndCore((message) => message.socket.destroy());
    expect(await outcome(send(pool, 'M1', { expects: 'write' }))).toBe('outcome-unknown');
    await expect(send(pool, 'M2')).rejects.toMatchObject({
      code: 'unavailable',
      retryAfter: 1,
      retryable: true,
    });
  });

  it('that was kept and proves dead sends a query once more, a write never', async () => {
    let dying = 0;
    const { pool, core } = await poolAndCore(
      (message) => {
        if (dying-- > 0) message.socket.destroy();
        else message.ack();
      },
      { connections: 1 },
    );
    expect(await outcome(send(pool, 'M1'))).toBe('AA');
    dying = 1;
    expect(await outcome(send(pool, 'M2'))).toBe('AA');
    expect(core.received.map((message) => message.controlId)).toEqual(['M1', 'M2', 'M2']);
    dying = 1;
    expect(await outcome(send(pool, 'M3', { expects: 'write' }))).toBe('outcome-unknown');
    expect(core.received.map((message) => message.controlId)).toEqual(['M1', 'M2', 'M2', 'M3']);
  });

  it('that the core closed while idle, or that was idle too long, is not used again', async () => {
    const { pool, core } = await poolAndCore((message) => message.ack(), { maxIdleMs: 30 });
    expect(await outcome(send(pool, 'M1', { expects: 'write' }))).toBe('AA');
    core.sockets[0]!.end();
    await until(() => pool.stats.open === 0);
    expect(await outcome(send(pool, 'M2', { expects: 'write' }))).toBe('AA');
    await wait(40);
    expect(await outcome(send(pool, 'M3', { expects: 'write' }))).toBe('AA');
    expect(core.sockets).toHaveLength(3);
  });
});

describe('a core that cannot be reached', () => {
  it('is reported at once, with the time of the next attempt, and not hammered', async () => {
    const port = await unusedPort();
    const pool = makePool(port, { backoff: { initialMs: 5_000, maxMs: 60_000 }, random: () => 0 });
    await expect(send(pool, 'M1', { expects: 'write' })).rejects.toMatchObject({
      code: 'unavailable',
      retryAfter: 5,
    });
    const all = await Promise.all(Array.from({ length: 20 }, (_, index) => outcome(send(pool, `M${index}`))));
    expect(new Set(all)).toEqual(new Set(['unavailable']));
    expect(pool.stats.connectFailures).toBe(1);
  });

  it('is used again when it is back', async () => {
    const port = await unusedPort();
    const pool = makePool(port, { backoff: { initialMs: 10, maxMs: 20 } });
    expect(await outcome(send(pool, 'M1'))).toBe('unavailable');
    const core = await startCore((message) => message.ack(), { port });
    await wait(25);
    expect(await outcome(send(pool, 'M2'))).toBe('AA');
    await core.close();
  });
});

it('an error of the adapter carries nothing of the message', async () => {
  const { pool } = await poolAndCore((message) => message.socket.write(frame(`${ackText('SECRET')}\rMSH|`)));
  const error = await send(pool, 'M1').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(FicusError);
  expect(JSON.stringify([(error as FicusError).message, (error as FicusError).issues])).not.toMatch(
    /4711|SECRET/,
  );
});
