import type { Clock } from '../../ports.ts';

/** Leave to ask a backend once. Given back when its answer has been read, or has failed. */
export interface Permit {
  /** A second time does nothing. */
  release(): void;
}

export interface BudgetOptions {
  /** Requests in flight at once. */
  readonly concurrency: number;
  /** Requests a second, as a mean; a burst may be as large as one second's. */
  readonly perSecond: number;
  readonly clock: Clock;
}

/**
 * How much the experiment may ask of one backend: so many requests at once and so many a second, whoever of it asks.
 */
export interface Budget {
  /** Why there is no leave to be had at this moment; undefined: `take` gives one. Whoever waits comes first. */
  full(): 'concurrency' | 'rate' | 'backing-off' | undefined;
  /** @throws RangeError while it is full */
  take(): Permit;
  /** Waits for its turn. Rejects with the signal's reason when that aborts. */
  wait(signal: AbortSignal): Promise<Permit>;
  /** Gives no leave for so many milliseconds, whoever waits. */
  rest(ms: number): void;
  readonly inFlight: number;
  readonly waiting: number;
}

/** Less than this is a rounding of the clock. */
const EPSILON = 1e-9;

/** A counter of what is in flight beside a token bucket that holds one second's tokens (at least one). */
export function createBudget({ concurrency, perSecond, clock }: BudgetOptions): Budget {
  const capacity = Math.max(1, perSecond);
  /** In the order in which they came; each entry starts one. */
  const waiting = new Set<() => void>();
  let inFlight = 0;
  let tokens = capacity;
  let filledAt = clock.now();
  let restsUntil = 0;
  let cancelTimer: (() => void) | undefined;

  function blockedBy(): 'concurrency' | 'rate' | 'backing-off' | undefined {
    const now = clock.now();
    if (now < restsUntil) return 'backing-off';
    if (inFlight >= concurrency) return 'concurrency';
    // A clock that was set back takes nothing away.
    tokens = Math.min(capacity, tokens + (Math.max(0, now - filledAt) * perSecond) / 1_000);
    filledAt = now;
    return tokens + EPSILON < 1 ? 'rate' : undefined;
  }

  function grant(): Permit {
    tokens -= 1;
    inFlight += 1;
    let held = true;
    return {
      release() {
        if (!held) return;
        held = false;
        inFlight -= 1;
        serve();
      },
    };
  }

  /** Starts those whose turn has come; the next is looked after when a token will be there. */
  function serve(): void {
    cancelTimer?.();
    cancelTimer = undefined;
    for (const start of waiting) {
      const why = blockedBy();
      if (why === 'backing-off') cancelTimer = clock.after(restsUntil - clock.now(), serve);
      if (why === 'rate') cancelTimer = clock.after(Math.ceil(((1 - tokens) * 1_000) / perSecond), serve);
      if (why !== undefined) return;
      waiting.delete(start);
      start();
    }
  }

  return {
    full: () => blockedBy() ?? (waiting.size > 0 ? 'rate' : undefined),
    take() {
      if (blockedBy() !== undefined) throw new RangeError('The budget is used up.');
      return grant();
    },
    wait: (signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(signal.reason as Error);
          return;
        }
        const leave = () => {
          waiting.delete(start);
          reject(signal.reason as Error);
        };
        const start = () => {
          signal.removeEventListener('abort', leave);
          resolve(grant());
        };
        waiting.add(start);
        signal.addEventListener('abort', leave, { once: true });
        serve();
      }),
    rest(ms) {
      restsUntil = Math.max(restsUntil, clock.now() + ms);
    },
    get inFlight() {
      return inFlight;
    },
    get waiting() {
      return waiting.size;
    },
  };
}
