import type { FicusError, Issue } from '../errors.ts';
import type { Resource } from './types.ts';

/** More than these help nobody, and a body of some kilobytes can be wrong in ten thousand ways. */
const MOST_ISSUES = 100;
/** The worst first. */
const SEVERITIES: readonly Issue['severity'][] = ['fatal', 'error', 'warning', 'information'];

/**
 * The issues as an OperationOutcome (FHIR R4 operationoutcome.html); it needs one issue at least. Of more than 100 the
 * last says how many are not listed, and is as severe as the worst of those.
 */
export function operationOutcome(issues: readonly Issue[]): Resource {
  return {
    resourceType: 'OperationOutcome',
    issue: listed(issues).map(({ severity, code, diagnostics, expression }) => ({
      severity,
      code,
      ...(diagnostics === undefined ? {} : { diagnostics }),
      ...(expression && expression.length > 0 ? { expression: [...expression] } : {}),
    })),
  };
}

function listed(issues: readonly Issue[]): readonly Issue[] {
  if (issues.length <= MOST_ISSUES) return issues;
  const left = issues.slice(MOST_ISSUES);
  const worst = SEVERITIES.map((severity) => left.find((issue) => issue.severity === severity)).find(Boolean);
  const { severity, code } = worst ?? left[0]!;
  const diagnostics = `${left.length} more are not listed.`;
  return [...issues.slice(0, MOST_ISSUES), { severity, code, diagnostics }];
}

/** What a client is told of an error. */
export function outcomeOfError(error: FicusError): Resource {
  return operationOutcome(error.issues);
}
