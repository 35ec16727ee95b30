import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { askAdmin, askAdminText, formatTable } from '../admin-client.ts';
import { numberOption, pathOf, signed, withAdmin } from './command.ts';
import type { AdminOption, SignedOptions } from './command.ts';

interface DiffsView {
  readonly endpoint: string;
  readonly run: number;
  readonly comparisons: Readonly<Record<string, number>>;
  readonly differences: readonly {
    readonly signature: string;
    readonly severity: string;
    readonly count: number;
    readonly lastSeen: string;
    readonly rule?: { readonly verdict: string; readonly owner: string; readonly expiresAt: string };
    readonly samples: readonly string[];
    readonly inFloor?: number;
  }[];
}

interface RuleView {
  readonly id: string;
  readonly endpoint: string;
  readonly signature: string;
  readonly verdict: string;
  readonly owner: string;
  readonly by: string;
  readonly reason: string;
  readonly expiresAt: string;
}

export function formatDiffs({ endpoint, run, comparisons, differences }: DiffsView): string {
  const counts = Object.entries(comparisons).map(([name, count]) => `${count} ${name}`);
  const head = `${endpoint}, evidence of run ${run}: ${counts.join(', ') || 'nothing compared yet'}`;
  if (differences.length === 0) return `${head}\nNo differences.`;
  const rows = differences.map(({ severity, count, signature, rule, samples, inFloor }) => [
    severity.toUpperCase(),
    String(count),
    signature,
    rule ? `${rule.verdict} (${rule.owner}, until ${rule.expiresAt.slice(0, 10)})` : '-',
    inFloor ? `${inFloor} also between two legacy answers` : '-',
    samples[0] ?? '-',
  ]);
  return `${head}\n${formatTable([['SEVERITY', 'COUNT', 'DIFFERENCE', 'RULE', 'NOISE FLOOR', 'SAMPLE'], ...rows])}`;
}

/** `ficus migrate diffs|rule|sample|replay|verify|waive|report`. */
export function registerDifferences(migrate: Command): void {
  withAdmin(migrate.command('diffs <endpoint>'))
    .description('what the sides answer differently, worst first')
    .action(async (endpoint: string, { admin }: AdminOption) => {
      console.log(formatDiffs(await askAdmin<DiffsView>(admin, pathOf(endpoint, 'diffs'))));
    });
  registerRules(migrate);
  signed(migrate.command('sample <id>'))
    .description('open a sealed pair of answers: patient data; that you did is kept')
    .requiredOption('--role <role>', 'clinical or technical')
    .action(async (id: string, { admin, by, reason, role }: SignedOptions & { role: string }) => {
      const path = `/migration/samples/${encodeURIComponent(id)}/open`;
      console.log(
        JSON.stringify(await askAdmin(admin, path, { method: 'POST', body: { by, role, reason } }), null, 2),
      );
    });
  registerReplay(migrate);
  signed(migrate.command('verify <backend>'))
    .description('run the contract tests of a modern backend')
    .action(async (backend: string, { admin, by, reason }: SignedOptions) => {
      const path = `/migration/backends/${encodeURIComponent(backend)}/verify`;
      const result = await askAdmin<{ passed: number; failed: { name: string; words: string }[] }>(
        admin,
        path,
        {
          method: 'POST',
          body: { by, reason },
        },
      );
      for (const { name, words } of result.failed) console.log(`FAILED  ${name}: ${words}`);
      console.log(`${backend}: ${result.passed} passed, ${result.failed.length} failed`);
      if (result.failed.length > 0) process.exitCode = 1;
    });
  signed(migrate.command('waive <endpoint> <gate>'))
    .description('let one gate pass for some days')
    .requiredOption('--days <number>', 'for how long', numberOption('days'))
    .action(
      async (
        endpoint: string,
        gate: string,
        { admin, by, reason, days }: SignedOptions & { days: number },
      ) => {
        await askAdmin(admin, pathOf(endpoint, 'waivers'), {
          method: 'POST',
          body: { gate, by, reason, days },
        });
        console.log(`${endpoint}: ${gate} is waived for ${days} days`);
      },
    );
  withAdmin(migrate.command('report <endpoint>'))
    .description('the evidence pack for a change board')
    .option('--json', 'as JSON instead of Markdown')
    .option('-o, --output <file>', 'write it to a file')
    .action(
      async (endpoint: string, { admin, json, output }: AdminOption & { json?: true; output?: string }) => {
        const text = await askAdminText(
          admin,
          pathOf(endpoint, `report?format=${json ? 'json' : 'markdown'}`),
        );
        if (output === undefined) {
          console.log(text);
          return;
        }
        mkdirSync(dirname(output), { recursive: true });
        writeFileSync(output, text);
        console.log(`Written to ${output}`);
      },
    );
}

function registerRules(migrate: Command): void {
  const rule = migrate.command('rule').description('known differences: accepted, or somebody’s bug');
  signed(rule.command('add <endpoint> <signature>'))
    .description('say what a difference is; `*` in the signature stands for any characters')
    .requiredOption('--verdict <verdict>', 'acceptable, bug-in-modern or bug-in-legacy')
    .requiredOption('--owner <name>', 'who answers for it')
    .option('--days <number>', 'life of the rule', numberOption('days'), 30)
    .action(
      async (
        endpoint: string,
        signature: string,
        {
          admin,
          by,
          reason,
          verdict,
          owner,
          days,
        }: SignedOptions & { verdict: string; owner: string; days: number },
      ) => {
        const body = { endpoint, signature, verdict, owner, by, reason, days };
        const made = await askAdmin<RuleView>(admin, '/migration/rules', { method: 'POST', body });
        console.log(`Rule ${made.id}: ${made.signature} is ${made.verdict} until ${made.expiresAt}`);
      },
    );
  withAdmin(rule.command('list'))
    .description('all rules')
    .action(async ({ admin }: AdminOption) => {
      const { rules } = await askAdmin<{ rules: RuleView[] }>(admin, '/migration/rules');
      const rows = rules.map(({ id, endpoint, signature, verdict, owner, expiresAt, reason }) => [
        id,
        endpoint,
        signature,
        verdict,
        owner,
        expiresAt.slice(0, 10),
        reason,
      ]);
      console.log(
        formatTable([['ID', 'ENDPOINT', 'DIFFERENCE', 'VERDICT', 'OWNER', 'UNTIL', 'REASON'], ...rows]),
      );
    });
  signed(rule.command('remove <id>'))
    .description('take a rule back')
    .action(async (id: string, { admin, by, reason }: SignedOptions) => {
      await askAdmin(admin, `/migration/rules/${encodeURIComponent(id)}`, {
        method: 'DELETE',
        body: { by, reason },
      });
      console.log(`Rule ${id} is gone`);
    });
}

interface ReplayView {
  readonly id: string;
  readonly state: 'running' | 'done' | 'aborted';
  readonly total: number;
  readonly asked: number;
  readonly matched: number;
  readonly different: Readonly<Record<string, number>>;
}

function registerReplay(migrate: Command): void {
  signed(migrate.command('replay <endpoint>'))
    .description('ask both sides the captured requests again and compare')
    .option('--limit <number>', 'so many requests at most', numberOption('limit'))
    .option('--per-second <number>', 'pace', numberOption('per-second'))
    .option('--fresh', 'count anew from here on')
    .action(
      async (
        endpoint: string,
        {
          admin,
          by,
          reason,
          limit,
          perSecond,
          fresh,
        }: SignedOptions & { limit?: number; perSecond?: number; fresh?: true },
      ) => {
        const body = { by, reason, limit, perSecond, fresh };
        let replay = await askAdmin<ReplayView>(admin, pathOf(endpoint, 'replay'), { method: 'POST', body });
        while (replay.state === 'running') {
          await pause(500);
          replay = await askAdmin<ReplayView>(admin, `/migration/replays/${replay.id}`);
          console.log(`${replay.asked} of ${replay.total} asked`);
        }
        const different = Object.entries(replay.different).map(([severity, count]) => `${count} ${severity}`);
        console.log(
          `${replay.asked} asked, ${replay.matched} alike, different: ${different.join(', ') || 'none'}`,
        );
        if (replay.state !== 'done') process.exitCode = 1;
      },
    );
}
