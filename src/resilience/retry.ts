import { FicusError } from '../errors.ts';
import type { Backend, Clock, Layer, RequestContext } from '../ports.ts';
import { isWrite, wasUnasked } from './interaction.ts';

export interface RetryOptions {
  /** Further attempts of one query. */
  readonly attempts: number;
  readonly clock: Clock;
  /** 0 to 1, exclusive; for the jitter (default Math.random). */
  readonly random?: () => number;
}

const BASE_MS = 50;
const MAX_MS = 1_000;
/** All queries together may add this share of further attempts, and a burst of so many. */
const BUDGET_SHARE = 0.1;
const BUDGET_BURST = 10;

/**
 * Asks a query again after a technical failure, never a write. A short random pause comes first; there is no further
 * attempt when the time left is less than the failed one took, when Ficus itself refused, or when the budget is spent:
 * a backend in trouble is not asked twice as often.
 */
export function retry(options: RetryOptions): Layer {
  const { attempts, clock, random = Math.random } = options;
  let budget = BUDGET_BURST;

  return (next: Backend): Backend => ({
    async handle(request, context) {
      if (isWrite(request)) return next.handle(request, context);
      budget = Math.min(BUDGET_BURST, budget + BUDGET_SHARE);
      for (let attempt = 0; ; attempt++) {
        const started = clock.now();
        try {
          return await next.handle(request, context);
        } catch (error) {
          const pause = random() * Math.min(MAX_MS, BASE_MS * 2 ** attempt);
          const needed = clock.now() - started + pause;
          const worthIt = attempt < attempts && budget >= 1 && mayRetry(error);
          if (!worthIt || context.signal.aborted || clock.now() + needed >= context.deadline) throw error;
          budget -= 1;
          context.log.debug('query tried again', { attempt: attempt + 1 });
          await wait(pause, context, clock);
          if (context.signal.aborted) throw error;
        }
      }
    },
  });
}

function mayRetry(error: unknown): boolean {
  return (
    error instanceof FicusError &&
    (error.code === 'unavailable' || error.code === 'timeout') &&
    !wasUnasked(error)
  );
}

/** Waits `ms`, or until the signal aborts. */
function wait(ms: number, { signal }: RequestContext, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal.addEventListener('abort', done, { once: true });
  });
}
