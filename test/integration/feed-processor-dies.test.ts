import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { startProcessor } from '../../src/compose/feed/processor-worker.ts';
import type { ProcessorWorkerOptions } from '../../src/compose/feed/processor-worker.ts';
import { createLogger } from '../../src/log.ts';
import { openInboxIntake } from '../../src/store/inbox-intake.ts';
import { openInboxLedger } from '../../src/store/inbox-ledger.ts';
import { messageOf, openTestProjection } from '../unit/events/feed/support.ts';
import { newInbox } from './feed-thread.ts';
import { until } from './mllp-core.ts';

/** A processor in a thread that some messages end, and what is kept of them. */
async function startMortal(values: readonly string[], watch?: ProcessorWorkerOptions['watch']) {
  const inbox = newInbox();
  const files = { inbox, projection: `${inbox}.projection` };
  const intake = await openInboxIntake({ file: inbox, owners: { adt: 'integration' } });
  onTestFinished(() => intake.close());
  for (const [nth, value] of values.entries())
    await intake.receive(messageOf(`M${nth + 1}`, { patient: `p${nth + 1}`, value }));
  const ledger = openInboxLedger(inbox);
  onTestFinished(() => ledger.close());
  const projection = openTestProjection(files.projection);
  onTestFinished(() => projection.close());
  await until(() => ledger.counts().received === values.length);
  let returns = 0;
  const processor = startProcessor({
    data: { loaded: undefined as never, env: {}, publicBase: '', files: files as never, releases: [] },
    onSettled: () => {},
    onReturn: () => (returns += 1),
    clock: systemClock,
    log: createLogger({ level: 'silent' }),
    pause: { first: 1, most: 10 },
    ...(watch ? { watch } : {}),
    entry: new URL('./feed-processor-mortal.ts', import.meta.url),
  });
  onTestFinished(() => processor.stop());
  const ends = (): string[] =>
    ledger.list({ limit: 100 }).map(({ state, reason }) => (reason ? `${state} ${reason}` : state));
  return { intake, ledger, processor, projection, ends, returns: () => returns };
}

it('a processor that dies is begun again, and nothing is applied twice or left out', async () => {
  const { ledger, processor, projection, ends, returns } = await startMortal(['a', 'b', 'once', 'c']);
  await until(() => ledger.counts().waiting === 0 && returns() > 0);
  expect(ends()).toEqual(['processed', 'processed', 'processed', 'processed']);
  expect([...projection.effects().values()]).toEqual([1, 1, 1, 1]);
  expect(processor.trouble).toBeUndefined();
  expect(await processor.audit()).toMatchObject({ holds: true });
});

it('a message that ends the processor each time is parked, and those behind it are processed', async () => {
  const { ledger, processor, projection, ends } = await startMortal(['a', 'die', 'b', 'die too', 'c']);
  await until(() => ledger.counts().waiting === 0);
  expect(ends()).toEqual(['processed', 'parked failed', 'processed', 'parked failed', 'processed']);
  expect(ledger.list({ states: ['parked'], limit: 1 })).toMatchObject([
    { owner: 'integration', detail: 'the processor ended, or hung, each time it was processed' },
  ]);
  expect([...projection.effects().values()]).toEqual([1, 1, 1]);
  await until(() => processor.trouble === undefined);
});

it('a message that the processor hangs over is parked alike; that it hangs is said meanwhile', async () => {
  const { ledger, processor, ends } = await startMortal(['a', 'hang', 'b'], { everyMs: 100, looks: 30 });
  await until(() => processor.trouble !== undefined);
  expect(processor.trouble).toMatch('it hangs, and is ended');
  await until(() => ledger.counts().waiting === 0);
  expect(ends()).toEqual(['processed', 'parked failed', 'processed']);
});

it('a processor that dies while releases are given to it begins again with them', async () => {
  const mortal = `
    import { parentPort, workerData } from 'node:worker_threads';
    parentPort.on('message', ({ kind, nth, question }) => {
      if (kind === 'stop') parentPort.close();
      if (question?.kind === 'use') process.exit(1);
      if (question?.kind === 'audit')
        parentPort.postMessage({ kind: 'answer', nth, text: JSON.stringify(workerData.releases) });
    });
    parentPort.postMessage({ kind: 'open' });`;
  let returned = false;
  const processor = startProcessor({
    data: { loaded: undefined as never, env: {}, publicBase: '', files: undefined as never, releases: [] },
    onSettled: () => {},
    onReturn: () => (returned = true),
    clock: systemClock,
    log: createLogger({ level: 'silent' }),
    pause: { first: 1, most: 10 },
    entry: new URL(`data:text/javascript,${encodeURIComponent(mortal)}`),
  });
  onTestFinished(() => processor.stop());
  const release = { number: 1, files: [], steps: [] };
  await expect(processor.use([release])).rejects.toThrow('it has ended');
  await until(() => returned);
  expect(await processor.audit()).toEqual([release]);
});

it('a processor that opens and dies while nobody looks is begun again', async () => {
  const deaths = new Int32Array(new SharedArrayBuffer(4));
  const most = 5;
  const mortal = `
    import { parentPort, workerData } from 'node:worker_threads';
    const { deaths } = workerData.loaded;
    parentPort.on('message', ({ kind }) => kind === 'stop' && parentPort.close());
    parentPort.postMessage({ kind: 'open' });
    if (Atomics.add(deaths, 0, 1) < ${most}) {
      Atomics.notify(deaths, 0);
      process.exit(1);
    }`;
  /** Keeps this thread from looking until the other one has died once more, and its end can be told as well. */
  const busy = (): void => {
    const before = Atomics.load(deaths, 0);
    if (before < most && Atomics.wait(deaths, 0, before, 5_000) !== 'timed-out')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  };
  let returns = 0;
  const processor = startProcessor({
    data: {
      loaded: { deaths } as never,
      env: {},
      publicBase: '',
      files: undefined as never,
      releases: [],
    },
    onSettled: () => {},
    onReturn: () => (returns += 1),
    clock: {
      ...systemClock,
      after(ms, callback) {
        return systemClock.after(ms, () => {
          callback();
          setImmediate(busy);
        });
      },
    },
    log: createLogger({ level: 'silent' }),
    pause: { first: 1, most: 2 },
    entry: new URL(`data:text/javascript,${encodeURIComponent(mortal)}`),
  });
  onTestFinished(() => processor.stop());
  await until(() => Atomics.load(deaths, 0) > most);
  await until(() => returns > 0 && processor.trouble === undefined);
});
