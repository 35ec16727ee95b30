import type { Clock } from '../../ports.ts';

/** How a thread is watched. */
export interface WatchOptions {
  /** Milliseconds between two looks. */
  readonly everyMs: number;
  /** So many looks in a row without a beat: then it hangs. */
  readonly looks: number;
  readonly clock: Clock;
}

/**
 * Watches whether the event loop of another thread turns: it counts up as long as it does. Looks are counted, and not
 * the time: while this thread itself is kept from looking, the other one is not to blame.
 *
 * @param beats what the other thread counts up, in shared memory
 * @param hung called once
 * @returns ends the watch
 */
export function watchBeats(
  beats: Int32Array,
  { everyMs, looks, clock }: WatchOptions,
  hung: () => void,
): () => void {
  let last = Atomics.load(beats, 0);
  let without = 0;
  let cancel = clock.after(everyMs, look);
  function look(): void {
    const now = Atomics.load(beats, 0);
    without = now === last ? without + 1 : 0;
    last = now;
    if (without >= looks) hung();
    else cancel = clock.after(everyMs, look);
  }
  return () => cancel();
}
