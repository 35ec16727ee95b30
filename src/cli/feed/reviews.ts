import type { Command } from 'commander';
import { askAdmin, withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';
import { formatTable } from '../text.ts';

interface ReviewView {
  readonly type: string;
  readonly id: string;
  readonly why: string;
  readonly restored: string;
  readonly survivor: string;
}

/** What un-merges left for somebody to look at, a line each. */
export function formatReviews(reviews: readonly ReviewView[]): string {
  if (reviews.length === 0) return 'There are none.';
  const rows = reviews.map(({ type, id, why, restored, survivor }) => [
    `${type}/${id}`,
    why,
    restored,
    survivor,
  ]);
  return formatTable([['resource', 'why', 'came back', 'was taken from'], ...rows]);
}

/** `ficus feed reviews`. */
export function registerFeedReviews(feed: Command): void {
  withAdmin(feed.command('reviews'))
    .description(
      'resources that somebody has to look at since a merge was taken back: whose they are, the feed cannot tell',
    )
    .option('--limit <count>', 'at most so many', '100')
    .option('--json', 'as JSON')
    .action(async ({ admin, json, limit }: AdminOption & { limit: string; json?: true }) => {
      const query = new URLSearchParams({ limit });
      const { reviews } = await askAdmin<{ reviews: ReviewView[] }>(
        admin,
        `/feed/reviews?${query.toString()}`,
      );
      console.log(json ? JSON.stringify(reviews, null, 2) : formatReviews(reviews));
    });
}
