import type { Clock } from '../ports.ts';

/** When a thread counts as hung. */
export interface Patience {
  /** Milliseconds between two looks. */
  readonly everyMs: number;
  /** So many looks in a row without a beat: then it hangs. */
  readonly looks: number;
  /** So many before it says that it is open: a database may have to be brought forward, during which nothing beats. */
  readonly opening: number;
}

export const PATIENCE: Patience = { everyMs: 1_000, looks: 15, opening: 300 };

/** How a thread is watched. */
export interface WatchOptions extends Pick<Patience, 'everyMs' | 'looks'> {
  readonly clock: Clock;
  /** Whether it does what may take as long as it takes; then no look counts. Absent: it never does. */
  readonly excused?: () => boolean;
}

/** What a thread counts up while its event loop turns, in shared memory. */
export function createBeats(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4));
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
  { everyMs, looks, clock, excused = () => false }: WatchOptions,
  hung: () => void,
): () => void {
  let last = Atomics.load(beats, 0);
  let without = 0;
  let cancel = clock.after(everyMs, look);
  function look(): void {
    const now = Atomics.load(beats, 0);
    without = now === last && !excused() ? without + 1 : 0;
    last = now;
    if (without >= looks) hung();
    else cancel = clock.after(everyMs, look);
  }
  return () => cancel();
}
