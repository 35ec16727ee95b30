import { FicusError } from '../../src/errors.ts';

/** What is known of an exchange when it fails before its answer has begun. */
export interface FailureFacts {
  /** Backend name. */
  readonly service: string;
  readonly write: boolean;
  /** Whether a byte of the request may have left. */
  readonly sent: boolean;
  /** Whether we gave it up: deadline, or the client went away. */
  readonly aborted: boolean;
}

/** Codes of failures to reach the service at all (node:net, node:dns, undici). */
const TIMEOUTS: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);
const BROKEN: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'UND_ERR_CLOSED']);
const RETRY_AFTER_SECONDS = 5;

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : '';
}

/** Whether the connection broke, as an idle one does that the service closed in the same moment. */
export function isBrokenConnection(error: unknown): boolean {
  return BROKEN.has(codeOf(error));
}

/**
 * The failure of one exchange in the closed list of errors. A write that may have left is never called failed:
 * its outcome is unknown.
 */
export function failureOf(error: unknown, facts: FailureFacts): FicusError {
  const { service, write, sent } = facts;
  // What our own body stream refused (too large) never was a whole request; what we gave up waiting for may have been.
  if (error instanceof FicusError && !(facts.aborted && sent && write)) return error;
  if (sent && write) {
    return new FicusError(
      'outcome-unknown',
      `${service} received the request and has not answered; it may have been carried out`,
      {
        cause: error,
      },
    );
  }
  if (facts.aborted || TIMEOUTS.has(codeOf(error))) {
    return new FicusError('timeout', `${service} did not answer in time`, { cause: error });
  }
  if (!sent || isBrokenConnection(error)) {
    return new FicusError('unavailable', `${service} cannot be reached`, {
      cause: error,
      retryAfter: RETRY_AFTER_SECONDS,
    });
  }
  return new FicusError('legacy-malformed', `${service} answered with something that is not HTTP`, {
    cause: error,
  });
}
