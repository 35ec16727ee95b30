import { Worker } from 'node:worker_threads';
import type { AuditKeeper, Forgotten } from '../../audit/keeper.ts';
import type { CheckpointData, ToCheckpoint } from './checkpoint-thread.ts';
import type { FromKeeper, KeeperData, ToKeeper } from './keeper-thread.ts';

interface Asked {
  readonly resolve: (done: Forgotten) => void;
  readonly reject: (error: Error) => void;
}

/** A thread, and what it has not answered yet: it answers in order. */
interface Thread {
  readonly worker: Worker;
  readonly asked: Asked[];
}

/** Transactions, some ten pages each, after which the log is moved into the file. */
const MOVED_AFTER = 400;

/**
 * Writes a trail in a thread of its own, and has another one move the log into the file. When the thread that writes ends by itself, what it had not
 * answered fails, and the next call begins another one.
 */
export function createThreadedKeeper(data: KeeperData): AuditKeeper {
  let current: Thread | undefined = start();
  let checkpoints: Worker | undefined;
  let since = 0;

  /** Begun when it is needed first, and again when it has ended: until then the log only grows. */
  function moveLog(): void {
    if ((since += 1) < MOVED_AFTER) return;
    since = 0;
    if (!checkpoints) {
      const worker = new Worker(new URL('./checkpoint-thread.ts', import.meta.url), {
        workerData: { file: data.file } satisfies CheckpointData,
      });
      worker.on('error', () => {});
      worker.on('exit', () => {
        if (checkpoints === worker) checkpoints = undefined;
      });
      worker.unref();
      checkpoints = worker;
    }
    tell(checkpoints, 'move');
  }

  function tell(worker: Worker, message: ToKeeper | ToCheckpoint): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
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
      await ask({ add: JSON.stringify(facts), now });
      moveLog();
    },
    forget: (before, now) => ask({ forgetBefore: before, now }),
    async close() {
      await end(checkpoints);
      await end(current?.worker);
    },
  };
}
