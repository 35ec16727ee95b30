import type { Clock } from '../../ports.ts';

/** Leaves alone what was of no use, for longer each time; one for each endpoint of a backend. */
export interface BackOff {
  /** Whether it is left alone at this moment. */
  readonly resting: boolean;
  /** It was of no use: a pause, twice as long as the one before. */
  failed(): void;
  /** It was of use: the next pause is the shortest one. */
  served(): void;
}

const FIRST_MS = 1_000;
const LONGEST_MS = 300_000;

/** A pause of a second, doubled up to five minutes. */
export function createBackOff(clock: Clock): BackOff {
  let pauseMs = FIRST_MS;
  let until = 0;
  return {
    get resting() {
      return clock.now() < until;
    },
    failed() {
      // Those that were under way when the first one came back tell the same once more.
      if (clock.now() < until) return;
      until = clock.now() + pauseMs;
      pauseMs = Math.min(2 * pauseMs, LONGEST_MS);
    },
    served() {
      pauseMs = FIRST_MS;
    },
  };
}
