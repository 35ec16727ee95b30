import type { JournalStanding } from '../feed-ports.ts';

/** What becomes of a journal that could not be written: it is tried again, less and less often while it fails. */
export interface Setbacks {
  readonly standing: JournalStanding;
  failed(code: string): void;
  /** Whether it is time to try again. */
  mayTry(): boolean;
  worked(): void;
}

/** Milliseconds before it is tried again, which double while it fails. */
const AGAIN = { first: 1_000, most: 60_000 };

/** @param now milliseconds that never go back */
export function createSetbacks(now: () => number = () => performance.now()): Setbacks {
  let standing: JournalStanding = { failures: 0 };
  let inARow = 0;
  let againAt = -Infinity;
  return {
    get standing() {
      return standing;
    },
    failed(code) {
      againAt = now() + Math.min(AGAIN.most, AGAIN.first * 2 ** Math.min(inARow++, 30));
      const since = standing.failing?.since ?? Date.now();
      standing = { failures: standing.failures + 1, failing: { since, code } };
    },
    mayTry: () => now() >= againAt,
    worked() {
      if (!standing.failing) return;
      inARow = 0;
      standing = { failures: standing.failures };
    },
  };
}
