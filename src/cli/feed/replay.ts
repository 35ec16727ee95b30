import type { Command } from 'commander';
import { askAdmin } from '../admin-client.ts';
import { signed } from '../migrate/command.ts';
import type { SignedOptions } from '../migrate/command.ts';
import { hanging, many } from '../text.ts';

interface RehearsalView {
  readonly seq: number;
  readonly state: string;
  readonly would: 'change' | 'nothing' | 'parked' | 'impossible';
  readonly reason?: string;
  readonly detail?: string;
  readonly changes: readonly {
    readonly type: string;
    readonly id: string;
    readonly paths: readonly string[];
  }[];
}

interface ReplayOptions extends Omit<SignedOptions, 'reason'> {
  readonly reason?: string;
  readonly state?: string;
  readonly why?: string;
  readonly type?: string;
  readonly interface?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

/** What replaying each message would change, by place. */
export function formatRehearsals(rehearsals: readonly RehearsalView[]): string {
  if (rehearsals.length === 0) return 'There are no such messages.';
  const words = {
    change: 'would change',
    nothing: 'would change nothing',
    parked: 'would be parked again',
    impossible: 'cannot be replayed',
  };
  return rehearsals
    .flatMap(({ seq, state, would, reason, detail, changes }) => [
      hanging(
        '',
        `${seq}${state === 'unknown' ? '' : ` (${state})`} ${words[would]}${reason === undefined ? '' : ` (${reason})`}${detail === undefined ? '' : `: ${detail}`}`,
      ),
      ...changes.map(({ type, id, paths }) =>
        hanging('    ', `${type}/${id}: ${paths.join(', ') || 'made'}`),
      ),
    ])
    .join('\n');
}

function seqOf(text: string): number {
  if (!/^[1-9]\d*$/.test(text))
    throw new Error(`A message is named by its number, not "${text}". See: ficus feed messages`);
  return Number(text);
}

/** `ficus feed replay`. */
export function registerFeedReplay(feed: Command): void {
  const command = signed(feed.command('replay [messages...]'));
  // What is only looked at changes nothing: nobody has to say why.
  const option = command.options.find(({ long }) => long === '--reason');
  if (option) option.makeOptionMandatory(false).description = 'why; kept, and needed without --dry-run';
  command
    .description('process messages again: those with these numbers, or all that the options find')
    .option('--state <states>', 'parked, superseded, processed; separated by commas')
    .option('--why <reason>', 'parked for this reason, e.g. mapping-needed')
    .option('--type <type>', 'ADT^A01')
    .option('--interface <name>', 'of one interface')
    .option('--dry-run', 'only say what would change')
    .option('--json', 'as JSON')
    .action(async (messages: string[], options: ReplayOptions) => {
      const { admin, by, state, why, type, interface: source, dryRun = false, json } = options;
      const reason = options.reason ?? (dryRun ? 'dry run' : undefined);
      if (reason === undefined) throw new Error('Say with --reason why the messages are processed again.');
      const filter = {
        ...(state === undefined ? {} : { state }),
        ...(why === undefined ? {} : { reason: why }),
        ...(type === undefined ? {} : { type }),
        ...(source === undefined ? {} : { source }),
      };
      const filtered = Object.keys(filter).length > 0;
      if (filtered === messages.length > 0)
        throw new Error('Say which messages: their numbers, or --state, --why, --type, --interface.');
      const which = filtered ? { filter } : { seqs: messages.map(seqOf) };
      const answer = await askAdmin<{ replayed?: number; rehearsed?: RehearsalView[] }>(
        admin,
        '/feed/replay',
        {
          method: 'POST',
          body: { by, reason, dryRun, ...which },
        },
      );
      if (json) console.log(JSON.stringify(answer, null, 2));
      else if (answer.rehearsed) console.log(formatRehearsals(answer.rehearsed));
      else console.log(`${many(answer.replayed ?? 0, 'message')} will be processed again.`);
    });
}
