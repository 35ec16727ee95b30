import type { FeedCounts, InboxFigures, JournalStanding } from '../../feed-ports.ts';

/** What of the feed is not as it should be, by the name of the check; no patient data. */
export interface FeedHealth {
  readonly ok: boolean;
  readonly problems: readonly string[];
}

export interface HealthInput {
  readonly figures: InboxFigures;
  /** The last recount of the messages; undefined before the first. */
  readonly audit: { readonly holds: boolean } | undefined;
  readonly journal?: JournalStanding;
  /** What keeps messages from being received. */
  readonly receiving?: string | undefined;
  /** What keeps the processor from going on. */
  readonly trouble: string | undefined;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Longest that a message may wait, and be parked, in milliseconds. */
  readonly limits: { readonly waiting: number; readonly parked: number };
}

/** The conservation law: received = waiting + processed + duplicate + superseded + parked + rejected. */
export function isConserved(counts: FeedCounts): boolean {
  const { received, waiting, processed, duplicate, superseded, parked, rejected } = counts;
  return received === waiting + processed + duplicate + superseded + parked + rejected;
}

/**
 * The health of the feed: the conservation law holds, messages are received, the processor goes on, the journal is
 * written, and nothing waits or is parked for too long.
 */
export function feedHealth({
  figures,
  audit,
  journal,
  receiving,
  trouble,
  now,
  limits,
}: HealthInput): FeedHealth {
  const problems: string[] = [];
  for (const { source, counts } of figures.interfaces) {
    if (!isConserved(counts)) problems.push(`conservation: the counts of interface ${source} do not add up`);
  }
  if (audit && !audit.holds) problems.push('conservation: the messages are not what the counts say');
  if (receiving !== undefined) problems.push(`receiving: ${receiving}`);
  if (trouble !== undefined) problems.push(`processor: ${trouble}`);
  if (journal?.failing) {
    const { since, code } = journal.failing;
    problems.push(
      `journal: it cannot be written for ${Math.floor((now - since) / 1000)} seconds (${code}), and is tried again; messages are made safe without it, more slowly`,
    );
  }
  for (const state of ['waiting', 'parked'] as const) {
    const since = figures.oldest[state];
    if (since !== undefined && now - since > limits[state]) {
      problems.push(
        `${state}: the oldest message was received ${Math.floor((now - since) / 1000)} seconds ago`,
      );
    }
  }
  return { ok: problems.length === 0, problems };
}
