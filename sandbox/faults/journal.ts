import type { Protocol } from './spec.ts';

/** One thing the sandbox received. No content: what, when, and what became of it. */
export interface JournalEntry {
  readonly number: number;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly protocol: Protocol;
  /** `QBP^Q22`, `BookAppointment`, `Observation.read`. */
  readonly operation: string;
  /** MSH-10; SOAP: wsa:MessageID; modern: X-Request-Id. Empty when it was not said. */
  readonly controlId: string;
  readonly sender: string;
  readonly outcome: Outcome;
  /** MSA-1, ReturnCode or HTTP status of the answer. */
  readonly code: string;
  /** ERR-3, ReasonCode or ErrorCode. */
  readonly error?: string;
  /** The dial that interfered. */
  readonly fault?: string;
  readonly bytes: number;
}

/**
 * `duplicate`: acknowledged again, not applied again. `ignored`: read, but a dial kept the core from doing anything.
 */
export const OUTCOMES = ['accepted', 'refused', 'duplicate', 'ignored'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface JournalFilter {
  readonly protocol?: string;
  readonly operation?: string;
  readonly controlId?: string;
  readonly sender?: string;
  readonly outcome?: string;
  readonly fault?: string;
  /** Only entries after this number. */
  readonly after?: number;
}

export interface Journal {
  add(entry: Omit<JournalEntry, 'number' | 'time'>): void;
  /** Oldest first. */
  list(filter?: JournalFilter): JournalEntry[];
  clear(): void;
}

/** Entries kept; older ones are forgotten. */
const KEPT = 10_000;

export function createJournal(now: () => number): Journal {
  let entries: JournalEntry[] = [];
  let number = 0;
  return {
    add(entry) {
      number += 1;
      entries.push({ number, time: new Date(now()).toISOString(), ...entry });
      if (entries.length > 2 * KEPT) entries = entries.slice(-KEPT);
    },
    list: (filter = {}) => entries.slice(-KEPT).filter((entry) => selects(filter, entry)),
    clear() {
      entries = [];
      number = 0;
    },
  };
}

function selects(filter: JournalFilter, entry: JournalEntry): boolean {
  const { after = 0, ...texts } = filter;
  if (entry.number <= after) return false;
  return (Object.keys(texts) as (keyof typeof texts)[]).every(
    (name) => texts[name] === undefined || entry[name] === texts[name],
  );
}
