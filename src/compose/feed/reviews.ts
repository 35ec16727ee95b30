import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import { FicusError } from '../../errors.ts';
import type { InboxLedger } from '../../feed-ports.ts';
import type { MergeReview } from '../../projection/merges.ts';
import type { Clock } from '../../ports.ts';
import type { ReviewClosing, ReviewClosings, ReviewName } from '../../store/review-closings.ts';

export interface ReviewsOptions {
  /** All that un-merges left, those of the last one first. */
  readonly found: (limit: number) => readonly MergeReview[];
  readonly closings: ReviewClosings;
  readonly ledger: Pick<InboxLedger, 'find'>;
  /** Who looks at what came over an interface. */
  readonly ownerOf: (source: string | undefined) => string;
  readonly clock: Pick<Clock, 'now'>;
}

/** A review with who is to look at it, and who has. */
export interface ReviewCase extends MergeReview {
  readonly owner: string;
  readonly closed?: Pick<ReviewClosing, 'by' | 'reason' | 'at'>;
}

/** What un-merges left for somebody to look at. */
export interface Reviews {
  /** Those of the last un-merge first. */
  list(which: 'open' | 'closed', limit: number): readonly ReviewCase[];
  /** @throws FicusError `not-found`; `conflict` when it is closed already */
  close(review: ReviewName, by: { readonly by: string; readonly reason: string }): ReviewCase;
  /** What waits for too long, in words without patient data. */
  problems(): readonly string[];
  stop(): void;
}

/** So many are looked at; more wait until these are closed. */
const MOST = 100_000;
/** Longest that one may be open before the health says so. */
const OPEN_MS = 24 * 3_600_000;

const nameOf = ({ message, type, id }: ReviewName): string => `${message} ${type}/${id}`;

/** Puts together what un-merges left and what people have closed of it. */
export function createReviews(options: ReviewsOptions): Reviews {
  const { found, closings, ledger, ownerOf, clock } = options;
  const closed = new Map(closings.all().map((closing) => [nameOf(closing), closing]));

  function caseOf(review: MergeReview): ReviewCase {
    const closing = closed.get(nameOf(review));
    const owner = ownerOf(ledger.find(review.message)?.record.source);
    if (!closing) return { ...review, owner };
    const { by, reason, at } = closing;
    return { ...review, owner, closed: { by, reason, at } };
  }

  function select(which: 'open' | 'closed', limit: number): readonly MergeReview[] {
    // Whatever is closed stands before at most so many that are open.
    const all = found(Math.min(MOST, which === 'open' ? limit + closed.size : MOST));
    return all.filter((one) => closed.has(nameOf(one)) === (which === 'closed')).slice(0, limit);
  }

  return {
    list: (which, limit) => select(which, limit).map(caseOf),
    close(review, { by, reason }) {
      const one = found(MOST).find((other) => nameOf(other) === nameOf(review));
      if (!one) throw new FicusError('not-found', 'There is no such review of an un-merge.');
      const closing = { ...review, by, reason, at: clock.now() };
      if (closed.has(nameOf(review)) || !closings.close(closing))
        throw new FicusError('conflict', 'It is closed already: see ficus feed reviews --closed.');
      closed.set(nameOf(review), closing);
      return caseOf(one);
    },
    problems() {
      const open = select('open', MOST);
      const oldest = open.at(-1);
      if (!oldest || clock.now() - oldest.since <= OPEN_MS) return [];
      const hours = Math.floor((clock.now() - oldest.since) / 3_600_000);
      return [`reviews: ${open.length} resources wait for somebody to look at them, for ${hours} hours`];
    },
    stop: () => closings.shut(),
  };
}

/** Shows how many reviews are open, read whenever the metrics are. */
export function registerReviewMetrics(registry: Registry, reviews: Pick<Reviews, 'list'>): void {
  void new Gauge({
    name: 'ficus_feed_reviews_open',
    help: 'Resources that an un-merge left for somebody to look at, and nobody has closed',
    registers: [registry],
    collect() {
      this.set(reviews.list('open', MOST).length);
    },
  });
}
