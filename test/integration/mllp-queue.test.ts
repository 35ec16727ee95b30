import { describe, expect, it } from 'vitest';
import { FicusError } from '../../src/errors.ts';
import { until, wait } from './mllp-core.ts';
import type { Received } from './mllp-core.ts';
import { inMs, makePool, outcome, poolAndCore, send } from './mllp-pool.ts';

/** A core that answers when told to. */
function holding() {
  const held: Received[] = [];
  return { held, onMessage: (message: Received) => void held.push(message) };
}

describe('the queue', () => {
  it('refuses what is beyond its bound, and serves the rest', async () => {
    const { held, onMessage } = holding();
    const { pool } = await poolAndCore(onMessage, { connections: 1, maxQueue: 2 });
    const first = outcome(send(pool, 'M1'));
    await until(() => held.length === 1);
    const waiting = [outcome(send(pool, 'M2')), outcome(send(pool, 'M3'))];
    await expect(send(pool, 'M4', { expects: 'write' })).rejects.toMatchObject({ code: 'unavailable' });
    expect(pool.stats).toMatchObject({ queued: 2, busy: 1 });
    held[0]!.ack();
    await until(() => held.length === 2);
    held[1]!.ack();
    await until(() => held.length === 3);
    held[2]!.ack();
    expect(await Promise.all([first, ...waiting])).toEqual(['AA', 'AA', 'AA']);
  });

  it('gives up what waits beyond its deadline: it was never sent, so even a write may be tried again', async () => {
    const { held, onMessage } = holding();
    const { pool, core } = await poolAndCore(onMessage, { connections: 1 });
    const first = outcome(send(pool, 'M1'));
    await until(() => held.length === 1);
    const late = send(pool, 'M2', { expects: 'write', deadline: inMs(30) });
    const later = send(pool, 'M3', { expects: 'write', deadline: inMs(60) });
    await expect(late).rejects.toMatchObject({ code: 'timeout', retryable: true });
    await expect(later).rejects.toMatchObject({ code: 'timeout' });
    expect(pool.stats.queued).toBe(0);
    held[0]!.ack();
    expect(await first).toBe('AA');
    await wait(20);
    expect(core.received.map((message) => message.controlId)).toEqual(['M1']);
    expect(await outcome(send(pool, 'M4', { deadline: inMs(-1) }))).toBe('timeout');
  });

  it('sends what waits on every connection that is free again before anything is made of the answers', async () => {
    const { held, onMessage } = holding();
    const { pool } = await poolAndCore(onMessage, { connections: 4 });
    const ids = Array.from({ length: 8 }, (_, n) => `M${n}`);
    const sentBy: number[] = [];
    const all = ids.map(async (id) => {
      const reply = await send(pool, id);
      sentBy.push(pool.stats.sent);
      return reply.value('MSA', 2);
    });
    await until(() => held.length === 4);
    for (const one of held.splice(0)) one.ack();
    await until(() => held.length === 4);
    expect(sentBy[0]).toBe(8);
    for (const one of held) one.ack();
    expect(await Promise.all(all)).toEqual(ids);
  });

  it('keeps the pace', async () => {
    const { pool, core } = await poolAndCore((message) => message.ack(), {
      minIntervalMs: 40,
      connections: 4,
    });
    await Promise.all(['M1', 'M2', 'M3', 'M4'].map((id) => send(pool, id)));
    const times = core.received.map((message) => message.at);
    // Three intervals, less what clocks and timers may round away.
    expect(times.at(-1)! - times[0]!).toBeGreaterThan(3 * 40 - 10);
    expect(core.received.map((message) => message.controlId)).toEqual(['M1', 'M2', 'M3', 'M4']);
  });
});

describe('a caller that gives up', () => {
  const reason = new FicusError('timeout', 'the client went away');

  it('before sending, or while waiting, has sent nothing', async () => {
    const { held, onMessage } = holding();
    const { pool, core } = await poolAndCore(onMessage, { connections: 1 });
    await expect(send(pool, 'M0', { expects: 'write', signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    const first = outcome(send(pool, 'M1'));
    await until(() => held.length === 1);
    const controller = new AbortController();
    const waiting = send(pool, 'M2', { expects: 'write', signal: controller.signal });
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(pool.stats.queued).toBe(0);
    const other = new AbortController();
    const plain = outcome(send(pool, 'M3', { signal: other.signal }));
    other.abort();
    expect(await plain).toBe('timeout');
    held[0]!.ack();
    expect(await first).toBe('AA');
    expect(core.received.map((message) => message.controlId)).toEqual(['M1']);
  });

  it('while a query is out gets its reason; while a write is out, that its outcome is unknown', async () => {
    const { held, onMessage } = holding();
    const { pool } = await poolAndCore(onMessage, { connections: 2 });
    const controller = new AbortController();
    const query = send(pool, 'M1', { signal: controller.signal });
    const write = send(pool, 'M2', { expects: 'write', signal: controller.signal });
    await until(() => held.length === 2);
    controller.abort(reason);
    await expect(query).rejects.toBe(reason);
    await expect(write).rejects.toMatchObject({ code: 'outcome-unknown', cause: reason });
  });

  it('does not free the connection before the core has answered; that answer goes to nobody', async () => {
    const { held, onMessage } = holding();
    const { pool, core } = await poolAndCore(onMessage, { connections: 1 });
    const controller = new AbortController();
    const query = outcome(send(pool, 'M1', { signal: controller.signal }));
    await until(() => held.length === 1);
    controller.abort(reason);
    expect(await query).toBe('timeout');
    const next = outcome(send(pool, 'M2'));
    await wait(20);
    expect(held).toHaveLength(1);
    held[0]!.ack('AE');
    await until(() => held.length === 2);
    held[1]!.ack();
    expect(await next).toBe('AA');
    expect(pool.stats.late).toBe(1);
    expect(core.sockets).toHaveLength(1);
  });
});

describe('closing', () => {
  it('serves what was taken, takes no more, and leaves no connection', async () => {
    const { held, onMessage } = holding();
    const { pool, core } = await poolAndCore(onMessage, { connections: 1 });
    const taken = [outcome(send(pool, 'M1')), outcome(send(pool, 'M2'))];
    await until(() => held.length === 1);
    const closed = pool.close();
    expect(await outcome(send(pool, 'M3'))).toBe('unavailable');
    held[0]!.ack();
    await until(() => held.length === 2);
    held[1]!.ack();
    expect(await Promise.all(taken)).toEqual(['AA', 'AA']);
    await closed;
    await pool.close();
    await until(() => core.sockets.every((socket) => socket.destroyed));
    expect(pool.stats.open).toBe(0);
  });

  it('of a pool that never connected is done at once', async () => {
    await makePool(1).close();
  });
});
