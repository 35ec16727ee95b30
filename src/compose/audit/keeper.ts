import { Worker } from 'node:worker_threads';
import { ready } from '../../audit/chain.ts';
import type { AuditKeeper, Forgotten } from '../../audit/keeper.ts';
import { handOver } from './handed-over.ts';
import type { FromKeeper, KeeperData, ToKeeper } from './keeper-thread.ts';
import type { ToUpkeep, UpkeepData } from './upkeep-thread.ts';

interface Asked {
  readonly resolve: (done: Forgotten) => void;
  readonly reject: (error: Error) => void;
}

/** A thread, and what it has not answered yet: it answers in order. */
interface Thread {
  readonly worker: Worker;
  readonly asked: Asked[];
}

/**
 * Pages of the log after which the trail is looked after, and after which it is the first time: what an earlier process
 * left is done early.
 */
const LOOKED_AFTER = 4_000;
const FIRST_AFTER = 100;
/** A transaction changes the page of its head and the last of the records, of which five fill one. */
const PAGES = 2;
const PAGES_A_RECORD = 0.2;

/**
 * Writes a trail in a thread of its own, and has another one index it and move the log into the file. When the thread
 * that writes ends by itself, what it had not answered fails, and the next call begins another one.
 */
export function createThreadedKeeper(data: KeeperData): AuditKeeper {
  let current: Thread | undefined = start();
  let upkeep: Worker | undefined;
  let pages = LOOKED_AFTER - FIRST_AFTER;

  /** Begun when it is needed first, and again when it has ended: until then the log only grows. */
  function lookAfter(added: number): void {
    pages += PAGES + added * PAGES_A_RECORD;
    if (pages < LOOKED_AFTER) return;
    pages = 0;
    if (!upkeep) {
      const worker = new Worker(new URL('./upkeep-thread.ts', import.meta.url), {
        workerData: { file: data.file } satisfies UpkeepData,
      });
      worker.on('error', () => {});
      worker.on('exit', () => {
        if (upkeep === worker) upkeep = undefined;
      });
      worker.unref();
      upkeep = worker;
    }
    tell(upkeep, 'look');
  }

  function tell(worker: Worker, message: ToKeeper | ToUpkeep): void {
    worker.postMessage(message);
  }

  async function end(worker: Worker | undefined): Promise<void> {
    if (!worker) return;
    worker.ref();
    await new Promise((resolve) => {
      worker.once('exit', resolve);
      tell(worker, 'close');
    });
  }

  function start(): Thread {
    const worker = new Worker(new URL('./keeper-thread.ts', import.meta.url), { workerData: data });
    const thread: Thread = { worker, asked: [] };
    worker.on('message', (answer: FromKeeper) => {
      const one = thread.asked.shift()!;
      if (thread.asked.length === 0) worker.unref();
      if ('done' in answer) one.resolve(answer.done);
      else one.reject(new Error(answer.failed));
    });
    let cause: unknown;
    worker.on('error', (error) => (cause = error));
    worker.on('exit', () => {
      if (current === thread) current = undefined;
      const ended = new Error('the thread that writes the audit trail has ended', { cause });
      for (const { reject } of thread.asked.splice(0)) reject(ended);
    });
    worker.unref();
    return thread;
  }

  function ask(message: Exclude<ToKeeper, 'close'>): Promise<Forgotten> {
    const { worker, asked } = (current ??= start());
    return new Promise((resolve, reject) => {
      worker.ref();
      asked.push({ resolve, reject });
      tell(worker, message);
    });
  }

  return {
    async add(facts, now) {
      await ask({ add: handOver(facts.map(ready)), now });
      lookAfter(facts.length);
    },
    forget: (before, now) => ask({ forgetBefore: before, now }),
    async close() {
      await end(upkeep);
      await end(current?.worker);
    },
  };
}
