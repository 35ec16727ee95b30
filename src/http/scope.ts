import { Cancellation } from '../cancellation.ts';
import { FicusError } from '../errors.ts';
import type { Admission } from '../security-ports.ts';
import type { Clock, LogFields, Logger, Principal, RequestContext } from '../ports.ts';

/** Time that a backend has, after the deadline, to say what became of the request (a write: outcome unknown). */
const GRACE_MS = 400;
const TOKEN = /[^A-Za-z0-9!#$%&'*+.^_`|~-]/g;

export interface ScopeOptions {
  readonly requestId: string;
  readonly traceparent: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly deadlineMs: number;
  readonly principal: Principal;
  readonly address: string;
}

/** The Logger of one request. It is made for every one, so it binds nothing: each line gets the id. */
class RequestLog implements Logger {
  readonly #root: Logger;
  readonly #requestId: string;

  constructor(root: Logger, requestId: string) {
    this.#root = root;
    this.#requestId = requestId;
  }

  debug(message: string, fields?: LogFields): void {
    this.#root.debug(message, { requestId: this.#requestId, ...fields });
  }

  info(message: string, fields?: LogFields): void {
    this.#root.info(message, { requestId: this.#requestId, ...fields });
  }

  warn(message: string, fields?: LogFields): void {
    this.#root.warn(message, { requestId: this.#requestId, ...fields });
  }

  error(message: string, fields?: LogFields & { readonly error?: unknown }): void {
    this.#root.error(message, { requestId: this.#requestId, ...fields });
  }

  child(fields: LogFields): Logger {
    return this.#root.child({ requestId: this.#requestId, ...fields });
  }
}

/** One HTTP request while it lasts: its context for the rooms below, its deadline and its Server-Timing legs. */
export class RequestScope implements RequestContext {
  readonly requestId: string;
  readonly traceparent: string;
  /** Whoever the headers name, until it is known who calls. */
  principal: Principal;
  /** Absent: nobody counts. */
  admission?: Admission;
  readonly address: string;
  readonly deadline: number;
  readonly startedAt: number;
  readonly signal = new Cancellation();
  readonly log: Logger;
  readonly timing: (name: string, durationMs: number, description?: string) => void;
  readonly afterwards: (work: () => void) => void;
  /** Whether the request was put to a Backend, or is to be. */
  put = false;
  readonly #clock: Clock;
  readonly #cancelTimer: () => void;
  readonly #legs: string[] = [];
  /** What is to be done when the answer has gone. */
  readonly #later: (() => void)[] = [];

  constructor(options: ScopeOptions) {
    this.requestId = options.requestId;
    this.traceparent = options.traceparent;
    this.principal = options.principal;
    this.address = options.address;
    this.#clock = options.clock;
    this.log = new RequestLog(options.log, options.requestId);
    this.startedAt = options.clock.now();
    this.deadline = this.startedAt + options.deadlineMs;
    this.#cancelTimer = options.clock.after(options.deadlineMs, () => {
      this.signal.abort(new FicusError('timeout', 'The request took longer than is allowed'));
    });
    this.timing = (name, durationMs, description) => {
      const { before, behind } = legOf(name, description);
      this.#legs.push(before + hundredths(durationMs) + behind);
    };
    this.afterwards = (work) => void this.#later.push(work);
  }

  /**
   * What the rooms below get: a plain object, for Layers copy it by spreading, and that of an instance of a class costs
   * ten times as much.
   */
  context(): RequestContext {
    const { requestId, traceparent, principal, address, signal, deadline, log, timing, afterwards } = this;
    return { requestId, traceparent, principal, address, signal, deadline, log, timing, afterwards };
  }

  /** The answer has gone, or the client has: what waited for that is done now. */
  closed(): void {
    for (const work of this.#later.splice(0)) {
      try {
        work();
      } catch (error) {
        this.log.error('what follows an answer failed', { error });
      }
    }
  }

  /** Milliseconds since the request came. */
  elapsed(): number {
    return this.#clock.now() - this.startedAt;
  }

  /** Value of the `Server-Timing` header. */
  serverTiming(): string {
    const total = `total;dur=${hundredths(this.elapsed())}`;
    return this.#legs.length === 0 ? total : `${this.#legs.join(', ')}, ${total}`;
  }

  /** The answer has begun: the deadline no longer applies, only the client's going away does. */
  answered(): void {
    this.#cancelTimer();
  }

  /** The client went away: whoever works for it stops. */
  gone(): void {
    this.#cancelTimer();
    this.signal.abort(new FicusError('timeout', 'The client went away'));
  }

  /**
   * Waits for the work, but not for long after the signal: a backend that does not heed it cannot hang the client.
   *
   * @param late what to do with a result that came too late for anybody
   */
  within<T>(work: Promise<T>, write: boolean, late: (result: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      let over = false;
      let cancelGrace = (): void => {};
      const begin = (): void => {
        cancelGrace = this.#clock.after(GRACE_MS, () => {
          over = true;
          reject(noAnswer(write));
        });
      };
      const stop = (): void => {
        this.signal.removeEventListener('abort', begin);
        cancelGrace();
      };
      const answered = (result: T): void => {
        stop();
        if (over) late(result);
        else resolve(result);
      };
      const failed = (error: unknown): void => {
        stop();
        reject(error);
      };
      if (this.signal.aborted) begin();
      else this.signal.addEventListener('abort', begin);
      work.then(answered, failed);
    });
  }
}

/** What stands around the duration of a leg. */
interface Leg {
  readonly before: string;
  readonly behind: string;
}

/** By name and description: those of the deployment's backends and of what they are asked. */
const legs = new Map<string, Map<string | undefined, Leg>>();
/** Of either: should there be more after all, they are put together each time. */
const MOST_LEGS = 300;

function legOf(name: string, description: string | undefined): Leg {
  const known = legs.get(name)?.get(description);
  if (known) return known;
  const text = description === undefined ? '' : `;desc="${description.replace(/[^\x20-\x7e]|["\\]/g, '')}"`;
  const leg = { before: `${name.replace(TOKEN, '-')};dur=`, behind: text };
  let byDescription = legs.get(name);
  if (!byDescription && legs.size < MOST_LEGS) legs.set(name, (byDescription = new Map()));
  if (byDescription && byDescription.size < MOST_LEGS) byDescription.set(description, leg);
  return leg;
}

/** Rounded to two decimals. */
function hundredths(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100;
}

function noAnswer(write: boolean): FicusError {
  return write
    ? new FicusError('outcome-unknown', 'The request was not answered in time; it may have been carried out')
    : new FicusError('timeout', 'The request was not answered in time');
}
