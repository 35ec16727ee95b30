import { FicusError } from '../errors.ts';
import type { Clock, Logger, Principal, RequestContext } from '../ports.ts';

const ANONYMOUS: Principal = { key: 'anonymous' };
/** Time that a backend has, after the deadline, to say what became of the request (a write: outcome unknown). */
const GRACE_MS = 400;
const TOKEN = /[^A-Za-z0-9!#$%&'*+.^_`|~-]/g;

export interface ScopeOptions {
  readonly requestId: string;
  readonly traceparent: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly deadlineMs: number;
}

/**
 * One HTTP request while it lasts: its context for the rooms below, its deadline and its Server-Timing legs. All of the
 * context is in own properties: Layers copy it by spreading.
 */
export class RequestScope implements RequestContext {
  readonly requestId: string;
  readonly traceparent: string;
  readonly principal: Principal = ANONYMOUS;
  readonly deadline: number;
  readonly startedAt: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly timing: (name: string, durationMs: number, description?: string) => void;
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #cancelTimer: () => void;
  readonly #legs: string[] = [];

  constructor(options: ScopeOptions) {
    this.requestId = options.requestId;
    this.traceparent = options.traceparent;
    this.#clock = options.clock;
    this.log = options.log.child({ requestId: options.requestId });
    this.startedAt = options.clock.now();
    this.deadline = this.startedAt + options.deadlineMs;
    this.signal = this.#controller.signal;
    this.#cancelTimer = options.clock.after(options.deadlineMs, () => {
      this.#controller.abort(new FicusError('timeout', 'The request took longer than is allowed'));
    });
    this.timing = (name, durationMs, description) => {
      const text =
        description === undefined ? '' : `;desc="${description.replace(/[^\x20-\x7e]|["\\]/g, '')}"`;
      this.#legs.push(`${name.replace(TOKEN, '-')};dur=${Number(durationMs.toFixed(2))}${text}`);
    };
  }

  /** Milliseconds since the request came. */
  elapsed(): number {
    return this.#clock.now() - this.startedAt;
  }

  /** Value of the `Server-Timing` header. */
  serverTiming(): string {
    return [...this.#legs, `total;dur=${Number(this.elapsed().toFixed(2))}`].join(', ');
  }

  /** The answer has begun: the deadline no longer applies, only the client's going away does. */
  answered(): void {
    this.#cancelTimer();
  }

  /** The client went away: whoever works for it stops. */
  gone(): void {
    this.#cancelTimer();
    if (!this.signal.aborted) this.#controller.abort(new FicusError('timeout', 'The client went away'));
  }

  /**
   * Waits for the work, but not for long after the signal: a backend that does not heed it cannot hang the client.
   *
   * @param late what to do with a result that came too late for anybody
   */
  async within<T>(work: Promise<T>, write: boolean, late: (result: T) => void): Promise<T> {
    const limit = this.#limit(write);
    try {
      return await Promise.race([work, limit.passed]);
    } catch (error) {
      if (limit.isOver()) work.then(late, () => {});
      throw error;
    } finally {
      limit.cancel();
    }
  }

  /** A promise that rejects when the signal and then the grace have passed. */
  #limit(write: boolean): { readonly passed: Promise<never>; isOver(): boolean; cancel(): void } {
    let over = false;
    let cancelGrace = (): void => {};
    let begin = (): void => {};
    const passed = new Promise<never>((_resolve, reject) => {
      begin = () => {
        cancelGrace = this.#clock.after(GRACE_MS, () => {
          over = true;
          reject(noAnswer(write));
        });
      };
    });
    if (this.signal.aborted) begin();
    else this.signal.addEventListener('abort', begin);
    return {
      passed,
      isOver: () => over,
      cancel: () => {
        this.signal.removeEventListener('abort', begin);
        cancelGrace();
      },
    };
  }
}

function noAnswer(write: boolean): FicusError {
  return write
    ? new FicusError('outcome-unknown', 'The request was not answered in time; it may have been carried out')
    : new FicusError('timeout', 'The request was not answered in time');
}
