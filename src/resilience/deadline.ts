import { Cancellation } from '../cancellation.ts';
import { FicusError } from '../errors.ts';
import type { Backend, Clock, FhirRequest, FhirResponse, Layer, RequestContext } from '../ports.ts';
import { leftQueue, noAnswer } from './interaction.ts';

export interface DeadlineOptions {
  /** Longest that one request waits for this backend, in milliseconds; the request's own deadline may be earlier. */
  readonly ms: number;
  /** After the deadline: how long the adapter may take to say whether it had sent anything (default 250 ms). */
  readonly graceMs?: number;
  readonly clock: Clock;
}

/**
 * Ends the wait for a backend: what is below gets an earlier deadline and a signal that aborts then, or when the client
 * goes away. The adapter's own answer counts, since it knows whether a write was sent; only one that stays silent past
 * the grace is answered for: `timeout` for a query, `outcome-unknown` for a write.
 */
export function deadline(options: DeadlineOptions): Layer {
  const { ms, graceMs = 250, clock } = options;
  return (next: Backend): Backend => ({
    async handle(request, context) {
      const now = clock.now();
      const at = Math.min(context.deadline, now + ms);
      if (context.signal.aborted || at <= now) throw leftQueue(request);
      return await within(next, request, context, at, { now, graceMs, clock });
    },
  });
}

/** @param at the derived deadline; that of the context, and its signal, are still the parent's */
function within(
  next: Backend,
  request: FhirRequest,
  context: RequestContext,
  at: number,
  { now, graceMs, clock }: { readonly now: number; readonly graceMs: number; readonly clock: Clock },
): Promise<FhirResponse> {
  const parent = context.signal;
  const signal = new Cancellation();
  const silent = () => noAnswer(request);
  return new Promise((resolve, reject) => {
    let over = false;
    let cancelGrace = () => {};
    const expire = () => {
      if (signal.aborted) return;
      cancelGrace = clock.after(graceMs, () => {
        over = true;
        stop();
        reject(silent());
      });
      signal.abort();
    };
    const cancelDeadline = clock.after(at - now, expire);
    parent.addEventListener('abort', expire, { once: true });
    const stop = () => {
      cancelDeadline();
      cancelGrace();
      parent.removeEventListener('abort', expire);
    };

    const answered = (response: FhirResponse) => {
      const { body } = response;
      if (over) {
        if (body.kind === 'pipe') body.discard();
        return;
      }
      stop();
      // A body still to be read is given up when the client goes away; it is no longer on this Layer's clock.
      if (body.kind === 'pipe') parent.addEventListener('abort', () => signal.abort(), { once: true });
      resolve(response);
    };
    const failed = (error: Error) => {
      stop();
      reject(signal.aborted && !(error instanceof FicusError) ? silent() : error);
    };
    next.handle(request, { ...context, deadline: at, signal }).then(answered, failed);
  });
}
