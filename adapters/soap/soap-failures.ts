import { FicusError } from '../../src/errors.ts';
import type { ErrorCode, Issue } from '../../src/errors.ts';
import { headerOf } from './http-exchange.ts';
import type { ExchangeFailure, HttpResponse } from './http-exchange.ts';

/** A query may be asked again; a write whose answer is missing may have taken effect. */
export type CallKind = 'query' | 'write';

/** Seconds after which a service that is down is worth another try, where it says nothing itself. */
const RETRY_AFTER = 5;
/** No promise of a service is believed for longer, in seconds. */
const MAX_RETRY_AFTER = 3600;

/** The error of an exchange without an answer. */
export function exchangeError(failure: ExchangeFailure, kind: CallKind): FicusError {
  const { fault, sent } = failure;
  const code = failure.reason === '' ? '' : ` (${failure.reason})`;
  if (fault === 'not-http') {
    return garbage('The legacy service answers with something else than HTTP.', kind, failure);
  }
  if (fault === 'too-large') return garbage('The answer of the legacy service is too large.', kind, failure);
  if (sent && kind === 'write') {
    const text = `The legacy service did not acknowledge the write${code}: whether it took effect is unknown.`;
    return new FicusError('outcome-unknown', text, { cause: failure });
  }
  if (fault === 'broken') {
    const text = sent
      ? 'The connection to the legacy service broke off'
      : 'No connection to the legacy service';
    return new FicusError('unavailable', `${text}${code}.`, { cause: failure, retryAfter: RETRY_AFTER });
  }
  const text = `The legacy service did not answer in time${sent ? '' : '; nothing was sent'}.`;
  return new FicusError('timeout', text, { cause: failure });
}

/** The error of an HTTP status other than 2xx that came without a Fault. */
export function statusError(response: HttpResponse, kind: CallKind, cause?: unknown): FicusError {
  const { status } = response;
  const said = `The legacy service answered HTTP ${status} without a SOAP Fault`;
  if (status === 503 || status === 429) {
    return new FicusError('unavailable', `${said}.`, { cause, retryAfter: retryAfter(response) });
  }
  // Of a gateway: it does not know what became of the request.
  if ((status === 502 || status === 504) && kind === 'write') {
    return new FicusError('outcome-unknown', `${said}: whether the write took effect is unknown.`, { cause });
  }
  if (status === 504) return new FicusError('timeout', `${said}.`, { cause });
  if (status >= 500) return doubtful('legacy-exception', `${said}.`, kind, cause);
  return new FicusError('legacy-exception', `${said}.`, { cause });
}

/** An answer that cannot be read. */
export function garbage(message: string, kind: CallKind, cause?: unknown): FicusError {
  return doubtful('legacy-malformed', message, kind, cause);
}

/** Of a write, an answer that says nothing does not say that nothing happened: a second issue tells so. */
function doubtful(code: ErrorCode, message: string, kind: CallKind, cause: unknown): FicusError {
  const error = new FicusError(code, message, { cause });
  if (kind === 'query') return error;
  const doubt: Issue = {
    severity: 'warning',
    code: 'incomplete',
    diagnostics: 'Whether the write took effect is unknown.',
  };
  return new FicusError(code, message, { cause, issues: [...error.issues, doubt] });
}

/** Retry-After in seconds; a date (RFC 9110 §10.2.3) is not worth the trouble. */
function retryAfter(response: HttpResponse): number {
  const said = headerOf(response.headers, 'retry-after') ?? '';
  return /^\d{1,9}$/.test(said) ? Math.min(Number(said), MAX_RETRY_AFTER) : RETRY_AFTER;
}
