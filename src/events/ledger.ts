import type { Endpoint } from '../fhir/types.ts';
import type { OutboxEntry } from '../migration-ports.ts';
import type { OutboxCount, OutboxCountName, OutboxHead } from '../replica-ports.ts';
import type { Side } from '../ports.ts';

/**
 * What became of every write with two sides. Two laws hold at any moment: `accepted + repaired = delivered + superseded +
 * discarded + pending + dead`, and nothing else is on its way than what is `intended`, `doubtful` or `unanswered`.
 */
export interface OutboxLedger {
  /** Clients' writes that were done on one side. */
  readonly accepted: number;
  /** Sent again by the reconciler. */
  readonly repaired: number;
  readonly delivered: number;
  /** A newer state of the same resource went in its stead. */
  readonly superseded: number;
  /** Given up by a person, with a reason. */
  readonly discarded: number;
  /** Certainly not done; the client was told. */
  readonly refused: number;
  readonly pending: number;
  /** Not deliverable; each has an owner. */
  readonly dead: number;
  readonly intended: number;
  readonly doubtful: number;
  /** Nobody could tell whether they were done; each has an owner. */
  readonly unanswered: number;
  /** Whether the first law holds. */
  readonly balanced: boolean;
  /** Deliveries by the element that the side owed has no place for. */
  readonly leftOut: Readonly<Record<string, number>>;
}

/** @param counts and `heads`: of all endpoints, or of those that are asked about */
export function ledgerOf(counts: readonly OutboxCount[], heads: Iterable<OutboxHead>): OutboxLedger {
  const total = (name: OutboxCountName): number =>
    counts.reduce((sum, one) => (one.name === name ? sum + one.count : sum), 0);
  const leftOut: Record<string, number> = {};
  for (const { name, count } of counts) {
    const [, path] = /^left out (.*)$/s.exec(name) ?? [];
    if (path !== undefined) leftOut[path] = (leftOut[path] ?? 0) + count;
  }
  const live: Record<OutboxEntry['state'] | 'unanswered', number> = {
    intended: 0,
    doubtful: 0,
    pending: 0,
    dead: 0,
    unanswered: 0,
  };
  for (const { state, accepted } of heads) live[state === 'dead' && !accepted ? 'unanswered' : state] += 1;
  const over = {
    accepted: total('accepted'),
    repaired: total('repaired'),
    delivered: total('delivered'),
    superseded: total('superseded'),
    discarded: total('discarded'),
    refused: total('refused'),
  };
  const { accepted, repaired, delivered, superseded, discarded } = over;
  const balanced = accepted + repaired === delivered + superseded + discarded + live.pending + live.dead;
  return { ...over, ...live, balanced, leftOut };
}

/** Writes of a type that clients were told are done, and how many of them each side has. */
export function writesOf(
  type: string,
  counts: readonly OutboxCount[],
  heads: Iterable<OutboxHead>,
): { readonly accepted: number; readonly legacy: number; readonly modern: number } {
  const ofType = ({ endpoint }: { readonly endpoint: Endpoint }): boolean => endpoint.startsWith(`${type}.`);
  const total = (name: OutboxCountName, toward?: Side): number =>
    counts.reduce(
      (sum, one) =>
        one.name === name && ofType(one) && (toward === undefined || one.toward === toward)
          ? sum + one.count
          : sum,
      0,
    );
  const accepted = total('accepted');
  const lacking = (side: Side): number => {
    let owed = total('discarded', side);
    for (const head of heads) if (ofType(head) && head.toward === side && head.accepted) owed += 1;
    return owed;
  };
  return { accepted, legacy: accepted - lacking('legacy'), modern: accepted - lacking('modern') };
}
