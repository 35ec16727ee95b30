import type { Skipped } from '../../migration-ports.ts';

/**
 * Why two answers could not be compared although that was begun; counted by these words:
 * `legacy-failed`, `modern-failed`, `both-failed`: technically, or with something that is no FHIR; `incomplete`: a side says that its answer lacks
 * something; `too-many`: more resources than are followed; `pages`: a next page that cannot be asked for; `versions`: the versions of a record are each
 * side's own; `not-wired`: a side has no backend; `not-a-read`; `budget`: no leave to ask within the life of a comparison; `internal`: a fault of ours.
 */
export type Why =
  | 'legacy-failed'
  | 'modern-failed'
  | 'both-failed'
  | 'incomplete'
  | 'too-many'
  | 'pages'
  | 'versions'
  | 'not-wired'
  | 'not-a-read'
  | 'budget'
  | 'internal';

/** Ends a comparison without a verdict. Never leaves the experiment. */
export class Uncomparable extends Error {
  readonly outcome: { readonly why: Why } | { readonly skipped: Skipped };

  constructor(outcome: Uncomparable['outcome']) {
    super('the answers cannot be compared');
    this.name = 'Uncomparable';
    this.outcome = outcome;
  }
}
