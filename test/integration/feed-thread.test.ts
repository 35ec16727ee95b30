import { existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { messageOf, profileOf } from '../unit/adapters/hl7v2/intake/support.ts';
import { createAuthority, hasOpenssl } from './certificates.ts';
import { connectSender } from './feed-interface.ts';
import { HANGING, newInbox, startThreaded } from './feed-thread.ts';
import type { SenderData } from './feed-thread-sender.ts';
import { until } from './mllp-core.ts';

/** Blocks this thread, as work on the main event loop does, until a count is reached. @returns what it was */
function blockUntil(counter: Int32Array, least: number): number {
  for (let at = Atomics.load(counter, 0); at < least; at = Atomics.load(counter, 0))
    if (Atomics.wait(counter, 0, at, 10_000) === 'timed-out') return at;
  return Atomics.load(counter, 0);
}

describe('the intake in a thread', () => {
  it('acknowledges while the main thread does something else', async () => {
    const feed = await startThreaded();
    const acknowledged = new Int32Array(new SharedArrayBuffer(4));
    const data: SenderData = { port: feed.port, acknowledged };
    const sender = new Worker(new URL('./feed-thread-sender.ts', import.meta.url), { workerData: data });
    onTestFinished(async () => void (await sender.terminate()));
    await until(() => Atomics.load(acknowledged, 0) > 0);
    const before = Atomics.load(acknowledged, 0);
    expect(blockUntil(acknowledged, before + 100)).toBeGreaterThanOrEqual(before + 100);
  });

  it('tells of what is safe, who is connected, and what was refused', async () => {
    const feed = await startThreaded();
    const sender = await connectSender(feed.port);
    sender.send(messageOf({ id: 'M1' }), messageOf({ id: 'M2', type: 'XYZ' }));
    expect(await sender.answered(2)).toEqual(['MSA|AA|M1', 'MSA|AR|M2 200']);
    await until(() => feed.stored() > 0 && feed.intake.stats['lab']?.answered === 2);
    expect(feed.intake).toMatchObject({
      held: false,
      trouble: undefined,
      stats: { lab: { connections: 1, received: 2 } },
    });
    expect(feed.lines).toMatchObject([{ level: 'warn', message: 'message refused' }]);
    sender.socket.destroy();
    await until(() => feed.intake.stats['lab']?.connections === 0);
  });

  it('tells a sender of the enhanced mode how its messages ended', async () => {
    const feed = await startThreaded({
      ended: (seq) => (seq === 2 ? { seq, state: 'parked', reason: 'mapping-needed' } : undefined),
    });
    const both = { accept: 'AL', applicationAck: 'AL' };
    const sender = await connectSender(feed.port);
    sender.send(messageOf({ ...both, id: 'M1' }), messageOf({ ...both, id: 'M2' }));
    // The second had ended before anybody asked.
    expect(await sender.answered(3)).toEqual(['MSA|CA|M1', 'MSA|CA|M2', 'MSA|AE|M2 103']);
    feed.desk.settled([{ seq: 1, state: 'processed' }]);
    expect((await sender.answered(4))[3]).toBe('MSA|AA|M1');
  });

  it('takes nothing, and leaves nothing open, when an address is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const file = newInbox();
    const free = profileOf({ name: 'free' });
    await expect(startThreaded({ file, profiles: [free, profileOf({ port })] })).rejects.toThrow(
      expect.objectContaining({ code: 'EADDRINUSE', port }),
    );
    const feed = await startThreaded({ file });
    expect(feed.intake.trouble).toBeUndefined();
  });

  it('does not begin without an inbox', async () => {
    const file = newInbox();
    mkdirSync(file);
    await expect(startThreaded({ file })).rejects.toThrow('unable to open database file');
    expect(existsSync(`${file}.arrivals`)).toBe(false);
  });
});

describe('an intake whose thread dies', () => {
  it('is there again at its ports, and has all that was acknowledged, once, however often it dies', async () => {
    const feed = await startThreaded();
    const acknowledged = new Set<string>();
    for (let death = 1; death <= 3; death += 1) {
      const sender = await connectSender(feed.port);
      const ids = Array.from({ length: 200 }, (_, nth) => `D${death}N${nth}`);
      sender.send(...ids.map((id) => messageOf({ id })));
      await sender.answered(death * 10);
      await feed.kill();
      const stored = feed.stored();
      expect(feed.intake.trouble).toMatch('nothing is received');
      expect(feed.intake.stats).toEqual({});
      await sender.closed();
      for (const answer of sender.answers) acknowledged.add(answer.split('|')[2]!);
      await feed.back();
      // What was safe and not filed is to be processed.
      expect(feed.stored()).toBeGreaterThan(stored);
      // What was not acknowledged is sent again.
      const again = await connectSender(feed.port);
      const rest = ids.filter((id) => !acknowledged.has(id));
      again.send(...rest.map((id) => messageOf({ id })));
      for (const answer of await again.answered(rest.length)) acknowledged.add(answer.split('|')[2]!);
    }
    await feed.intake.close();
    const kept = feed.ledger.list({ limit: 10_000 }).map(({ controlId }) => controlId);
    expect(new Set(kept).size).toBe(kept.length);
    expect(kept.toSorted()).toEqual([...acknowledged].toSorted());
    expect(acknowledged.size).toBe(600);
    const said = feed.lines.map(({ message }) => message).filter((line) => line.includes('intake'));
    expect(said.slice(0, 2)).toEqual([
      'the intake of the feed ended, and is started again',
      'the intake of the feed takes messages again',
    ]);
  });

  it('is tried again while it cannot be had, and lets itself be stopped meanwhile', async () => {
    const feed = await startThreaded();
    const { port } = feed;
    const ended = feed.kill();
    await ended;
    const other = createServer();
    // Whoever is first has the address.
    const taken = await new Promise<boolean>((resolve) => {
      other.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    expect(taken).toBe(true);
    await until(() => feed.lines.some(({ message }) => message.includes('could not be started again')));
    expect(feed.intake.trouble).toMatch('nothing is received');
    const closed = once(other, 'close');
    other.close();
    await closed;
    await feed.back();
    const sender = await connectSender(port);
    sender.send(messageOf());
    expect(await sender.answered(1)).toEqual(['MSA|AA|M1']);
    await feed.kill();
    await feed.intake.close();
  });

  it('is begun again when it opens, or listens, and dies while nobody looks', async () => {
    const [dying, looked, begun] = [0, 1, 2];
    const shared = new Int32Array(new SharedArrayBuffer(12));
    const entry = new URL(
      `data:text/javascript,${encodeURIComponent(`
        import { parentPort, workerData } from 'node:worker_threads';
        const { shared } = workerData.owners;
        const nth = Atomics.add(shared, ${begun}, 1);
        const say = (word, dies) => {
          if (dies) {
            Atomics.store(shared, ${dying}, 1);
            Atomics.wait(shared, ${looked}, 0);
            Atomics.store(shared, ${looked}, 0);
          }
          parentPort.postMessage(word);
          if (dies) process.exit(1);
        };
        parentPort.on('message', ({ kind }) => {
          if (kind === 'listen') say({ kind: 'listening', ports: { lab: 1 } }, nth > 0 && nth < 6);
          if (kind === 'renew') process.exit(1);
          if (kind === 'close') parentPort.close();
        });
        say({ kind: 'open' }, nth > 0 && nth < 6 && nth % 2 === 0);`)}`,
    );
    /** Keeps this thread from looking until the other one's word and its end are there. */
    const busy = setInterval(() => {
      if (Atomics.exchange(shared, dying, 0) === 0) return;
      Atomics.store(shared, looked, 1);
      Atomics.notify(shared, looked);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }, 1);
    onTestFinished(() => clearInterval(busy));
    const { intake } = await startThreaded({ entry, owners: { shared } as never });
    intake.renew('lab', {} as never);
    await until(() => Atomics.load(shared, begun) === 7 && intake.trouble === undefined);
  });
});

it('an intake whose thread hangs is noticed, ended and begun anew', async () => {
  const feed = await startThreaded(HANGING);
  const sender = await connectSender(feed.port);
  sender.send(messageOf({ id: 'H1' }));
  await sender.answered(1);
  feed.hang();
  sender.send(messageOf({ id: 'H2' }));
  await until(() => feed.intake.trouble !== undefined);
  expect(feed.intake.trouble).toMatch('hangs');
  await feed.back();
  await sender.closed();
  const again = await connectSender(feed.port);
  again.send(messageOf({ id: 'H2' }));
  expect(await again.answered(1)).toEqual(['MSA|AA|H2']);
  await feed.intake.close();
  expect(feed.ledger.list({ limit: 10 }).map(({ controlId }) => controlId)).toEqual(['H1', 'H2']);
  const said = feed.lines.map(({ message }) => message).filter((line) => line.includes('intake'));
  expect(said).toEqual([
    'the intake of the feed hangs, and is ended',
    'the intake of the feed ended, and is started again',
    'the intake of the feed takes messages again',
  ]);
});

it('an intake whose thread hangs at once does not start', async () => {
  const entry = new URL('../unit/store/inbox-silent-committer.ts', import.meta.url);
  const starting = startThreaded({ entry, watch: { everyMs: 10, looks: 1, opening: 3 } });
  await expect(starting).rejects.toThrow('the thread that takes messages hangs');
});

const available = hasOpenssl();

it.skipIf(!available)('a certificate that is renewed is shown, also by the thread that follows', async () => {
  const authority = createAuthority();
  onTestFinished(() => authority.remove());
  const [first, second] = [authority.issue('/CN=feed.test'), authority.issue('/CN=feed.test')];
  const others = { clientCertificates: false, subjects: [], fingerprints: [] };
  const feed = await startThreaded({ profiles: [profileOf({ tls: { ...first, ...others } })] });
  const shown = async (): Promise<string> => {
    const socket = connectTls({
      port: feed.port,
      host: '127.0.0.1',
      ca: authority.ca,
      servername: 'feed.test',
    });
    await once(socket, 'secureConnect');
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };
  expect(await shown()).toBe(first.fingerprint);
  feed.intake.renew('lab', { ...second, ...others });
  const sender = await connectSender(feed.port, { ca: authority.ca, servername: 'feed.test' });
  sender.send(messageOf());
  await sender.answered(1);
  expect(await shown()).toBe(second.fingerprint);
  await feed.kill();
  await feed.back();
  expect(await shown()).toBe(second.fingerprint);
});
