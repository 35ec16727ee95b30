import type { Skipped } from '../../migration-ports.ts';

/**
 * Why two answers could not be compared although that was begun; counted by these words:
 * `legacy-failed`, `modern-failed`, `both-failed`: technically, or with something that is no FHIR; `incomplete`: a side
 * says that its answer lacks something; `too-many`: more resources than are followed; `pages`: a next page that cannot
 * be asked for; `versions`: the versions of a record are each side's own; `legacy-cannot`: modern answered what legacy
 * has no way to answer; `only-at-modern`: modern has more, of a type that is created there only; `unconfirmed`,
 * `unconfirmed-minor`: differed, and could not be read again within the budget for that (parity counts the first as
 * different); `not-wired`: a side has no backend; `not-a-read`; `budget`: no leave to ask within the life of a
 * comparison; `internal`: a fault of ours.
 */
export type Why =
  | 'legacy-failed'
  | 'modern-failed'
  | 'both-failed'
  | 'legacy-cannot'
  | 'only-at-modern'
  | 'incomplete'
  | 'too-many'
  | 'pages'
  | 'versions'
  | 'unconfirmed'
  | 'unconfirmed-minor'
  | 'not-wired'
  | 'not-a-read'
  | 'budget'
  | 'internal';

type Outcome = { readonly why: Why } | { readonly skipped: Skipped };

/** Ends a comparison without a verdict. Never leaves the experiment. Made by `uncomparable` and `skipped` only. */
export class Uncomparable extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super('the answers cannot be compared');
    this.name = 'Uncomparable';
    this.outcome = outcome;
  }
}

/**
 * One of each: most answers of a busy endpoint are skipped, and a stack that nobody reads costs more than all the rest
 * of it.
 */
const known = new Map<Why | Skipped, Uncomparable>();

function once(word: Why | Skipped, outcome: Outcome): Uncomparable {
  let error = known.get(word);
  if (!error) known.set(word, (error = new Uncomparable(outcome)));
  return error;
}

/** To throw: begun, and not to be compared. */
export function uncomparable(why: Why): Uncomparable {
  return once(why, { why });
}

/** To throw: not begun, or broken off. */
export function skipped(why: Skipped): Uncomparable {
  return once(why, { skipped: why });
}
