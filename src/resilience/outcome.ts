import { ERROR_CODES, FicusError } from '../errors.ts';
import type { ErrorCode, Issue } from '../errors.ts';
import { parseJson } from '../fhir/json.ts';
import type { Resource } from '../fhir/types.ts';
import type { FhirResponse } from '../ports.ts';
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
  readonly issues?: readonly Issue[];
  readonly servedBy: string;
}

interface StoredError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly issues: readonly Issue[];
  readonly headers: Readonly<Record<string, string>>;
}

/** A streamed body has one reader: whoever else is answered gets status and headers. */
export function withoutStream(response: FhirResponse): FhirResponse {
  if (response.body.kind !== 'pipe') return response;
  const headers = Object.entries(response.headers).filter(([name]) => !name.startsWith('content-'));
  return { ...response, headers: Object.fromEntries(headers), body: { kind: 'none' } };
}

/** An answer as JSON text, digits kept. Of one whose body is streamed the body is not kept. */
export function encodeAnswer(response: FhirResponse): string {
  const { status, headers, body, issues, servedBy } = withoutStream(response);
  const stored: StoredAnswer = { status, headers, servedBy, ...(issues ? { issues } : {}) };
  return JSON.stringify({
    answer: body.kind === 'resource' ? { ...stored, resource: body.resource } : stored,
  });
}

export function encodeError({ code, message, issues, headers }: FicusError): string {
  return JSON.stringify({ error: { code, message, issues, headers } satisfies StoredError });
}

/** The answer that was stored. @throws FicusError the error that was stored. */
export function replay(text: string): FhirResponse {
  const { answer, error } = parseJson(text) as unknown as { answer?: StoredAnswer; error?: StoredError };
  if (answer) {
    const { status, headers, resource, issues, servedBy } = answer;
    const body = resource ? ({ kind: 'resource', resource } as const) : ({ kind: 'none' } as const);
    return { status, headers, servedBy, body, ...(issues ? { issues } : {}) };
  }
  if (error && ERROR_CODES.includes(error.code)) {
    throw new FicusError(error.code, error.message, { issues: error.issues, headers: error.headers });
  }
  throw new FicusError('internal', 'A stored outcome cannot be read.');
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
