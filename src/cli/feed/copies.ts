import type { Command } from 'commander';
import { askAdmin, withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';
import { signed } from '../migrate/command.ts';
import type { SignedOptions } from '../migrate/command.ts';
import { hanging, many, momentOf } from '../text.ts';
import { formatCopy } from './copy-view.ts';
import type { StatusView } from './status.ts';

interface DeadView {
  readonly type: string;
  readonly id: string;
  readonly attempts: number;
  readonly reason: string;
  readonly owner: string;
  readonly at: string;
  readonly retrying: boolean;
}

function formatDead(to: string, { type, id, attempts, reason, owner, at, retrying }: DeadView): string {
  const state = retrying ? 'being tried again' : `owner ${owner}`;
  return [
    `${momentOf(at)}  ${to}  ${type}/${id}`,
    hanging('    ', `${state}; ${many(attempts, 'attempt')}; ${reason}`),
  ].join('\n');
}

/** `TYPE/ID` as the path of the admin API has it. */
function pathOf(to: string, resource: string): string {
  const [type, id, ...rest] = resource.split('/');
  if (!type || !id || rest.length > 0) throw new Error(`A resource is named Type/id, not "${resource}".`);
  return `/feed/copies/${encodeURIComponent(to)}/dead/${encodeURIComponent(type)}/${encodeURIComponent(id)}`;
}

/** `ficus feed copies list|retry|discard`. */
export function registerFeedCopies(feed: Command): void {
  const copies = feed
    .command('copies')
    .description('modern services that are filled with what the feed tells');
  withAdmin(copies.command('list', { isDefault: true }))
    .description('how far each is, and what it refused')
    .option('--json', 'as JSON')
    .action(async ({ admin, json }: AdminOption & { json?: true }) => {
      const status = await askAdmin<StatusView>(admin, '/feed');
      const all = await Promise.all(
        status.copies.map(async (copy) => {
          const path = `/feed/copies/${encodeURIComponent(copy.to)}/dead`;
          return { ...copy, ...(await askAdmin<{ resources: DeadView[] }>(admin, path)) };
        }),
      );
      if (json) console.log(JSON.stringify(all, null, 2));
      else if (all.length === 0)
        console.log('No modern service is filled: feed.copies in the configuration.');
      for (const { resources, ...copy } of json ? [] : all) {
        console.log(hanging('', formatCopy(copy)));
        for (const dead of resources) console.log(formatDead(copy.to, dead));
      }
    });
  for (const [name, words, done] of [
    ['retry', 'bring a service what it refused once more, as it is now', 'will be tried again'],
    ['discard', 'give up what a service refused, until it changes again', 'given up'],
  ] as const) {
    signed(copies.command(`${name} <service> <resource>`))
      .description(`${words}; the resource as Type/id`)
      .action(async (to: string, resource: string, { admin, by, reason }: SignedOptions) => {
        await askAdmin(admin, `${pathOf(to, resource)}/${name}`, { method: 'POST', body: { by, reason } });
        console.log(`${resource}: ${done}`);
      });
  }
}
