import type { Clock } from '../ports.ts';

/**
 * Does things one after another, so many at once, each when it is due. One that is waiting or under way is not taken
 * twice.
 */
export interface WorkQueue {
  /** Does `id` at a time (epoch milliseconds), or now. What is under way is looked at again when it has ended. */
  offer(id: string, at: number): void;
  /** Those that wait for their time are due now. */
  hurry(): void;
  /** Takes nothing new; resolves when what is under way has ended. */
  stop(): Promise<void>;
  readonly running: number;
}

/** @param work never rejects */
export function createWorkQueue(options: {
  readonly clock: Clock;
  /** At once. */
  readonly concurrency: number;
  readonly work: (id: string) => Promise<void>;
}): WorkQueue {
  const { clock, concurrency, work } = options;
  const due = new Set<string>();
  const waiting = new Map<string, () => void>();
  const running = new Map<string, Promise<void>>();
  /** Offered again while under way. */
  const again = new Map<string, number>();
  let stopped = false;

  function offer(id: string, at: number): void {
    if (stopped) return;
    if (running.has(id)) {
      again.set(id, at);
      return;
    }
    waiting.get(id)?.();
    waiting.delete(id);
    const wait = at - clock.now();
    if (wait <= 0) {
      due.add(id);
      pump();
      return;
    }
    due.delete(id);
    waiting.set(
      id,
      clock.after(wait, () => {
        waiting.delete(id);
        due.add(id);
        pump();
      }),
    );
  }

  function pump(): void {
    for (const id of due) {
      if (stopped || running.size >= concurrency) return;
      due.delete(id);
      running.set(
        id,
        work(id).finally(() => {
          running.delete(id);
          const at = again.get(id);
          again.delete(id);
          if (at !== undefined) offer(id, at);
          pump();
        }),
      );
    }
  }

  return {
    offer,
    get running() {
      return running.size;
    },
    hurry() {
      const ids = [...waiting.keys()];
      for (const cancel of waiting.values()) cancel();
      waiting.clear();
      for (const id of ids) due.add(id);
      pump();
    },
    async stop() {
      stopped = true;
      for (const cancel of waiting.values()) cancel();
      waiting.clear();
      due.clear();
      await Promise.all(running.values());
    },
  };
}
