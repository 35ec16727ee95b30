import { describe, expect, it } from 'vitest';
import { PID, messageOf } from '../unit/adapters/hl7v2/intake/support.ts';
import { connectSender, slowInbox, startFeed } from './feed-interface.ts';
import { frame, until, wait } from './mllp-core.ts';

const MB = 1024 * 1024;

describe('a slow disk', () => {
  it('slows its senders down: of 100 MB that are offered little more than the limit is taken, until it is safe', async () => {
    const inbox = slowInbox();
    const most = { messages: 10_000, bytes: 4 * MB };
    const { port, intake } = await startFeed({ maxInFlight: 1_000, maxWaiting: 16 }, { inbox, most });
    const body = 'x'.repeat(50_000);
    const each = 500;
    const senders = await Promise.all([1, 2, 3, 4].map(() => connectSender(port)));
    for (const [who, sender] of senders.entries()) {
      for (let nth = 0; nth < each; nth++)
        sender.socket.write(frame(messageOf({ id: `S${who}N${nth}` }, [PID, `NTE|1||${body}`])));
    }
    await until(() => intake.held);
    await wait(200);
    // One chunk of each connection may be over the limit, and what waits of it.
    expect(inbox.most.bytes).toBeLessThan(most.bytes + 2 * MB);
    const received = intake.stats['lab']!.received;
    expect(received).toBeLessThan(each);
    let lastRead = 0;
    while (inbox.arrivals.length < 4 * each) {
      inbox.commit(20);
      lastRead = Math.max(lastRead, inbox.pending.bytes);
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const [who, sender] of senders.entries()) {
      const ids = Array.from({ length: each }, (_, nth) => `MSA|AA|S${who}N${nth}`);
      expect(await sender.answered(each)).toEqual(ids);
    }
    expect(lastRead).toBeLessThan(most.bytes + 2 * MB);
    expect(inbox.most.bytes).toBeLessThan(most.bytes + 2 * MB);
  });

  it('holds the senders of all interfaces, and lets them go on when half of it is safe', async () => {
    const inbox = slowInbox();
    const { port, intake } = await startFeed({}, { inbox, most: { messages: 4, bytes: MB } });
    const [one, two] = [await connectSender(port), await connectSender(port)];
    one.send(...[1, 2, 3, 4].map((nth) => messageOf({ id: `A${nth}` })));
    await until(() => inbox.pending.messages === 4);
    two.send(messageOf({ id: 'B1' }));
    await wait(30);
    expect(inbox.pending.messages).toBe(4);
    expect(intake.held).toBe(true);
    inbox.commit(2);
    await wait(30);
    expect(inbox.pending.messages).toBe(2);
    inbox.commit(1);
    await until(() => inbox.pending.messages === 2);
    inbox.commit();
    expect(await two.answered(1)).toEqual(['MSA|AA|B1']);
    expect(await one.answered(4)).toHaveLength(4);
  });

  it('keeps nobody from closing', async () => {
    const inbox = slowInbox();
    const { port, intake } = await startFeed({ maxInFlight: 1 }, { inbox, most: { messages: 1, bytes: MB } });
    const sender = await connectSender(port);
    sender.send(messageOf({ id: 'M1' }), messageOf({ id: 'M2' }));
    await until(() => inbox.pending.messages === 1);
    const closed = intake.close();
    await wait(10);
    inbox.commit();
    await closed;
    expect(inbox.arrivals).toHaveLength(1);
  });
});
