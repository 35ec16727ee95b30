import type { Signal } from '../../src/cancellation.ts';
import type { Writable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { FicusError } from '../../src/errors.ts';
import { failureOf } from './failure.ts';
import type { FailureFacts } from './failure.ts';
import type { UpstreamHeaders } from './answer.ts';
import { Outflow } from './outflow.ts';
import type { Relinker } from './relink.ts';

export interface AnswerHead {
  readonly status: number;
  readonly headers: UpstreamHeaders;
  /**
   * How the body of an answer to a query begins, a character for each byte; absent when it has none. Not its first
   * chunk: an idle connection keeps its last answer, and 64 kB would stay with each.
   */
  readonly begins?: string;
}

/** As much of a body's beginning as tells what it is. */
const BEGINNING_BYTES = 64;

/** What came before anybody asked for the body is kept up to here; then the service has to wait. */
const EARLY_BYTES = 64 * 1024;
/** A body that nobody wants is read to its end up to this size, to keep the connection; a longer one is cut off. */
const DRAIN_BYTES = 64 * 1024;
/** What breaks a sink is told by the promise of its pipe; an error without a listener would be told to the process. */
const ignore = (): void => {};

/**
 * One request and its answer on a pooled connection: an undici handler that gives the head as a promise and then the
 * body to whoever pipes it, byte for byte, with backpressure. Whoever receives the head must take, pipe or discard the
 * body.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  /** Settles when the answer's head is there, and of a query the beginning of its body. Rejects with FicusError. */
  readonly head: Promise<AnswerHead>;
  /** Whether a byte of the request may have left. */
  sent = false;
  readonly #service: string;
  readonly #write: boolean;
  readonly #signal: Signal;
  readonly #onAbort: () => void;
  #resolve: (head: AnswerHead) => void = () => {};
  #reject: (error: Error) => void = () => {};
  #controller: Dispatcher.DispatchController | undefined;
  #begun: AnswerHead | undefined;
  #early: Buffer[] = [];
  #earlyBytes = 0;
  #state: 'waiting' | 'held' | 'piping' | 'discarding' | 'ended' | 'failed' = 'waiting';
  #complete = false;
  #failure: Error | undefined;
  /** The failure is that nobody waits any more. */
  #givenUp = false;
  #sink: Writable | undefined;
  #outflow: Outflow | undefined;

  constructor(options: { readonly service: string; readonly write: boolean; readonly signal: Signal }) {
    this.#service = options.service;
    this.#write = options.write;
    this.#signal = options.signal;
    this.head = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#onAbort = () => this.#abort(abortReason(this.#signal));
    if (this.#signal.aborted) this.#abort(abortReason(this.#signal));
    else this.#signal.addEventListener('abort', this.#onAbort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // A request that was given up while it waited for a connection never leaves.
    if (this.#failure) controller.abort(this.#failure);
    else this.sent = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: UpstreamHeaders): void {
    if (status < 200 || this.#state !== 'waiting') return;
    this.#controller = controller;
    this.#begun = { status, headers };
    // The status of a write says that it was done, whatever comes after it.
    if (this.#write) this.#hold();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#state === 'piping') {
      this.#outflow?.push(chunk);
      return;
    }
    this.#hold(chunk);
    this.#earlyBytes += chunk.length;
    if (this.#state === 'held') {
      this.#early.push(chunk);
      if (this.#earlyBytes >= EARLY_BYTES) controller.pause();
    } else if (this.#earlyBytes > DRAIN_BYTES) {
      controller.abort(new Error('The rest of the body is not wanted'));
    }
  }

  onResponseEnd(): void {
    this.#hold();
    this.#complete = true;
    // Nothing is left to steer; held on to, controllers chain requests into the old generation.
    this.#controller = undefined;
    this.#signal.removeEventListener('abort', this.#onAbort);
    if (this.#state === 'piping') this.#finish();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(error);
  }

  /**
   * Writes the body to the sink and ends it. Rejects with FicusError, and destroys the sink, when the service breaks
   * off: what was cut short never looks complete. When the sink goes away the connection to the service is freed.
   * Nobody else has to listen to the sink's errors.
   */
  pipe(sink: Writable, relinker?: Relinker): Promise<void> {
    if (this.#failure) {
      sink.destroy();
      return Promise.reject(this.#brokenOff(this.#failure));
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const outflow = new Outflow(sink, relinker, () => this.#controller?.pause());
    this.#sink = sink;
    this.#outflow = outflow;
    this.#state = 'piping';
    sink.on('finish', resolve);
    sink.on('error', ignore);
    sink.on('close', () => this.#sinkClosed(sink, reject));
    const early = this.#early;
    this.#early = [];
    if (this.#complete) {
      this.#finish(early.length === 1 ? early[0] : Buffer.concat(early));
      return promise;
    }
    sink.on('drain', () => this.#controller?.resume());
    for (const chunk of early) outflow.push(chunk);
    if (!sink.writableNeedDrain) this.#controller?.resume();
    return promise;
  }

  /** Takes the body, when all of it has come before anybody piped it; undefined: it has not. */
  whole(): Buffer | undefined {
    if (this.#state !== 'held' || !this.#complete) return undefined;
    this.#state = 'ended';
    const early = this.#early;
    this.#early = [];
    return early.length === 1 ? early[0] : Buffer.concat(early);
  }

  /**
   * Gives the body up. A short one is read to its end, so that the connection can be used again.
   *
   * @param announced bytes of the whole body, where the service has said so
   */
  discard(announced = 0): void {
    if (this.#state !== 'held') return;
    this.#early = [];
    this.#state = 'discarding';
    if (this.#complete) return;
    if (Math.max(this.#earlyBytes, announced) > DRAIN_BYTES)
      this.#controller?.abort(new Error('The body is not wanted'));
    else this.#controller?.resume();
  }

  /** Gives the head to whoever waits for it. */
  #hold(first?: Buffer): void {
    const head = this.#begun;
    if (this.#state !== 'waiting' || !head) return;
    this.#begun = undefined;
    this.#state = 'held';
    this.#resolve(first ? { ...head, begins: first.toString('latin1', 0, BEGINNING_BYTES) } : head);
  }

  /** The sink is gone: done with, or given up, and then the service's connection is freed. */
  #sinkClosed(sink: Writable, reject: (error: Error) => void): void {
    if (sink.writableFinished) return;
    const failure = this.#failure;
    const error = failure ?? sink.errored ?? new Error('The reader of the body went away');
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#outflow?.drop();
    this.#controller?.abort(error);
    reject(failure ? this.#brokenOff(failure) : error);
  }

  #brokenOff(failure: Error): FicusError {
    return failureOf(failure, this.#facts());
  }

  #facts(): FailureFacts {
    return {
      service: this.#service,
      write: this.#write,
      sent: this.sent,
      aborted: this.#givenUp,
    };
  }

  /** @param whole the whole body when all of it was there before the sink */
  #finish(whole?: Buffer): void {
    this.#state = 'ended';
    const outflow = this.#outflow;
    this.#sink = undefined;
    this.#outflow = undefined;
    if (whole) outflow?.endWith(whole);
    else outflow?.end();
  }

  #abort(reason: Error): void {
    if (!this.#failure) this.#givenUp = true;
    this.#fail(reason);
    this.#controller?.abort(reason);
  }

  #fail(error: Error): void {
    if (this.#failure || this.#complete) return;
    this.#failure = error;
    this.#signal.removeEventListener('abort', this.#onAbort);
    const waiting = this.#state === 'waiting';
    this.#state = 'failed';
    if (waiting) this.#reject(failureOf(error, this.#facts()));
    this.#outflow?.drop();
    this.#sink?.destroy(error);
  }
}

function abortReason(signal: Signal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('The request was given up');
}
