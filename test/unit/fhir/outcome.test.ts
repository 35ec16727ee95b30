import { describe, expect, it } from 'vitest';
import type { Issue } from '../../../src/errors.ts';
import { operationOutcome } from '../../../src/fhir/outcome.ts';

const issues = (count: number, severity: Issue['severity'] = 'error'): Issue[] =>
  Array.from({ length: count }, (_, index) => ({
    severity,
    code: 'not-supported',
    diagnostics: 'There is no place for it.',
    expression: [`Patient.name[${index}].period`],
  }));

describe('an OperationOutcome', () => {
  it('lists a hundred issues', () => {
    expect(operationOutcome(issues(100))['issue']).toEqual(issues(100));
  });

  it('says of more how many there are', () => {
    const { issue } = operationOutcome(issues(10_000)) as unknown as { issue: Issue[] };
    expect(issue.slice(0, 100)).toEqual(issues(100));
    expect(issue.slice(100)).toEqual([
      { severity: 'error', code: 'not-supported', diagnostics: '9900 more are not listed.' },
    ]);
  });

  it('is as severe as the worst that it does not list', () => {
    const last: Issue = { severity: 'error', code: 'incomplete', diagnostics: 'The core did not answer.' };
    const { issue } = operationOutcome([...issues(150, 'warning'), last]) as unknown as { issue: Issue[] };
    expect(issue.at(-1)).toEqual({
      severity: 'error',
      code: 'incomplete',
      diagnostics: '51 more are not listed.',
    });
  });
});
