import type { Signal } from '../cancellation.ts';

/** Lets one holder at a time have each key, in the order of asking. */
export interface KeyedLock {
  /**
   * Resolves with the release when it is the caller's turn; rejects with `leave()` when the signal aborts before.
   * The release must be called, once.
   */
  acquire(key: string, signal: Signal, leave: () => Error): Promise<() => void>;
}

export function createKeyedLock(): KeyedLock {
  /** Waiters by key; a key that is there is held. */
  const held = new Map<string, Set<() => void>>();

  function release(key: string): void {
    const waiting = held.get(key);
    const [next] = waiting ?? [];
    if (!next) held.delete(key);
    else {
      waiting?.delete(next);
      next();
    }
  }

  return {
    async acquire(key, signal, leave) {
      if (signal.aborted) throw leave();
      const waiting = held.get(key);
      if (!waiting) held.set(key, new Set());
      else {
        await new Promise<void>((resolve, reject) => {
          const start = () => {
            signal.removeEventListener('abort', abandon);
            resolve();
          };
          const abandon = () => {
            waiting.delete(start);
            reject(leave());
          };
          waiting.add(start);
          signal.addEventListener('abort', abandon, { once: true });
        });
      }
      return () => release(key);
    },
  };
}
