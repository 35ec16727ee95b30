import type { Command } from 'commander';
import { askAdmin, withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';
import { dayOf, hanging, momentOf } from '../text.ts';
import { needed, pathOf, signed } from './command.ts';
import type { SignedOptions } from './command.ts';

export interface DiffsView {
  readonly endpoint: string;
  readonly run: number;
  /** Empty while nothing was compared. */
  readonly comparisons: {
    readonly compared?: number;
    readonly alike?: number;
    readonly critical?: number;
    readonly major?: number;
    readonly inFlight?: number;
    readonly notComparable?: number;
  };
  readonly differences: readonly {
    readonly signature: string;
    readonly severity: string;
    readonly count: number;
    readonly lastSeen: string;
    readonly rule?: { readonly verdict: string; readonly owner: string; readonly expiresAt: string };
    readonly samples: readonly string[];
    readonly inFloor: number;
  }[];
}

export interface SampleView {
  readonly endpoint: string;
  readonly takenAt: string;
  readonly expiresAt: string;
  readonly asked: {
    readonly interaction: string;
    readonly type: string;
    readonly id?: string;
    readonly pairs?: readonly (readonly [string, string])[];
  };
  readonly differences: readonly { readonly severity: string; readonly signature: string }[];
  readonly sentences: readonly string[];
}

const GRAVITY = 'CRITICAL'.length;

function countsOf({ comparisons }: DiffsView): string {
  const { compared = 0, alike = 0, critical = 0, major = 0, inFlight = 0, notComparable = 0 } = comparisons;
  const rest = compared - alike - critical - major;
  const all = [compared, alike, critical, major, rest, inFlight, notComparable];
  const [c, a, k, m, r, f, n] = all.map((count) => count.toLocaleString('en-US'));
  if (compared + inFlight + notComparable === 0) return 'Nothing was compared yet.';
  return `${c} compared: ${a} alike, ${k} with a critical difference, ${m} with a major one, ${r} with less. Beside them: ${f} in flight, ${n} not comparable.`;
}

/** Differences for a terminal: how often and what, and under each what is known of it. */
export function formatDiffs(view: DiffsView): string {
  const { endpoint, run, differences } = view;
  const head = `${endpoint}, evidence of run ${run}\n${hanging('', countsOf(view))}`;
  if (differences.length === 0) return `${head}\nNo differences.`;
  const counts = differences.map(({ count }) => count.toLocaleString('en-US'));
  const width = Math.max(...counts.map((count) => count.length));
  const indent = ' '.repeat(GRAVITY + width + 4);
  const rows = differences.map(({ severity, signature, rule, samples, inFloor, lastSeen }, index) => {
    const beginning = `${severity.toUpperCase().padEnd(GRAVITY)}  ${(counts[index] ?? '').padStart(width)}  `;
    const known = [
      `last ${momentOf(lastSeen)}`,
      ...(rule ? [`${rule.verdict} (${rule.owner}, until ${dayOf(rule.expiresAt)})`] : []),
      ...(inFloor > 0 ? [`${inFloor.toLocaleString('en-US')} times also between two answers of legacy`] : []),
      ...(samples[0] === undefined ? [] : [`sample ${samples[0]}`]),
    ];
    return `${hanging(beginning, signature)}\n${hanging(indent, known.join('; '))}`;
  });
  return [
    head,
    '',
    ...rows,
    '',
    'See a pair:       ficus migrate sample ID --role clinical --reason "..."',
    `Say what one is:  ficus migrate rule add ${endpoint} "..." --verdict ... --owner ...`,
  ].join('\n');
}

function askedOf({ interaction, type, id, pairs = [] }: SampleView['asked']): string {
  const query = pairs.map(([name, value]) => `${name}=${value}`).join('&');
  return `${interaction} ${type}${id === undefined ? '' : `/${id}`}${query === '' ? '' : `?${query}`}`;
}

/** An opened sample for a terminal: each difference as a sentence. */
export function formatSample(sample: SampleView): string {
  const { endpoint, takenAt, expiresAt, asked, differences, sentences } = sample;
  return [
    `${endpoint}, taken ${momentOf(takenAt)}, kept until ${momentOf(expiresAt)}.`,
    'This is patient data; that you opened it is kept.',
    hanging('Asked: ', askedOf(asked)),
    ...differences.flatMap(({ severity, signature }, index) => [
      hanging(`${severity.toUpperCase().padEnd(GRAVITY)}  `, signature),
      hanging(' '.repeat(GRAVITY + 2), sentences[index] ?? ''),
    ]),
    'The whole pair of answers: --json',
  ].join('\n');
}

/** `ficus migrate diffs|sample`. */
export function registerDifferences(migrate: Command): void {
  withAdmin(migrate.command('diffs <endpoint>'))
    .description('what the sides answer differently, worst first')
    .option('--run <number>', 'an earlier run of evidence, e.g. the one before a roll back')
    .action(async (endpoint: string, { admin, run }: AdminOption & { run?: string }) => {
      const part = run === undefined ? 'diffs' : `diffs?run=${encodeURIComponent(run)}`;
      console.log(formatDiffs(await askAdmin<DiffsView>(admin, pathOf(endpoint, part))));
    });
  signed(migrate.command('sample <id>'))
    .description('open a sealed pair of answers: patient data; that you did is kept')
    .addOption(
      needed('--role <role>', 'the role in which --by owns the endpoint').choices(['clinical', 'technical']),
    )
    .option('--json', 'both answers whole, as JSON')
    .action(async (id: string, options: SignedOptions & { role: string; json?: true }) => {
      const { admin, by, reason, role, json } = options;
      const path = `/migration/samples/${encodeURIComponent(id)}/open`;
      const sample = await askAdmin<SampleView>(admin, path, { method: 'POST', body: { by, role, reason } });
      console.log(json ? JSON.stringify(sample, null, 2) : formatSample(sample));
    });
}
