import { ERROR_CODES, FicusError } from '../errors.ts';
import type { ErrorCode, Issue } from '../errors.ts';
import { parseJson } from '../fhir/json.ts';
import type { Resource } from '../fhir/types.ts';
import type { FhirBody, FhirResponse } from '../ports.ts';
import { again, pipeOf } from './held.ts';
import type { Held } from './held.ts';
import { wasBeforeWrite } from './interaction.ts';

/** How a write ended, as far as can be told. */
export type Ending =
  /** With an answer, good or bad: a repeat gets the same. */
  | 'known'
  /** Without having reached the backend, or refused for now: a repeat may execute. */
  | 'not-done'
  /** Perhaps done: a repeat must not execute blindly. */
  | 'unknown';

/** What an error says of the write that failed with it. */
export function endingOf(error: unknown): Ending {
  if (!(error instanceof FicusError)) return 'unknown';
  if (wasBeforeWrite(error)) return error.retryable || mayBeDone(error) ? 'not-done' : 'known';
  if (mayBeDone(error)) return 'unknown';
  return error.retryable ? 'not-done' : 'known';
}

/** What an answer says of the write: a service of its own may answer with an error instead of failing. */
export function endingOfAnswer({ status }: FhirResponse): Ending {
  if (status === 423 || status === 429 || status === 503) return 'not-done';
  return status >= 500 && status !== 501 ? 'unknown' : 'known';
}

/** An unreadable acknowledgement and a fault of our own may both come after the write was done. */
function mayBeDone({ code }: FicusError): boolean {
  return code === 'outcome-unknown' || code === 'legacy-malformed' || code === 'internal';
}

interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly resource?: Resource;
  /** Of a streamed body, in base64. */
  readonly bytes?: string;
  readonly issues?: readonly Issue[];
  readonly servedBy: string;
}

interface StoredError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly issues: readonly Issue[];
  readonly headers: Readonly<Record<string, string>>;
}

/** An answer as JSON text: of a resource every digit, of a streamed body every byte that is held. */
export function encodeAnswer(held: Held): string {
  const { status, headers, body, issues, servedBy } = again(held);
  const stored: StoredAnswer = {
    status,
    headers,
    servedBy,
    ...(issues ? { issues } : {}),
    ...(body.kind === 'resource' ? { resource: body.resource } : {}),
    ...(held.bytes ? { bytes: held.bytes.toString('base64') } : {}),
  };
  return JSON.stringify({ answer: stored });
}

export function encodeError({ code, message, issues, headers }: FicusError): string {
  return JSON.stringify({ error: { code, message, issues, headers } satisfies StoredError });
}

/** The answer that was stored. @throws FicusError the error that was stored. */
export function replay(text: string): FhirResponse {
  const { answer, error } = parseJson(text) as unknown as { answer?: StoredAnswer; error?: StoredError };
  if (answer) {
    const { status, headers, issues, servedBy } = answer;
    return { status, headers, servedBy, body: bodyOf(answer), ...(issues ? { issues } : {}) };
  }
  if (error && ERROR_CODES.includes(error.code)) {
    throw new FicusError(error.code, error.message, { issues: error.issues, headers: error.headers });
  }
  throw new FicusError('internal', 'A stored outcome cannot be read.');
}

function bodyOf({ resource, bytes }: StoredAnswer): FhirBody {
  if (resource) return { kind: 'resource', resource };
  return bytes === undefined ? { kind: 'none' } : pipeOf(Buffer.from(bytes, 'base64'));
}

/** What a repeat is told while nobody knows. @param cause why this attempt found nothing out */
export function stillUnknown(cause?: unknown): FicusError {
  if (cause instanceof FicusError && cause.code === 'outcome-unknown') return cause;
  const retryAfter = cause instanceof FicusError ? cause.retryAfter : undefined;
  return new FicusError(
    'outcome-unknown',
    'An earlier attempt of this write has no known outcome, and it cannot be asked after now. Repeat it with the same key, or ask whether it took effect.',
    { cause, ...(retryAfter === undefined ? {} : { retryAfter }) },
  );
}
