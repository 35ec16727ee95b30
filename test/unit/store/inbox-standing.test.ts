import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { InboxIntake, Receipt } from '../../../src/feed-ports.ts';
import type { Clock } from '../../../src/ports.ts';
import { openInboxIntake } from '../../../src/store/inbox-intake.ts';
import { openInboxLedger } from '../../../src/store/inbox-ledger.ts';
import { openStandingIntake } from '../../../src/store/inbox-standing.ts';
import type { StandingOptions } from '../../../src/store/inbox-standing.ts';
import { OWNERS, arrival, newInboxFile } from './inbox-support.ts';

/** The threads that were started, the newest last. */
let threads: Worker[];
const began = (thread: Worker): number => threads.push(thread);

beforeEach(() => {
  threads = [];
  process.on('worker', began);
});
afterEach(() => void process.off('worker', began));

interface Standing {
  readonly file: string;
  readonly inbox: InboxIntake;
  readonly failures: unknown[];
  readonly returns: () => number;
}

async function open(more: Partial<StandingOptions> = {}): Promise<Standing> {
  const file = newInboxFile();
  const failures: unknown[] = [];
  let returns = 0;
  const inbox = await openStandingIntake({
    file,
    owners: OWNERS,
    clock: systemClock,
    pause: { first: 1, most: 4 },
    onFailure: (error) => failures.push(error),
    onReturn: () => (returns += 1),
    ...more,
  });
  return { file, inbox, failures, returns: () => returns };
}

/** A committer in a thread that begins otherwise, and what tells it to. */
function disturbed(beginning: string) {
  const order = new Int32Array(new SharedArrayBuffer(4));
  const committer = new URL('../../../src/store/inbox-committer-thread.ts', import.meta.url);
  const entry = new URL(
    `data:text/javascript,${encodeURIComponent(`
      import { workerData } from 'node:worker_threads';
      const { order } = workerData.owners;
      const committer = '${committer.href}';
      ${beginning}`)}`,
  );
  return { order, entry, owners: { ...OWNERS, order } as never };
}

/** Receipts of what was made safe, by the control id that it came with; nothing for what was refused. */
async function sendAll(inbox: InboxIntake, ids: readonly string[]): Promise<ReadonlyMap<string, Receipt>> {
  const receipts = new Map<string, Receipt>();
  await Promise.all(
    ids.map((id) =>
      inbox.receive(arrival(id)).then(
        (receipt) => void receipts.set(id, receipt),
        () => {},
      ),
    ),
  );
  return receipts;
}

describe('an inbox whose committer dies', () => {
  it('is there again, and has all that was acknowledged, once, however often it dies', async () => {
    const { file, inbox, failures, returns } = await open();
    const acknowledged = new Map<string, Receipt>();
    let sent: string[] = [];
    for (let death = 1; death <= 8; death += 1) {
      const news = Array.from({ length: 40 }, (_, nth) => `d${death}-${nth}`);
      sent = [...sent, ...news];
      const sending = sendAll(inbox, news);
      // Now while they are on their way, now when they are acknowledged and not filed yet.
      if (death % 2 === 0) await sending;
      else for (let turn = 0; turn < death; turn += 1) await new Promise(setImmediate);
      await threads.at(-1)!.terminate();
      for (const [id, receipt] of await sending) acknowledged.set(id, receipt);
      await expect.poll(returns).toBe(death);
    }
    expect(failures).toHaveLength(8);
    // Whoever got no acknowledgement sends again.
    const again = await sendAll(
      inbox,
      sent.filter((id) => !acknowledged.has(id)),
    );
    await inbox.close();
    const ledger = openInboxLedger(file);
    const rows = ledger.list({ limit: 1_000 });
    expect(rows.map(({ controlId }) => controlId).toSorted()).toEqual(sent.toSorted());
    expect(acknowledged.size + again.size).toBe(sent.length);
    for (const [id, receipt] of acknowledged)
      expect(receipt.kind === 'stored' && rows.find(({ seq }) => seq === receipt.seq)?.controlId).toBe(id);
    ledger.close();
  });

  it('refuses meanwhile, and says that it is gone before anybody is refused', async () => {
    const { inbox, failures, returns } = await open();
    await inbox.receive(arrival('a'));
    await threads.at(-1)!.terminate();
    await expect.poll(() => failures.length).toBe(1);
    await expect(inbox.receive(arrival('b'))).rejects.toMatchObject({ code: 'unavailable' });
    await expect.poll(returns).toBe(1);
    expect(await inbox.receive(arrival('b'))).toMatchObject({ kind: 'stored' });
    expect(await inbox.receive(arrival('a'))).toMatchObject({ kind: 'duplicate' });
    await inbox.close();
  });

  it('is there again when an error of its own ended it', async () => {
    const { order, ...options } = disturbed(`
      const looking = setInterval(() => {
        if (Atomics.compareExchange(order, 0, 1, 0) === 1) throw new Error('a fault of its own');
      }, 1);
      looking.unref();
      await import(committer);`);
    const { inbox, failures, returns } = await open(options);
    await inbox.receive(arrival('a'));
    Atomics.store(order, 0, 1);
    await expect.poll(returns).toBe(1);
    expect(failures).toMatchObject([{ message: 'a fault of its own' }]);
    expect(await inbox.receive(arrival('a'))).toMatchObject({ kind: 'duplicate' });
    await inbox.close();
  });

  it('is there again when the next one opens it and dies while nobody looks', async () => {
    const { order, ...options } = disturbed(`
      const dies = Atomics.compareExchange(order, 0, 1, 2) === 1;
      if (dies) Atomics.wait(order, 0, 2);
      await import(committer);
      if (dies) {
        Atomics.store(order, 0, 4);
        Atomics.notify(order, 0);
        process.exit(1);
      }`);
    const { inbox, failures } = await open(options);
    await inbox.receive(arrival('a'));
    Atomics.store(order, 0, 1);
    void threads.at(-1)!.terminate();
    await expect.poll(() => Atomics.load(order, 0)).toBe(2);
    Atomics.store(order, 0, 3);
    Atomics.notify(order, 0);
    // This thread does not look until the other one's word is there, and nearly always its end.
    Atomics.wait(order, 0, 3, 10_000);
    Atomics.wait(order, 0, 4, 100);
    const again = () => inbox.receive(arrival('a')).catch(() => undefined);
    await expect.poll(again).toMatchObject({ kind: 'duplicate' });
    expect(failures).toHaveLength(2);
    await inbox.close();
  });

  it('can be closed while it is gone', async () => {
    const { inbox } = await open();
    void threads.at(-1)!.terminate();
    await inbox.close();
    const started = threads.length;
    await new Promise((resolve) => setImmediate(resolve));
    expect(threads).toHaveLength(started);
  });
});

describe('an inbox whose committer hangs', () => {
  const entry = new URL('./inbox-hanging-committer.ts', import.meta.url);
  const watch = { everyMs: 10, looks: 20, opening: 3_000 };
  /** Whether anybody looks: before a thread is told to hang, a busy machine may keep it waiting. */
  let looked = false;
  const clock: Clock = {
    now: () => systemClock.now(),
    after(ms, callback) {
      if (ms !== watch.everyMs) return systemClock.after(ms, callback);
      let cancel = systemClock.after(ms, look);
      function look(): void {
        if (looked) callback();
        else cancel = systemClock.after(ms, look);
      }
      return () => cancel();
    },
  };
  const hang = (): void => threads.at(-1)!.postMessage({ kind: 'hang' });
  beforeEach(() => void (looked = false));

  it('is there again, and has what was acknowledged and not filed', async () => {
    const onFailure = (error: unknown): void => {
      looked = false;
      failures.push(error);
    };
    const failures: unknown[] = [];
    const { file, inbox, returns } = await open({ entry, watch, clock, onFailure });
    await inbox.receive(arrival('a'));
    hang();
    // The journal is written all the same; what is not for it waits for the thread.
    expect(await inbox.receive(arrival('b'))).toMatchObject({ kind: 'stored' });
    looked = true;
    await expect(inbox.receive(arrival('a'))).rejects.toMatchObject({ code: 'unavailable' });
    expect(failures).toMatchObject([{ message: 'the committer hangs' }]);
    await expect.poll(returns).toBe(1);
    expect(await inbox.receive(arrival('b'))).toMatchObject({ kind: 'duplicate' });
    await inbox.close();
    const ledger = openInboxLedger(file);
    expect(ledger.list({ limit: 10 }).map(({ controlId }) => controlId)).toEqual(['a', 'b']);
    ledger.close();
  });

  it('can be closed', async () => {
    const { inbox } = await open({ entry, watch, clock });
    await inbox.receive(arrival('a'));
    hang();
    looked = true;
    await inbox.close();
    expect(threads.at(-1)!.threadId).toBe(-1);
  });

  it('does not open when it hangs at once', async () => {
    const silent = new URL('./inbox-silent-committer.ts', import.meta.url);
    const opening = openInboxIntake({
      file: newInboxFile(),
      owners: OWNERS,
      entry: silent,
      watch: { everyMs: 10, looks: 1, opening: 3 },
    });
    await expect(opening).rejects.toThrow('ended before it was open');
  });
});
