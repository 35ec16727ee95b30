import type { Issue } from '../errors.ts';
import type { Resource } from '../fhir/types.ts';

/** The issues as an OperationOutcome (FHIR R4 operationoutcome.html). */
export function operationOutcome(issues: readonly Issue[]): Resource {
  return {
    resourceType: 'OperationOutcome',
    issue: issues.map((issue) => ({
      severity: issue.severity,
      code: issue.code,
      ...(issue.diagnostics === undefined ? {} : { diagnostics: issue.diagnostics }),
      ...(issue.expression ? { expression: [...issue.expression] } : {}),
    })),
  };
}
