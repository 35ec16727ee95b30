import { Option } from 'commander';
import type { Command } from 'commander';
import { askAdmin, withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';
import { durationOf, hanging, momentOf } from '../text.ts';
import { formatFields } from '../map-coverage.ts';
import type { FieldCoverage } from '../../mapping/coverage.ts';

export interface MessageView {
  readonly seq: number;
  readonly interface: string;
  readonly sender: string;
  readonly controlId: string;
  readonly type: string;
  readonly receivedAt: string;
  readonly state: string;
  readonly stateAt: string;
  readonly reason?: string;
  readonly detail?: string;
  readonly owner?: string;
  readonly repeats: number;
  readonly replays: number;
  readonly size: number;
}

interface ListOptions extends AdminOption {
  readonly interface?: string;
  readonly type?: string;
  readonly state?: string;
  readonly limit: string;
  readonly json?: true;
}

/** One message in two lines: what it is, and what became of it. */
export function formatMessage(message: MessageView, now: number): string {
  const { seq, type, controlId, sender, receivedAt, state, reason, detail, owner, repeats, replays } =
    message;
  const age = durationOf(Math.max(0, now - Date.parse(receivedAt)));
  const words = [
    `${state}${reason === undefined ? '' : ` (${reason})`}${detail === undefined ? '' : `: ${detail}`}`,
    ...(owner === undefined ? [] : [`owner ${owner}`]),
    ...(repeats > 0 ? [repeats === 1 ? 'came twice' : `came ${repeats + 1} times`] : []),
    ...(replays > 0 ? [replays === 1 ? 'replayed once' : `replayed ${replays} times`] : []),
  ];
  return [
    `${String(seq).padStart(6)}  ${momentOf(receivedAt)}  ${type}  ${controlId === '' ? '(no control id)' : controlId}  from ${sender || '?'} over ${message.interface}, ${age} ago`,
    hanging('        ', words.join('; ')),
  ].join('\n');
}

function listing(command: Command): Command {
  return withAdmin(command)
    .option('--interface <name>', 'of one interface')
    .option('--type <type>', 'ADT^A01')
    .option('--limit <number>', 'so many at most', '50')
    .option('--json', 'as JSON');
}

async function list(options: ListOptions, states: string | undefined): Promise<void> {
  const { admin, interface: source, type, limit, json } = options;
  const query = new URLSearchParams({
    ...(states === undefined ? {} : { state: states }),
    ...(source === undefined ? {} : { source }),
    ...(type === undefined ? {} : { type }),
    limit,
    newestFirst: 'true',
  });
  const { messages } = await askAdmin<{ messages: MessageView[] }>(
    admin,
    `/feed/messages?${query.toString()}`,
  );
  if (json) console.log(JSON.stringify(messages, null, 2));
  else if (messages.length === 0) console.log('There are none.');
  else {
    console.log(messages.map((message) => formatMessage(message, Date.now())).join('\n'));
    if (messages.length === Number(limit))
      console.log(`The newest ${limit}; there may be more: --limit shows them.`);
  }
}

/** `ficus feed messages | parked | coverage`. */
export function registerFeedMessages(feed: Command): void {
  listing(feed.command('messages'))
    .description('messages of the inbox, newest first')
    .addOption(new Option('--state <states>', 'only these, separated by commas'))
    .action((options: ListOptions) => list(options, options.state));
  listing(feed.command('parked'))
    .description(
      'messages that somebody has to look at, and those whose sender was told no: owner, reason, age',
    )
    .action((options: ListOptions) => list(options, 'parked,rejected'));
  withAdmin(feed.command('coverage'))
    .description('what became of each field of the newest messages: what is mapped, what is kept raw')
    .option('--interface <name>', 'of one interface')
    .option('--limit <number>', 'so many messages', '1000')
    .option('--json', 'as JSON')
    .action(async ({ admin, interface: source, limit, json }: ListOptions) => {
      const query = new URLSearchParams({ ...(source === undefined ? {} : { source }), limit });
      const report = await askAdmin<{ messages: number; fields: FieldCoverage[] }>(
        admin,
        `/feed/coverage?${query.toString()}`,
      );
      if (json) console.log(JSON.stringify(report, null, 2));
      else
        console.log(
          [`the newest ${report.messages} messages`, '', ...formatFields(report.fields, true)].join('\n'),
        );
    });
}
