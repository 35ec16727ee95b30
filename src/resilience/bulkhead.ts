import type { Signal } from '../cancellation.ts';
import type { Backend, FhirBody, FhirRequest, FhirResponse, Layer, RequestContext } from '../ports.ts';
import { leftQueue, unasked } from './interaction.ts';

export interface BulkheadOptions {
  /** Requests in flight at once. */
  readonly limit: number;
  /** Requests that may wait for a slot; the next is refused. */
  readonly queue: number;
  /** Retry-After of a refusal, in seconds (default 1). */
  readonly retryAfter?: number;
}

/** One for each backend: a slow one fills its own slots and nobody else's. */
export interface Bulkhead {
  readonly layer: Layer;
  readonly inFlight: number;
  readonly queued: number;
}

/**
 * Bounds the requests in flight. Waiting ones go in the order they came and leave when their signal aborts. A slot is
 * held until the answer is there, and for a streamed body until it has been written or given up.
 */
export function createBulkhead(options: BulkheadOptions): Bulkhead {
  const { limit, queue, retryAfter = 1 } = options;
  /** In the order of arrival; each entry starts its request. */
  const waiting = new Set<() => void>();
  let inFlight = 0;

  /** The slot passes to the first in the queue, or becomes free. */
  function release(): void {
    const [first] = waiting;
    if (!first) inFlight -= 1;
    else {
      waiting.delete(first);
      first();
    }
  }

  function acquire(request: FhirRequest, { signal }: RequestContext): Promise<void> | undefined {
    if (signal.aborted) throw leftQueue(request);
    if (inFlight < limit) {
      inFlight += 1;
      return undefined;
    }
    if (waiting.size >= queue) {
      throw unasked('unavailable', 'Too many requests wait for this backend; nothing was sent.', retryAfter);
    }
    return new Promise((resolve, reject) => {
      const start = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        waiting.delete(start);
        reject(leftQueue(request));
      };
      waiting.add(start);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  const layer: Layer = (next: Backend): Backend => ({
    async handle(request, context) {
      const turn = acquire(request, context);
      if (turn) await turn;
      let response: FhirResponse;
      try {
        response = await next.handle(request, context);
      } catch (error) {
        release();
        throw error;
      }
      if (response.body.kind !== 'pipe') release();
      else response = { ...response, body: heldUntilRead(response.body, context.signal, release) };
      return response;
    },
  });

  return {
    layer,
    get inFlight() {
      return inFlight;
    },
    get queued() {
      return waiting.size;
    },
  };
}

type Pipe = Extract<FhirBody, { readonly kind: 'pipe' }>;

function heldUntilRead(body: Pipe, signal: Signal, release: () => void): Pipe {
  let held = true;
  const letGo = () => {
    if (!held) return;
    held = false;
    signal.removeEventListener('abort', letGo);
    release();
  };
  signal.addEventListener('abort', letGo, { once: true });
  return {
    kind: 'pipe',
    pipe: (sink) => body.pipe(sink).finally(letGo),
    discard: () => {
      body.discard();
      letGo();
    },
    whole: () => {
      const bytes = body.whole?.();
      if (bytes) letGo();
      return bytes;
    },
  };
}
