import { randomUUID } from 'node:crypto';
import { FicusError } from '../../src/errors.ts';
import type { ErrorCode } from '../../src/errors.ts';
import type { InteractionFile } from '../../src/mapping/exchange-schema.ts';
import type { Clock, RequestContext } from '../../src/ports.ts';
import type { SoapClient, SoapReply } from './client.ts';
import type { ErrorScope, ErrorTable } from './error-table.ts';
import { garbage } from './soap-failures.ts';
import type { CallKind } from './soap-failures.ts';
import type { SoapFault } from './soap-fault.ts';
import { textAt } from './tree.ts';
import type { XmlElement } from './xml-element.ts';

/** Where exchanges are counted; see src/metrics.ts. */
export interface ExchangeMetrics {
  exchange(backend: string, kind: string, outcome: string, seconds: number): void;
}

export interface ExchangerOptions {
  /** Backend name. */
  readonly name: string;
  readonly client: SoapClient;
  readonly errors: ErrorTable;
  readonly clock: Clock;
  readonly metrics: ExchangeMetrics;
}

/** One call of the service. */
export interface Exchange {
  readonly operation: string;
  readonly action: string;
  readonly body: XmlElement;
  readonly response: InteractionFile['response'];
  readonly on: ErrorScope;
  readonly context: RequestContext;
  /** Epoch milliseconds; by default the context's. */
  readonly deadline?: number;
}

/** What the service answered. */
export type Outcome =
  /** Done; the answer's body element. */
  | { readonly kind: 'done'; readonly body: XmlElement }
  /** No error, nothing there. */
  | { readonly kind: 'empty' }
  /** Refused; what it says along with the refusal is in `body`. */
  | { readonly kind: 'refused'; readonly error: FicusError; readonly body: XmlElement | undefined };

export type Exchanger = (exchange: Exchange) => Promise<Outcome>;

/** A code that may be logged: anything else could be a value. */
const PLAIN_CODE = /^[A-Za-z0-9_.-]{1,40}$/;

/**
 * Makes calls to a service and understands their return codes and Faults by the error table. Each call is one line in
 * the log, one leg of Server-Timing and one measurement. An exchange fails as the client says (see SoapClient), or with
 * `legacy-malformed` for an answer that is not that of the operation.
 */
export function createExchanger(options: ExchangerOptions): Exchanger {
  const { name, client, errors, clock, metrics } = options;

  return async (exchange) => {
    const { operation, action, body, response, on, context, deadline = context.deadline } = exchange;
    const kind = kindOf(on);
    const messageId = `urn:uuid:${randomUUID()}`;
    const started = clock.now();
    let returned: Returned = {};
    let outcome: string = 'ok';
    // Told before anything comes back: whoever waits for it may be gone by then.
    const told = { backend: name, messageId, acknowledgement: 'none' };
    context.exchanged?.(told);
    try {
      const reply = await client.call({ action, body, kind, signal: context.signal, deadline, messageId });
      returned = returnedBy(reply, response);
      const understood = understand(reply, returned, exchange, errors);
      if (understood.kind === 'refused') outcome = understood.error.code;
      return understood;
    } catch (error) {
      outcome = error instanceof FicusError ? error.code : 'internal';
      throw error;
    } finally {
      const durationMs = clock.now() - started;
      context.timing(name, durationMs, operation);
      metrics.exchange(name, operation, outcome, durationMs / 1_000);
      const acknowledgement = returned.faults ? 'fault' : plain(returned.status);
      if (acknowledgement !== undefined) context.exchanged?.({ ...told, acknowledgement });
      context.log.info('soap exchange', {
        backend: name,
        action: operation,
        soapMessageId: messageId,
        requestId: context.requestId,
        status: plain(returned.status ?? (returned.faults && 'Fault')),
        reason: plain(returned.reason ?? returned.faults?.[0]),
        ...(outcome === 'ok' ? {} : { errorCode: outcome }),
        durationMs,
      });
    }
  };
}

function kindOf(on: ErrorScope): CallKind {
  return on === 'write' ? 'write' : 'query';
}

function plain(code: string | undefined): string | undefined {
  return code === undefined || PLAIN_CODE.test(code) ? code : 'other';
}

interface Returned {
  readonly status?: string | undefined;
  readonly reason?: string | undefined;
  readonly faults?: readonly string[];
  readonly text?: string | undefined;
  readonly retry?: boolean;
}

function returnedBy(reply: SoapReply, response: InteractionFile['response']): Returned {
  if (reply.kind === 'fault') return returnedByFault(reply.fault, response);
  const { status, reason, text } = response;
  return {
    status: textAt(reply.body, status!),
    reason: reason === undefined ? undefined : textAt(reply.body, reason),
    text: text === undefined ? undefined : textAt(reply.body, text),
  };
}

function returnedByFault(
  { code, subcode, text, detail }: SoapFault,
  { faultReason, faultRetry }: InteractionFile['response'],
): Returned {
  const said = (path: string | undefined): string | undefined =>
    path === undefined
      ? undefined
      : detail.map((entry) => textAt(entry, path)).find((it) => it !== undefined);
  const faults = [subcode, code].filter((it) => it !== undefined && it !== '') as string[];
  return { faults, reason: said(faultReason), text, retry: /^(true|1)$/.test(said(faultRetry) ?? '') };
}

function understand(reply: SoapReply, returned: Returned, exchange: Exchange, errors: ErrorTable): Outcome {
  const { response, on } = exchange;
  const kind = kindOf(on);
  const body = reply.kind === 'answer' ? reply.body : undefined;
  if (body) {
    if (body.local !== response.element || body.ns !== exchange.body.ns)
      throw garbage('The answer of the legacy service is that of another operation.', kind);
    if (returned.status === undefined)
      throw garbage('The answer of the legacy service has no return code.', kind);
    if (response.done.includes(returned.status)) return { kind: 'done', body };
  }
  const code = errors({ on, ...returned }) ?? (body ? 'legacy-rejected' : 'legacy-exception');
  if (code === 'empty') return { kind: 'empty' };
  return { kind: 'refused', error: refusal(code, exchange, returned), body };
}

/** What the refusal means, in our words: those of the service may hold patient data. */
function refusal(code: ErrorCode, { operation }: Exchange, { status, reason, faults }: Returned): FicusError {
  const said = plain(reason) ?? plain(faults?.[0]) ?? plain(status);
  const words = WORDS[code] ?? 'refused the request';
  const message = `The legacy service ${words} (${operation}${said === undefined ? '' : `: ${said}`}).`;
  return new FicusError(code, message, code === 'unavailable' ? { retryAfter: RETRY_AFTER } : {});
}

/** Seconds. */
const RETRY_AFTER = 5;

const WORDS: Partial<Record<ErrorCode, string>> = {
  'not-found': 'has no such record',
  duplicate: 'has this record already',
  conflict: 'cannot do this beside what it holds',
  'version-conflict': 'holds a newer version of the record',
  locked: 'has the record open elsewhere',
  'value-required': 'needs a value that is missing',
  'value-invalid': 'cannot take a value',
  'code-invalid': 'does not know a code',
  unprocessable: 'cannot carry this out',
  'too-costly': 'wants a narrower search',
  'page-expired': 'does not know any more where the search was',
  'not-implemented': 'does not know the operation',
  unavailable: 'is not able to answer now',
  'legacy-exception': 'failed',
};
