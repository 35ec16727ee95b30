import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock, Logger, RequestContext } from '../ports.ts';

/** Ends the wait of work that nobody waits for over HTTP. */
export interface Background {
  /** Runs work with a context of its own, which is aborted after `ms` or when `signal` aborts. */
  run<T>(work: (context: RequestContext) => Promise<T>, signal?: AbortSignal): Promise<T>;
}

/**
 * Ficus asking on its own account.
 * @param name who asks, as the principal's key
 * @param ms longest that one piece of work waits
 */
export function createBackground(options: {
  readonly name: string;
  readonly ms: number;
  readonly clock: Clock;
  readonly log: Logger;
}): Background {
  const { name, ms, clock, log } = options;
  return {
    async run(work, signal) {
      const controller = new AbortController();
      const abort = (): void => controller.abort();
      const cancel = clock.after(ms, abort);
      if (signal?.aborted) abort();
      signal?.addEventListener('abort', abort, { once: true });
      const requestId = randomUUID();
      try {
        return await work({
          requestId,
          traceparent: `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`,
          principal: { key: name },
          signal: controller.signal,
          deadline: clock.now() + ms,
          log: log.child({ requestId }),
          timing: () => {},
        });
      } finally {
        cancel();
        signal?.removeEventListener('abort', abort);
      }
    },
  };
}
