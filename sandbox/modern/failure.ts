/** What the service refuses: an HTTP status and an OperationOutcome. */
export class Failure extends Error {
  readonly status: number;
  /** FHIR R4 issue type. */
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, text: string, headers: Readonly<Record<string, string>> = {}) {
    super(text);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

export function outcome(
  severity: 'error' | 'warning' | 'information',
  code: string,
  diagnostics: string,
): string {
  return JSON.stringify({ resourceType: 'OperationOutcome', issue: [{ severity, code, diagnostics }] });
}
