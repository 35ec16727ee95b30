import { writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { askAdmin, askAdminText, withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';
import { makeFolder } from '../../store/folder.ts';
import { hanging, many, momentOf } from '../text.ts';
import { aNumber, needed, pathOf, signed } from './command.ts';
import type { SignedOptions } from './command.ts';
import { follow } from './progress.ts';

interface CheckView {
  readonly passed: number;
  readonly failed: readonly { readonly name: string; readonly words: string }[];
}

export interface ReplayView {
  readonly id: string;
  readonly state: 'running' | 'done' | 'aborted';
  readonly total: number;
  readonly asked: number;
  readonly matched: number;
  readonly different: Readonly<Record<string, number>>;
  readonly inFlight: number;
  readonly notComparable: number;
  readonly failed: number;
}

/** How a replay ended, in a line. */
export function formatReplay(replay: ReplayView): string {
  const { state, total, asked, matched, different, inFlight, notComparable, failed } = replay;
  const counts: readonly (readonly [string, number])[] = [
    ...Object.entries(different).map(
      ([severity, count]) => [`with a ${severity} difference`, count] as const,
    ),
    ['in flight', inFlight],
    ['not comparable', notComparable],
    ['not answered', failed],
  ];
  const others = counts.filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`);
  const broken = state === 'aborted' ? ` Broken off: ${total} were captured.` : '';
  return `${many(asked, 'captured request')} asked again: ${[`${matched} alike`, ...others].join(', ')}.${broken}`;
}

function registerReplay(migrate: Command): void {
  signed(migrate.command('replay <endpoint>'))
    .description('ask both sides the captured requests again and compare')
    .option('--limit <number>', 'so many requests at most', aNumber)
    .option('--per-second <number>', 'pace, in requests (default: 5)', aNumber)
    .option('--fresh', 'count the evidence anew from here on')
    .action(
      async (
        endpoint: string,
        options: SignedOptions & { limit?: number; perSecond?: number; fresh?: true },
      ) => {
        const { admin, by, reason, limit, perSecond, fresh } = options;
        const body = { by, reason, limit, perSecond, fresh };
        const begun = await askAdmin<ReplayView>(admin, pathOf(endpoint, 'replay'), { method: 'POST', body });
        console.log(`${many(begun.total, 'captured request')} of ${endpoint}`);
        const replay = await follow(
          begun,
          () => askAdmin<ReplayView>(admin, `/migration/replays/${begun.id}`),
          ({ asked, total }) => `${asked} of ${total} asked`,
        );
        console.log(formatReplay(replay));
        if (replay.state !== 'done') process.exitCode = 1;
      },
    );
}

function registerVerify(migrate: Command): void {
  signed(migrate.command('verify <backend>'))
    .description('run the contract tests of a modern backend')
    .action(async (backend: string, { admin, by, reason }: SignedOptions) => {
      const path = `/migration/backends/${encodeURIComponent(backend)}/verify`;
      const { passed, failed } = await askAdmin<CheckView>(admin, path, {
        method: 'POST',
        body: { by, reason },
      });
      for (const { name, words } of failed) console.log(hanging('FAILED  ', `${name}: ${words}`));
      console.log(`${backend}: ${many(passed, 'contract test')} passed, ${failed.length} failed`);
      if (failed.length > 0) process.exitCode = 1;
    });
}

function registerWaive(migrate: Command): void {
  signed(migrate.command('waive <endpoint> <gate>'))
    .description('let one gate pass for some days; 0 days takes that back')
    .addOption(needed('--days <number>', 'for how long, 90 at most').argParser(aNumber))
    .action(async (endpoint: string, gate: string, options: SignedOptions & { days: number }) => {
      const { admin, by, reason, days } = options;
      const body = { gate, by, reason, days };
      const path = pathOf(endpoint, 'waivers');
      const waiver = await askAdmin<{ by: string; until: string }>(admin, path, { method: 'POST', body });
      const life =
        days > 0 ? `is waived by ${waiver.by} until ${momentOf(waiver.until)}` : 'is not waived any more';
      console.log(`${endpoint}: ${gate} ${life}`);
    });
}

function registerReport(migrate: Command): void {
  withAdmin(migrate.command('report <endpoint>'))
    .description('the evidence pack for a change board, as Markdown')
    .option('--json', 'as JSON')
    .option('-o, --output <file>', 'write it to a file')
    .action(
      async (endpoint: string, { admin, json, output }: AdminOption & { json?: true; output?: string }) => {
        const path = pathOf(endpoint, `report?format=${json ? 'json' : 'markdown'}`);
        const text = await askAdminText(admin, path);
        if (output === undefined) {
          process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
          return;
        }
        makeFolder(dirname(resolve(output)));
        writeFileSync(output, text);
        console.log(`Written to ${output}`);
      },
    );
}

/** `ficus migrate replay|verify|waive|report`. */
export function registerEvidence(migrate: Command): void {
  registerVerify(migrate);
  registerReplay(migrate);
  registerWaive(migrate);
  registerReport(migrate);
}
