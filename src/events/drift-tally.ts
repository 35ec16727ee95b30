import type { Drift, DriftReport } from '../replica-ports.ts';
import type { Clock } from '../ports.ts';

/** Counts what a reconciliation finds. */
export interface DriftTally {
  same(): void;
  inFlight(): void;
  unreadable(words: string): void;
  different(drift: Drift): void;
  repaired(): void;
  report(facts: Omit<DriftReport, CountedField>): DriftReport;
}

type CountedField =
  | 'at'
  | 'checked'
  | 'same'
  | 'inFlight'
  | 'unreadable'
  | 'missing'
  | 'drift'
  | 'different'
  | 'elements'
  | 'repaired';

const MOST_LISTED = 1_000;

export function createDriftTally(clock: Clock): DriftTally {
  const at = new Date(clock.now()).toISOString();
  const counts = { same: 0, inFlight: 0, unreadable: 0, different: 0, repaired: 0 };
  const missing = { legacy: 0, modern: 0 };
  const elements: Record<string, number> = {};
  const drift: Drift[] = [];
  let why: string | undefined;

  return {
    same: () => void (counts.same += 1),
    inFlight: () => void (counts.inFlight += 1),
    unreadable(words) {
      counts.unreadable += 1;
      why ??= words;
    },
    repaired: () => void (counts.repaired += 1),
    different(one) {
      counts.different += 1;
      if (one.missingOn) missing[one.missingOn] += 1;
      for (const signature of one.signatures) elements[signature] = (elements[signature] ?? 0) + 1;
      if (drift.length < MOST_LISTED) drift.push(one);
    },
    report(facts) {
      const { same, inFlight, unreadable, different } = counts;
      const words =
        facts.words ?? (why === undefined ? undefined : `${unreadable} could not be read: ${why}`);
      return {
        ...facts,
        at,
        ...counts,
        checked: same + inFlight + unreadable + different,
        missing: { ...missing },
        drift: [...drift],
        elements: { ...elements },
        ...(words === undefined ? {} : { words }),
      };
    },
  };
}
