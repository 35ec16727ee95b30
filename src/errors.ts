/**
 * The closed list of what can go wrong, as an API client sees it. One code, one HTTP status, one FHIR
 * issue type, and whether the same request may be tried again unchanged. Each has a heading in docs/errors.md.
 */
const CODES = {
  malformed: { status: 400, issue: 'structure', retry: false },
  invalid: { status: 400, issue: 'invalid', retry: false },
  'parameter-invalid': { status: 400, issue: 'value', retry: false },
  'parameter-unknown': { status: 400, issue: 'not-supported', retry: false },
  'search-unsupported': { status: 400, issue: 'not-supported', retry: false },
  'too-costly': { status: 400, issue: 'too-costly', retry: false },
  'page-expired': { status: 410, issue: 'expired', retry: false },
  unauthenticated: { status: 401, issue: 'login', retry: false },
  forbidden: { status: 403, issue: 'forbidden', retry: false },
  'not-found': { status: 404, issue: 'not-found', retry: false },
  'not-promised': { status: 404, issue: 'not-supported', retry: false },
  'method-not-allowed': { status: 405, issue: 'not-supported', retry: false },
  'not-acceptable': { status: 406, issue: 'not-supported', retry: false },
  conflict: { status: 409, issue: 'conflict', retry: false },
  duplicate: { status: 409, issue: 'duplicate', retry: false },
  'version-conflict': { status: 412, issue: 'conflict', retry: false },
  'multiple-matches': { status: 412, issue: 'multiple-matches', retry: false },
  'too-large': { status: 413, issue: 'too-long', retry: false },
  'unsupported-media': { status: 415, issue: 'not-supported', retry: false },
  misdirected: { status: 421, issue: 'security', retry: false },
  unprocessable: { status: 422, issue: 'processing', retry: false },
  unmappable: { status: 422, issue: 'not-supported', retry: false },
  'value-required': { status: 422, issue: 'required', retry: false },
  'value-invalid': { status: 422, issue: 'value', retry: false },
  'code-invalid': { status: 422, issue: 'code-invalid', retry: false },
  locked: { status: 423, issue: 'lock-error', retry: true },
  throttled: { status: 429, issue: 'throttled', retry: true },
  internal: { status: 500, issue: 'exception', retry: false },
  'not-implemented': { status: 501, issue: 'not-supported', retry: false },
  'legacy-exception': { status: 502, issue: 'exception', retry: false },
  'legacy-rejected': { status: 502, issue: 'processing', retry: false },
  'legacy-malformed': { status: 502, issue: 'structure', retry: false },
  unavailable: { status: 503, issue: 'transient', retry: true },
  incomplete: { status: 503, issue: 'incomplete', retry: true },
  timeout: { status: 504, issue: 'timeout', retry: true },
  'outcome-unknown': { status: 504, issue: 'incomplete', retry: false },
} as const satisfies Record<string, { status: number; issue: string; retry: boolean }>;

export type ErrorCode = keyof typeof CODES;

/** Every code, for tables, tests and docs. */
export const ERROR_CODES = Object.keys(CODES) as ErrorCode[];

/** One thing that is wrong, in the words of FHIR R4 OperationOutcome.issue. Never patient data. */
export interface Issue {
  readonly severity: 'fatal' | 'error' | 'warning' | 'information';
  /** FHIR R4 valueset-issue-type. */
  readonly code: string;
  readonly diagnostics?: string;
  /** FHIRPath of the element, or the name of the parameter or header. */
  readonly expression?: readonly string[];
}

export interface ErrorOptions {
  readonly cause?: unknown;
  /** Several problems at once; without it the message is the one issue. */
  readonly issues?: readonly Issue[];
  /** FHIRPath expression (or parameter name) of the one issue. */
  readonly expression?: readonly string[];
  /** Seconds after which a retry makes sense. */
  readonly retryAfter?: number;
  /** Extra HTTP headers, e.g. Allow. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The only error a Backend, a Layer or an adapter throws on purpose. Rendered once, in http/. */
export class FicusError extends Error {
  readonly code: ErrorCode;
  readonly issues: readonly Issue[];
  readonly retryAfter: number | undefined;
  readonly headers: Readonly<Record<string, string>>;

  /** @param message what happened, in words, free of patient data: it is sent to the client. */
  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'FicusError';
    this.code = code;
    this.retryAfter = options.retryAfter;
    this.headers = options.headers ?? {};
    this.issues = options.issues ?? [
      {
        severity: 'error',
        code: CODES[code].issue,
        diagnostics: message,
        ...(options.expression ? { expression: options.expression } : {}),
      },
    ];
  }

  /** HTTP status. */
  get status(): number {
    return CODES[this.code].status;
  }

  /** Whether the same request may succeed when sent again unchanged. */
  get retryable(): boolean {
    return CODES[this.code].retry;
  }
}

/**
 * A FicusError as it is; anything else as `internal`, its own text kept out of the answer (it may hold patient data).
 */
export function toFicusError(error: unknown): FicusError {
  if (error instanceof FicusError) return error;
  return new FicusError('internal', 'An unexpected fault inside Ficus; the request id finds it in the log.', {
    cause: error,
  });
}
