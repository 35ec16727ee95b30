import type { Command } from 'commander';
import { askAdmin, withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';
import { formatTable, momentOf } from '../text.ts';

interface EventsView {
  readonly last: number;
  readonly events: readonly {
    readonly number: number;
    readonly kind: string;
    readonly type: string;
    readonly id: string;
    readonly other?: string;
    readonly at: string;
  }[];
}

/** Events of a topic, a line each. */
export function formatEvents({ last, events }: EventsView): string {
  if (events.length === 0) return `There are none. The last event is ${last}.`;
  const rows = events.map(({ number, at, kind, type, id, other }) => [
    String(number),
    momentOf(at),
    kind,
    `${type}/${id}`,
    other === undefined ? '' : `${kind === 'merged' ? 'into' : 'from'} ${type}/${other}`,
  ]);
  return formatTable([['number', 'at', 'what', 'resource', ''], ...rows]);
}

/** `ficus feed events`. */
export function registerFeedEvents(feed: Command): void {
  withAdmin(feed.command('events'))
    .description('what subscribers of a topic were told, or will be')
    .option('--topic <name>', 'the topic', 'patient-merge')
    .option('--after <number>', 'only events behind this one', '0')
    .option('--limit <count>', 'at most so many', '100')
    .option('--json', 'as JSON')
    .action(async (options: AdminOption & { topic: string; after: string; limit: string; json?: true }) => {
      const { admin, json, topic, after, limit } = options;
      const query = new URLSearchParams({ topic, after, limit });
      const answer = await askAdmin<EventsView>(admin, `/feed/events?${query.toString()}`);
      console.log(json ? JSON.stringify(answer, null, 2) : formatEvents(answer));
    });
}
