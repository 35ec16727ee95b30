import { globSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import type { ReleaseEffect } from '../../compose/feed/releases.ts';
import { askAdmin, withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';
import { collect, signed } from '../migrate/command.ts';
import type { SignedOptions } from '../migrate/command.ts';
import { formatTable, hanging, many } from '../text.ts';

interface ReleaseView {
  readonly number: number;
  readonly state: string;
  readonly files: readonly string[];
  readonly steps: readonly {
    readonly act: string;
    readonly by: string;
    readonly reason: string;
    readonly at: string;
    readonly senders?: readonly string[];
  }[];
}

const PAST: Readonly<Record<string, string>> = {
  propose: 'proposed',
  sign: 'signed off',
  publish: 'published',
  revert: 'taken back',
};

/** Each release with what was done with it, and why. */
export function formatReleases(releases: readonly ReleaseView[]): string {
  if (releases.length === 0) return 'There are no releases: the feed reads by the configured mappings.';
  return releases
    .flatMap(({ number, state, files, steps }) => [
      `${number}  ${state}  ${files.map((path) => path.replace(/^release \d+: /, '')).join(', ')}`,
      ...steps.map(({ act, by, reason, at, senders }) =>
        hanging(
          '   ',
          `${PAST[act]} by ${by} at ${at}${senders ? ` for ${senders.join(', ')}` : ''}: ${reason}`,
        ),
      ),
    ])
    .join('\n');
}

/** What a release would do, in a table and two lines of fields. */
export function formatEffect(effect: ReleaseEffect): string {
  const { messages, changed, unchanged, newlyParked, unknown, freed, lost, gained } = effect;
  return [
    `Of the newest ${many(messages, 'message')}:`,
    formatTable([
      ['changed', 'as before', 'parked anew', 'parked no longer', 'nothing to say'],
      [changed, unchanged, newlyParked, freed, unknown].map(String),
    ]),
    hanging('Fields that would be in a resource: ', gained.join(', ') || 'none'),
    hanging('Fields that would be lost:          ', lost.join(', ') || 'none'),
  ].join('\n');
}

function filesOf(paths: readonly string[]): { path: string; text: string }[] {
  const files = paths.flatMap((path) =>
    statSync(path).isDirectory()
      ? globSync('**/*.{yaml,yml}', { cwd: path })
          .toSorted()
          .map((file) => [file, join(path, file)] as const)
      : [[basename(path), path] as const],
  );
  if (files.length === 0) throw new Error('There are no mapping files (.yaml) there.');
  return files.map(([name, path]) => ({ path: name, text: readFileSync(path, 'utf8') }));
}

async function act(
  which: 'sign' | 'publish' | 'revert',
  number: string,
  { admin, by, reason }: SignedOptions,
  more: object = {},
): Promise<void> {
  const { release, requeued } = await askAdmin<{ release: ReleaseView; requeued: number }>(
    admin,
    `/feed/releases/${encodeURIComponent(number)}/${which}`,
    { method: 'POST', body: { by, reason, ...more } },
  );
  const again =
    requeued === 0 ? '' : ` ${many(requeued, 'message')} that waited for mappings will be processed again.`;
  console.log(`Release ${release.number} is ${release.state}.${again}`);
}

/** `ficus feed release`: mappings that are brought into a running feed. */
export function registerFeedReleases(feed: Command): void {
  const release = feed
    .command('release')
    .description(
      'mappings for the running feed: proposed, signed off by a second person, published to some senders or all, taken back',
    );
  withAdmin(release.command('list').description('all releases, and what was done with each'))
    .option('--json', 'as JSON')
    .action(async ({ admin, json }: AdminOption & { json?: true }) => {
      const { releases } = await askAdmin<{ releases: ReleaseView[] }>(admin, '/feed/releases');
      console.log(json ? JSON.stringify(releases, null, 2) : formatReleases(releases));
    });
  signed(release.command('propose <paths...>'))
    .description('propose mapping files and overlays, or folders of them')
    .action(async (paths: string[], { admin, by, reason }: SignedOptions) => {
      const body = { by, reason, files: filesOf(paths) };
      const { number } = await askAdmin<ReleaseView>(admin, '/feed/releases', { method: 'POST', body });
      console.log(`Release ${number} is proposed. What it would do: ficus feed release effect ${number}`);
    });
  withAdmin(release.command('effect <number>'))
    .description('what a release would do to the newest messages; nothing is done')
    .option('--messages <count>', 'how many are looked at', '1000')
    .option('--json', 'as JSON')
    .action(async (number: string, options: AdminOption & { messages: string; json?: true }) => {
      const path = `/feed/releases/${encodeURIComponent(number)}/effect?limit=${encodeURIComponent(options.messages)}`;
      const effect = await askAdmin<ReleaseEffect>(options.admin, path);
      console.log(options.json ? JSON.stringify(effect, null, 2) : formatEffect(effect));
    });
  signed(release.command('sign <number>'))
    .description('sign a release off; whoever proposed it cannot')
    .action((number: string, options: SignedOptions) => act('sign', number, options));
  signed(release.command('publish <number>'))
    .description('read messages by it from now on')
    .option(
      '--sender <name>',
      'only of this interface, application (MSH-3) or APPLICATION|FACILITY; may be repeated',
      collect,
    )
    .action((number: string, options: SignedOptions & { sender?: string[] }) =>
      act('publish', number, options, options.sender ? { senders: options.sender } : {}),
    );
  signed(release.command('revert <number>'))
    .description('take a release back; messages are read as before from the next one on')
    .action((number: string, options: SignedOptions) => act('revert', number, options));
}
