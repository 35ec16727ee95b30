import type { Signal } from '../../src/cancellation.ts';
import { errors } from 'undici';
import type { Dispatcher } from 'undici';
import type { Clock } from '../../src/ports.ts';

export interface HttpRequest {
  /** Path and query. */
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
  readonly signal: Signal;
  /** Epoch milliseconds. */
  readonly deadline: number;
  readonly maxResponseBytes: number;
}

type HttpHeaders = NodeJS.Dict<string | string[]>;

export interface HttpResponse {
  readonly status: number;
  /** Lower-case names; see headerOf. */
  readonly headers: HttpHeaders;
  readonly body: Buffer;
}

/**
 * Why an exchange has no answer.
 * `deadline`: it passed. `given-up`: the signal was aborted before. `broken`: no connection, or it broke off.
 * `not-http`: what came is not HTTP. `too-large`: more than the cap came.
 */
export type ExchangeFault = 'deadline' | 'given-up' | 'broken' | 'not-http' | 'too-large';

export class ExchangeFailure extends Error {
  readonly fault: ExchangeFault;
  /** Whether any byte of the request may have left. False is certain: the service has not seen it. */
  readonly sent: boolean;
  /** The system's or undici's code, e.g. `ECONNREFUSED`; holds no data. */
  readonly reason: string;

  constructor(fault: ExchangeFault, sent: boolean, cause?: unknown) {
    super(`HTTP exchange failed: ${fault}`, { cause });
    this.name = 'ExchangeFailure';
    this.fault = fault;
    this.sent = sent;
    this.reason = codeOf(cause);
  }
}

/**
 * One POST over a pooled connection, until its answer is here in full. Redirects are not followed. Whatever ends it
 * early frees the connection: one that waits for an answer nobody wants is closed.
 *
 * @throws ExchangeFailure
 */
export function postOnce(dispatcher: Dispatcher, request: HttpRequest, clock: Clock): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const { signal } = request;
    let controller: Dispatcher.DispatchController | undefined;
    let isSettled = false;
    let status = 0;
    let headers: HttpHeaders = {};
    const chunks: Buffer[] = [];
    let size = 0;

    const settle = (): void => {
      isSettled = true;
      cancelTimer();
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (fault: ExchangeFault, cause?: unknown): void => {
      if (isSettled) return;
      settle();
      const failure = new ExchangeFailure(fault, controller !== undefined, cause);
      controller?.abort(failure);
      reject(failure);
    };
    const isLate = (): boolean => clock.now() >= request.deadline;
    const onAbort = (): void => fail(isLate() ? 'deadline' : 'given-up');

    const cancelTimer = clock.after(Math.max(0, request.deadline - clock.now()), () => fail('deadline'));
    if (isLate() || signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });

    const handler: Dispatcher.DispatchHandler = {
      // Called when a connection is free, before the first byte is written. What is thrown takes this request out and
      // leaves the connection as it is. Twice would be sending again, and that is not for a transport to decide.
      onRequestStart(started) {
        if (isSettled || controller !== undefined) throw new Error('not wanted any more');
        controller = started;
      },
      onResponseStart(_, statusCode, responseHeaders) {
        status = statusCode;
        headers = responseHeaders;
        if (Number(headerOf(headers, 'content-length') ?? 0) > request.maxResponseBytes) fail('too-large');
      },
      onResponseData(_, chunk) {
        size += chunk.length;
        if (size > request.maxResponseBytes) fail('too-large');
        else chunks.push(chunk);
      },
      onResponseEnd() {
        if (isSettled) return;
        settle();
        resolve({ status, headers, body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size) });
      },
      onResponseError(_, error) {
        // A parser's error holds what was received; it goes no further.
        if (isNotHttp(error)) fail('not-http');
        else fail('broken', error);
      },
    };
    const { path, body } = request;
    dispatcher.dispatch({ path, method: 'POST', headers: request.headers, body }, handler);
  });
}

/** A header's value; of one that is repeated the first. */
export function headerOf(headers: HttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'object' ? value[0] : value;
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

/** An end where none may be is a connection that broke off. */
function isNotHttp(error: Error): boolean {
  if (error instanceof errors.HTTPParserError) return codeOf(error) !== 'HPE_INVALID_EOF_STATE';
  return error instanceof errors.HeadersOverflowError;
}
