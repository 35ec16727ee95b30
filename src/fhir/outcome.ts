import type { FicusError, Issue } from '../errors.ts';
import type { Resource } from './types.ts';

/** The issues as an OperationOutcome (FHIR R4 operationoutcome.html); it needs one issue at least. */
export function operationOutcome(issues: readonly Issue[]): Resource {
  return {
    resourceType: 'OperationOutcome',
    issue: issues.map(({ severity, code, diagnostics, expression }) => ({
      severity,
      code,
      ...(diagnostics === undefined ? {} : { diagnostics }),
      ...(expression && expression.length > 0 ? { expression: [...expression] } : {}),
    })),
  };
}

/** What a client is told of an error. */
export function outcomeOfError(error: FicusError): Resource {
  return operationOutcome(error.issues);
}
