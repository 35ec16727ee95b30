import { asyncProperty, assert, array, integer } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVN, PID, messageOf } from '../unit/adapters/hl7v2/intake/support.ts';
import { connectSender, slowInbox, startFeed } from './feed-interface.ts';
import { frame, until, wait } from './mllp-core.ts';

describe('a message', () => {
  it('is acknowledged when it is safe, and not before', async () => {
    const inbox = slowInbox();
    const { port } = await startFeed({}, { inbox });
    const sender = await connectSender(port);
    sender.send(messageOf());
    await until(() => inbox.pending.messages === 1);
    await wait(20);
    expect(sender.answers).toEqual([]);
    inbox.commit();
    expect(await sender.answered(1)).toEqual(['MSA|AA|M1']);
    expect(inbox.arrivals[0]).toMatchObject({
      source: 'lab',
      sender: 'LAB|NORD',
      controlId: 'M1',
      type: 'ADT^A01',
    });
    expect(Buffer.from(inbox.arrivals[0]!.bytes).toString()).toBe(messageOf());
  });

  it('that cannot be made safe is not acknowledged, nor is any behind it; its connection is closed', async () => {
    const inbox = slowInbox();
    const { port } = await startFeed({}, { inbox });
    const sender = await connectSender(port);
    sender.send(...['M1', 'M2', 'M3'].map((id) => messageOf({ id })));
    await until(() => inbox.pending.messages === 3);
    inbox.commit(1);
    inbox.fail();
    inbox.commit();
    await sender.closed();
    expect(sender.answers).toEqual(['MSA|AA|M1']);
  });

  it('that came before is acknowledged like the first time; another under its control id is refused and parked', async () => {
    const feed = await startFeed();
    const sender = await connectSender(feed.port);
    sender.send(messageOf(), messageOf(), messageOf({}, [EVN, PID, 'PV1|1|O']));
    expect(await sender.answered(3)).toEqual(['MSA|AA|M1', 'MSA|AA|M1', 'MSA|AE|M1 205']);
    expect(feed.states()).toEqual(['waiting M1', 'parked control-id-reused M1']);
    expect(feed.ledger.counts()).toMatchObject({ received: 3, waiting: 1, duplicate: 1, parked: 1 });
  });

  it('that is refused is kept, and counted as such', async () => {
    const feed = await startFeed();
    const sender = await connectSender(feed.port);
    sender.send(messageOf({ id: 'M1', type: 'XYZ' }), messageOf({ id: 'M2' }, [EVN]), 'Hello');
    sender.send(messageOf({ id: 'M4' }, [PID, 'NTE|1||\xe4']), messageOf({ id: 'M5' }));
    expect(await sender.answered(5)).toEqual([
      'MSA|AR|M1 200',
      'MSA|AE|M2 100',
      'MSA|AR| 100',
      'MSA|AE|M4 102',
      'MSA|AA|M5',
    ]);
    expect(feed.states()).toEqual([
      'rejected not-supported M1',
      'rejected malformed M2',
      'rejected malformed',
      'parked decode-error M4',
      'waiting M5',
    ]);
    expect(feed.ledger.audit()).toMatchObject({ holds: true });
  });

  it('that acknowledges one of ours is never answered, nor is a frame without a message', async () => {
    const feed = await startFeed();
    const sender = await connectSender(feed.port);
    sender.send('MSH|^~\\&|LAB|NORD|||2026||ACK|R1|P|2.5\rMSA|CA|A1\r', '', '\x06', messageOf());
    expect(await sender.answered(1)).toEqual(['MSA|AA|M1']);
    expect(feed.states()).toEqual(['waiting M1']);
  });
});

describe('messages of one connection', () => {
  it('are on their way to the disk together, and answered in their order', async () => {
    const inbox = slowInbox();
    const { port } = await startFeed({ maxInFlight: 8, maxWaiting: 4 }, { inbox });
    const sender = await connectSender(port);
    const ids = Array.from({ length: 40 }, (_, nth) => `M${nth}`);
    sender.send(...ids.map((id) => messageOf({ id })));
    for (let safe = 0; safe < 40; safe += 8) {
      await until(() => inbox.pending.messages === 8);
      inbox.commit(8);
    }
    expect(await sender.answered(40)).toEqual(ids.map((id) => `MSA|AA|${id}`));
    expect(inbox.arrivals.map(({ controlId }) => controlId)).toEqual(ids);
    expect(inbox.most.messages).toBe(8);
  });

  it('are the same however their frames are cut', async () => {
    const { port } = await startFeed();
    let serial = 0;
    await assert(
      asyncProperty(array(integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 12 }), async (cuts) => {
        const ids = [1, 2, 3, 4].map(() => `C${serial++}`);
        const bytes = Buffer.from(ids.map((id) => frame(messageOf({ id }))).join('\r\n'), 'latin1');
        const sender = await connectSender(port);
        sender.socket.setNoDelay(true);
        for (let from = 0, nth = 0; from < bytes.length; nth++) {
          const to = from + cuts[nth % cuts.length]!;
          sender.socket.write(bytes.subarray(from, to));
          from = to;
          await new Promise((resolve) => setImmediate(resolve));
        }
        expect(await sender.answered(4)).toEqual(ids.map((id) => `MSA|AA|${id}`));
        sender.socket.destroy();
      }),
      { numRuns: 25 },
    );
  });

  it('do not run into each other when one breaks off and its sender goes on', async () => {
    const feed = await startFeed();
    const sender = await connectSender(feed.port);
    const whole = frame(messageOf({ id: 'M1' }));
    sender.socket.write(whole.slice(0, -10), 'latin1');
    sender.send(messageOf({ id: 'M2' }));
    expect(await sender.answered(1)).toEqual(['MSA|AA|M2']);
    sender.send(messageOf({ id: 'M1' }));
    expect(await sender.answered(2)).toEqual(['MSA|AA|M2', 'MSA|AA|M1']);
    expect(feed.states()).toEqual(['waiting M2', 'waiting M1']);
    expect(feed.intake.stats['lab']).toMatchObject({ broken: 1, received: 2 });
  });

  it('are counted when they break off with their connection, however it ends', async () => {
    const feed = await startFeed();
    const part = frame(messageOf({ id: 'M1' })).slice(0, -10);
    const ended = await connectSender(feed.port);
    ended.socket.end(part, 'latin1');
    await until(() => feed.intake.stats['lab']!.broken === 1);
    const reset = await connectSender(feed.port);
    // The byte before it tells that it has come.
    reset.socket.write(`\n${part}`, 'latin1');
    await until(() => feed.intake.stats['lab']!.noiseBytes === 1);
    reset.socket.resetAndDestroy();
    await until(() => feed.intake.stats['lab']!.broken === 2);
    expect(feed.states()).toEqual([]);
  });
});

describe('a batch', () => {
  const BHS = 'BHS|^~\\&|LAB|NORD|FICUS|EDGE|2026||||B7\r';
  const batch = `${BHS}${messageOf({ id: 'M1' })}${messageOf({ id: 'M2' }, [EVN])}${messageOf({ id: 'M3' })}BTS|3\r`;
  const MSA = /MSA\|\w+\|\w+/g;

  it.each([
    ['all', ['MSA|AA|M1', 'MSA|AE|M2', 'MSA|AA|M3']],
    ['errors', ['MSA|AE|M2']],
  ] as const)('is answered by one, with %s', async (batches, told) => {
    const feed = await startFeed({ batches });
    const sender = await connectSender(feed.port);
    sender.send(batch);
    await sender.answered(1);
    expect(sender.whole[0]!.match(MSA)).toEqual(told);
    expect(sender.whole[0]).toMatch(/^BHS\|[^\r]*\|B7\rMSH/);
    expect(sender.whole[0]).toContain(`\rBTS|${told.length}\r`);
    expect(feed.states()).toEqual(['waiting M1', 'rejected malformed M2', 'waiting M3']);
  });

  it('is answered by nothing where the interface says so, and by nothing that is not safe', async () => {
    const quiet = await startFeed({ batches: 'none' });
    const sender = await connectSender(quiet.port);
    sender.send(batch, messageOf({ id: 'M9' }));
    expect(await sender.answered(1)).toEqual(['MSA|AA|M9']);
    const inbox = slowInbox();
    const { port } = await startFeed({}, { inbox });
    const other = await connectSender(port);
    other.send(batch);
    await until(() => inbox.pending.messages === 3);
    inbox.commit(2);
    inbox.fail();
    await other.closed();
    expect(other.answers).toEqual([]);
  });

  it('without an envelope is answered message by message', async () => {
    const { port } = await startFeed();
    const sender = await connectSender(port);
    sender.send(messageOf({ id: 'M1' }) + messageOf({ id: 'M2' }));
    expect(await sender.answered(2)).toEqual(['MSA|AA|M1', 'MSA|AA|M2']);
  });

  it('larger than what is on its way to the disk at once is taken whole', async () => {
    const feed = await startFeed();
    const sender = await connectSender(feed.port);
    const ids = Array.from({ length: 600 }, (_, nth) => `M${nth}`);
    sender.send(`${BHS}${ids.map((id) => messageOf({ id })).join('')}BTS|600\r`);
    await sender.answered(1);
    expect(sender.whole[0]!.match(MSA)).toEqual(ids.map((id) => `MSA|AA|${id}`));
    expect(feed.ledger.counts().waiting).toBe(600);
  });
});

describe('a connection', () => {
  it('that falls silent inside a message is closed, and one between messages when that is limited too', async () => {
    const { port } = await startFeed({ stallMs: 60, idleMs: 0 });
    const stalled = await connectSender(port);
    const idle = await connectSender(port);
    stalled.socket.write('\x0bMSH|');
    await stalled.closed();
    idle.send(messageOf());
    expect(await idle.answered(1)).toEqual(['MSA|AA|M1']);
    const limited = await startFeed({ stallMs: 0, idleMs: 60 });
    await (await connectSender(limited.port)).closed();
  });

  it('too many is refused', async () => {
    const { port, intake } = await startFeed({ maxConnections: 1 });
    const first = await connectSender(port);
    const second = await connectSender(port);
    await second.closed();
    first.send(messageOf());
    await first.answered(1);
    expect(intake.stats['lab']).toMatchObject({ connections: 1, refused: 1 });
  });
});

describe('closing', () => {
  it('lets what is in hand become safe and be answered, and leaves the rest to its sender', async () => {
    const inbox = slowInbox();
    const { port, intake } = await startFeed({ maxInFlight: 2 }, { inbox });
    const sender = await connectSender(port);
    sender.send(...['M1', 'M2', 'M3'].map((id) => messageOf({ id })));
    await until(() => inbox.pending.messages === 2);
    const closed = intake.close();
    await wait(10);
    inbox.commit();
    await closed;
    await sender.closed();
    expect(sender.answers).toEqual(['MSA|AA|M1', 'MSA|AA|M2']);
    expect(inbox.arrivals).toHaveLength(2);
  });

  it('happens to the interfaces already open when one cannot be', async () => {
    const { port } = await startFeed();
    await expect(startFeed({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
