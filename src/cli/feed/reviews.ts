import type { Command } from 'commander';
import { askAdmin, withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';
import { signed } from '../migrate/command.ts';
import type { SignedOptions } from '../migrate/command.ts';
import { formatTable, hanging, momentOf } from '../text.ts';

interface ReviewView {
  readonly message: number;
  readonly type: string;
  readonly id: string;
  readonly why: string;
  readonly restored: string;
  readonly survivor: string;
  readonly owner: string;
  readonly closed?: { readonly by: string; readonly reason: string; readonly at: string };
}

/** What un-merges left for somebody to look at, a line each; of what is closed, who closed it and why. */
export function formatReviews(reviews: readonly ReviewView[]): string {
  if (reviews.length === 0) return 'There are none.';
  const rows = reviews.map(({ message, type, id, why, restored, survivor, owner }) => [
    String(message),
    `${type}/${id}`,
    why,
    restored,
    survivor,
    owner,
  ]);
  const heads = ['message', 'resource', 'why', 'came back', 'was taken from', 'owner'];
  const [head, ...lines] = formatTable([heads, ...rows]).split('\n');
  const closings = reviews.map(({ closed }) =>
    closed ? [hanging('    ', `closed by ${closed.by}, ${momentOf(closed.at)}: ${closed.reason}`)] : [],
  );
  return [head, ...lines.flatMap((line, nth) => [line, ...(closings[nth] ?? [])])].join('\n');
}

interface ListOptions extends AdminOption {
  readonly closed?: true;
  readonly limit: string;
  readonly json?: true;
}

/** `ficus feed reviews list|close`. */
export function registerFeedReviews(feed: Command): void {
  const reviews = feed
    .command('reviews')
    .description(
      'resources that somebody has to look at since a merge was taken back: whose they are, the feed cannot tell',
    );
  withAdmin(reviews.command('list', { isDefault: true }))
    .description('those that nobody has closed')
    .option('--closed', 'those that somebody has, with who and why')
    .option('--limit <count>', 'at most so many', '100')
    .option('--json', 'as JSON')
    .action(async ({ admin, closed, json, limit }: ListOptions) => {
      const query = new URLSearchParams({ limit, state: closed ? 'closed' : 'open' });
      const path = `/feed/reviews?${query.toString()}`;
      const found = await askAdmin<{ reviews: ReviewView[] }>(admin, path);
      console.log(json ? JSON.stringify(found.reviews, null, 2) : formatReviews(found.reviews));
    });
  signed(reviews.command('close <message> <resource>'))
    .description(
      'say that it is as it should be; the message that took the merge back, the resource as Type/id',
    )
    .action(async (message: string, resource: string, { admin, by, reason }: SignedOptions) => {
      await askAdmin(admin, pathOf(message, resource), { method: 'POST', body: { by, reason } });
      console.log(`${resource}: closed`);
    });
}

function pathOf(message: string, resource: string): string {
  if (!/^[1-9]\d*$/.test(message))
    throw new Error(`A message is named by its number, not "${message}". See: ficus feed reviews`);
  const [type, id, ...rest] = resource.split('/');
  if (!type || !id || rest.length > 0) throw new Error(`A resource is named Type/id, not "${resource}".`);
  return `/feed/reviews/${message}/${encodeURIComponent(type)}/${encodeURIComponent(id)}/close`;
}
