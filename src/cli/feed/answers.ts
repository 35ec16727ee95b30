import { Option } from 'commander';
import type { Command } from 'commander';
import { askAdmin, withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';
import { signed } from '../migrate/command.ts';
import type { SignedOptions } from '../migrate/command.ts';
import { formatTable, many, momentOf } from '../text.ts';

interface AnswerView {
  readonly seq: number;
  readonly interface: string;
  readonly state: string;
  readonly code: string;
  readonly since: string;
  readonly attempts: number;
  readonly reason?: string;
  readonly owner?: string;
  readonly controlId?: string;
}

/** Application acknowledgements that senders have not had, a line each. */
export function formatAnswers(answers: readonly AnswerView[]): string {
  if (answers.length === 0) return 'There are none.';
  const rows = answers.map(({ seq, interface: name, state, code, since, attempts, ...more }) => [
    String(seq),
    more.controlId ?? '-',
    name,
    state,
    code,
    momentOf(since),
    String(attempts),
    more.owner ?? '-',
    more.reason ?? '',
  ]);
  const heads = ['message', 'control id', 'interface', 'state', 'tells', 'since', 'attempts', 'owner', 'why'];
  return formatTable([heads, ...rows]);
}

interface ListOptions extends AdminOption {
  readonly state?: string;
  readonly interface?: string;
  readonly limit: string;
  readonly json?: true;
}

interface DecideOptions extends SignedOptions {
  readonly interface?: string;
}

/** Which answers are meant: that of one message, or all of an interface. */
function whichOf(message: string | undefined, source: string | undefined): object {
  if ((message === undefined) === (source === undefined))
    throw new Error('Say which: the number of a message, or --interface.');
  if (message === undefined) return { interface: source };
  if (!/^[1-9]\d*$/.test(message))
    throw new Error(`A message is named by its number, not "${message}". See: ficus feed answers`);
  return { seq: Number(message) };
}

/** `ficus feed answers list|retry|discard`. */
export function registerFeedAnswers(feed: Command): void {
  const answers = feed
    .command('answers')
    .description('application acknowledgements that senders were promised, and have not had');
  withAdmin(answers.command('list', { isDefault: true }))
    .description('what is owed, what was refused or given up (dead), and what was lost with a connection')
    .addOption(new Option('--state <state>', 'only these').choices(['owed', 'dead', 'lost']))
    .option('--interface <name>', 'of one interface')
    .option('--limit <count>', 'at most so many', '100')
    .option('--json', 'as JSON')
    .action(async ({ admin, state, interface: source, limit, json }: ListOptions) => {
      const query = new URLSearchParams({
        limit,
        ...(state === undefined ? {} : { state }),
        ...(source === undefined ? {} : { source }),
      });
      const found = await askAdmin<{ answers: AnswerView[] }>(admin, `/feed/answers?${query.toString()}`);
      console.log(json ? JSON.stringify(found.answers, null, 2) : formatAnswers(found.answers));
    });
  for (const [name, words, done] of [
    ['retry', 'send what was refused or given up once more', 'will be sent again'],
    ['discard', 'let go of what was refused or given up', 'let go of'],
  ] as const) {
    signed(answers.command(`${name} [message]`))
      .description(`${words}: of the message with this number, or all of an interface`)
      .option('--interface <name>', 'all of one interface')
      .action(async (message: string | undefined, options: DecideOptions) => {
        const { admin, by, reason, interface: source } = options;
        const body = { by, reason, ...whichOf(message, source) };
        const change = { method: 'POST', body } as const;
        const { answers: count } = await askAdmin<{ answers: number }>(
          admin,
          `/feed/answers/${name}`,
          change,
        );
        console.log(`${many(count, 'acknowledgement')} ${done}`);
      });
  }
}
