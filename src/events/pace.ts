import type { Clock } from '../ports.ts';

/** Waits `ms`, or until the signal aborts. */
export function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** Lets one through at a time, evenly, so many a second. */
export function createPace(perSecond: number, clock: Clock, signal: AbortSignal): () => Promise<void> {
  const step = 1_000 / perSecond;
  let next = clock.now();
  return async () => {
    const wait = next - clock.now();
    next = Math.max(next, clock.now()) + step;
    if (wait > 0) await pause(wait, clock, signal);
  };
}
