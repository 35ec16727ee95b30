import { FicusError, type Issue } from '../../errors.ts';

/** The survivor is a resource that the caller may see: its id is no secret. */
export function followedTo(from: string, to: string): Issue {
  return {
    severity: 'information',
    code: 'informational',
    diagnostics: `${from} was merged into ${to}; the search followed it there.`,
  };
}

export function tooCostly(limit: number): FicusError {
  return new FicusError(
    'too-costly',
    `For this search more than ${limit} resources would have to be looked at one by one. Narrow it down.`,
  );
}
