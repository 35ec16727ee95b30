import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { AuditKeeper, Forgotten } from '../../audit/keeper.ts';
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

/**
 * Writes a trail in a thread of its own. When the thread ends by itself, what it had not answered fails, and the next call begins another one.
 */
export function createThreadedKeeper(data: KeeperData): AuditKeeper {
  let current: Thread | undefined = start();

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
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
      worker.postMessage(message);
    });
  }

  return {
    async add(facts, now) {
      await ask({ add: JSON.stringify(facts), now });
    },
    forget: (before, now) => ask({ forgetBefore: before, now }),
    async close() {
      if (!current) return;
      const { worker } = current;
      worker.ref();
      const ended = once(worker, 'exit');
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
      worker.postMessage('close' satisfies ToKeeper);
      await ended;
    },
  };
}
