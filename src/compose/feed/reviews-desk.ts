import type { OperationHandler } from '../../http/admin-contract.ts';
import type { Logger } from '../../ports.ts';
import { FicusError } from '../../errors.ts';
import { wholeNumber } from './following-desk.ts';
import type { ReviewCase, Reviews } from './reviews.ts';

export interface ReviewsDeskOptions {
  readonly reviewsOf: () => Reviews;
  readonly log: Logger;
}

/** Reviews that are listed when nothing is said, and at most. */
const LISTED = 100;
const MOST = 1_000;

/** What un-merges left for somebody to look at: operations of contracts/admin-api.yaml by their ids. */
export function reviewOperations({ reviewsOf, log }: ReviewsDeskOptions): Record<string, OperationHandler> {
  return {
    listMergeReviews: ({ query: { state = 'open', limit } }) => {
      if (state !== 'open' && state !== 'closed')
        throw new FicusError('invalid', 'A review is open or closed.');
      const most = limit === undefined ? LISTED : Math.min(MOST, wholeNumber('limit', limit));
      return { body: { reviews: reviewsOf().list(state, most).map(viewOf) } };
    },
    closeMergeReview: ({ params, body }) => {
      const { by, reason } = body as { by: string; reason: string };
      const message = Number(params['seq']);
      const name = { message, type: String(params['type']), id: String(params['id']) };
      const closed = reviewsOf().close(name, { by, reason });
      log.info('a review of an un-merge was closed', { by, reason, count: message });
      return { body: viewOf(closed) };
    },
  };
}

function viewOf({ since, closed, ...review }: ReviewCase) {
  return {
    ...review,
    since: new Date(since).toISOString(),
    ...(closed ? { closed: { ...closed, at: new Date(closed.at).toISOString() } } : {}),
  };
}
