import type { ErrorCode, FicusError, Issue } from '../errors.ts';
import type { Step } from './everything-plan.ts';
import { NOT_SERVED } from './include.ts';

/** What becomes of a part of a record whose search failed. */
export interface Fate {
  readonly issue: Issue;
  /** Something is there that the answer may lack. */
  readonly isMissing: boolean;
}

/** Codes that say the search cannot be made, this time or another. */
const UNASKABLE: readonly ErrorCode[] = ['too-costly', 'search-unsupported', 'parameter-unknown'];
/** Codes that are about the page that was asked for. */
const WHOLE: readonly ErrorCode[] = ['page-expired', 'parameter-invalid'];

/** undefined: the whole answer fails. */
export function fateOf({ code }: FicusError, { type, role, before }: Step): Fate | undefined {
  if (WHOLE.includes(code)) return undefined;
  if (code === 'forbidden') {
    const words = `No scope of this token allows to see ${type} resources; none are in this answer.`;
    return { issue: told('information', 'forbidden', words), isMissing: false };
  }
  if (NOT_SERVED.includes(code)) {
    const words = `${type} resources are not served here; none are in this answer.`;
    return { issue: told('information', 'not-supported', words), isMissing: false };
  }
  const isFurther = before.length > 0;
  if (isFurther && (UNASKABLE.includes(code) || code === 'legacy-rejected')) {
    const words = `${type} resources that name the patient only as ${role} cannot be searched where they are; this answer may lack them.`;
    return { issue: told('information', 'not-supported', words), isMissing: false };
  }
  if (UNASKABLE.includes(code)) {
    const words = `${type} resources cannot be searched by patient where they are; this answer lacks them.`;
    return { issue: told('warning', 'not-supported', words), isMissing: true };
  }
  const words = `Some or all ${type} resources could not be had (${code}); this answer lacks them.`;
  return { issue: told('warning', 'incomplete', words), isMissing: true };
}

function told(severity: Issue['severity'], code: string, diagnostics: string): Issue {
  return { severity, code, diagnostics };
}
