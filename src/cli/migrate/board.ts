import type { Command } from 'commander';
import type { Cohort } from '../../ports.ts';
import { cohortInWords } from '../../strangler/cohort.ts';
import { askAdmin, withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';
import { formatTable, hanging, many, momentOf } from '../text.ts';
import { pathOf } from './command.ts';

type Verdict = 'pass' | 'fail' | 'insufficient' | 'stale' | 'waived';

interface Signature {
  readonly by: string;
  readonly at: string;
  readonly reason: string;
}

export interface BoardRow {
  readonly endpoint: string;
  readonly stage: string;
  readonly percent?: number;
  /** Whom modern answers, in words, where a percentage does not say it. */
  readonly whom?: string;
  readonly since: string;
  readonly held?: Signature;
  readonly modern?: string;
  readonly comparisons?: number;
  readonly criticals?: number;
  readonly owed: { readonly legacy: number; readonly modern: number };
  readonly next?: string;
  readonly verdict?: Verdict;
  readonly waitsFor?: readonly string[];
}

export interface GateView {
  readonly name: string;
  readonly verdict: Verdict;
  readonly words: string;
}

export interface EndpointView {
  readonly route: {
    readonly endpoint: string;
    readonly stage: string;
    readonly legacy?: string;
    readonly modern?: string;
    readonly cohort?: Cohort;
    readonly owners?: { readonly technical?: string; readonly clinical?: string };
    readonly hold?: Signature;
    readonly retirement?: Signature;
    readonly since: string;
    readonly version: number;
  };
  readonly owed: { readonly legacy: number; readonly modern: number };
  readonly next?: { readonly step: string; readonly open: boolean; readonly gates: readonly GateView[] };
}

const STAGES = ['legacy', 'shadow', 'canary', 'modern', 'retired'] as const;

/** What the worst gate says of a step, on a board. */
const ON_BOARD: Readonly<Record<Verdict, string>> = {
  pass: 'open',
  waived: 'open (waived)',
  insufficient: 'needs evidence',
  stale: 'evidence is old',
  fail: 'fails',
};

const stageOf = (stage: string, percent: number | undefined): string =>
  stage === 'canary' && percent !== undefined ? `canary ${percent} %` : stage;

const HEAD = ['ENDPOINT', 'STAGE', 'SINCE (UTC)', 'COMPARED', 'CRITICAL', 'OWED', 'NEXT'];

function nextOf({ next, held, verdict }: BoardRow): string {
  if (next === undefined) return '-';
  if (held) return `${next}: held`;
  return verdict === undefined ? next : `${next}: ${ON_BOARD[verdict]}`;
}

/** Answers of reads are compared, those of writes are not. */
function countOf({ endpoint }: BoardRow, count: number | undefined): string {
  return count === undefined || /[.](create|update)$/.test(endpoint) ? '-' : count.toLocaleString('en-US');
}

function cells(row: BoardRow): string[] {
  const { legacy, modern } = row.owed;
  const owed = [legacy > 0 ? `legacy ${legacy}` : '', modern > 0 ? `modern ${modern}` : ''];
  return [
    row.endpoint,
    stageOf(row.stage, row.percent),
    momentOf(row.since).replace(' UTC', ''),
    countOf(row, row.comparisons),
    countOf(row, row.criticals),
    owed.filter((one) => one !== '').join(', ') || '-',
    nextOf(row),
  ];
}

/**
 * The board for a terminal: one line an endpoint, under each that is held back why, and at the end how many are where.
 */
export function formatBoard(rows: readonly BoardRow[]): string {
  const lines = formatTable([HEAD, ...rows.map(cells)]).split('\n');
  const board = rows.flatMap(({ held, whom, waitsFor = [] }, index) => [
    lines[index + 1] ?? '',
    ...(whom === undefined ? [] : [hanging('    ', `modern answers ${whom}`)]),
    ...(held ? [hanging('    ', `held by ${held.by} since ${momentOf(held.at)}: ${held.reason}`)] : []),
    // The gate says the same once more.
    ...waitsFor.filter((one) => !held || !one.startsWith('hold:')).map((one) => hanging('    ', one)),
  ]);
  const counts = STAGES.map((stage) => `${stage} ${rows.filter((row) => row.stage === stage).length}`);
  return [
    lines[0] ?? '',
    ...board,
    '',
    `${many(rows.length, 'endpoint')}: ${counts.join(', ')}.`,
    'One with all its gates: ficus migrate show ENDPOINT',
  ].join('\n');
}

/** Gates for a terminal, one a line, what blocks first. */
export function formatGates(gates: readonly GateView[]): string {
  const order: readonly Verdict[] = ['fail', 'stale', 'insufficient', 'waived', 'pass'];
  const sorted = gates.toSorted((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict));
  const verdicts = Math.max(...sorted.map(({ verdict }) => verdict.length));
  const names = Math.max(...sorted.map(({ name }) => name.length));
  return sorted
    .map(({ name, verdict, words }) =>
      hanging(`  ${verdict.toUpperCase().padEnd(verdicts)}  ${name.padEnd(names)}  `, words),
    )
    .join('\n');
}

export function formatEndpoint({ route, owed, next }: EndpointView): string {
  const { endpoint, owners, hold, retirement } = route;
  const signature = ({ by, at, reason }: Signature): string => `${by}, ${momentOf(at)}: ${reason}`;
  return [
    `${endpoint}: ${route.stage === 'canary' ? `canary ${cohortInWords(route.cohort)}` : route.stage} since ${momentOf(route.since)} (version ${route.version})`,
    `  legacy side ${route.legacy ?? 'none'}, modern side ${route.modern ?? 'none'}`,
    `  owners: technical ${owners?.technical ?? 'nobody'}, clinical ${owners?.clinical ?? 'nobody'}`,
    `  writes still owed: to legacy ${owed.legacy}, to modern ${owed.modern}`,
    ...(hold ? [hanging('  ', `held by ${signature(hold)}`)] : []),
    ...(retirement ? [hanging('  ', `retirement: first approval by ${signature(retirement)}`)] : []),
    ...stepOf(route, next),
  ].join('\n');
}

function stepOf({ endpoint, stage, modern }: EndpointView['route'], next: EndpointView['next']): string[] {
  if (stage === 'retired') return ['Next: nothing; this is the end of its way.'];
  if (!next || modern === undefined) return ['Next: nothing; it has no modern side.'];
  const command = next.step === 'retired' ? 'retire' : 'promote';
  const closed = next.gates.filter(({ verdict }) => verdict !== 'pass' && verdict !== 'waived').length;
  return [
    `Next: ${next.step}`,
    formatGates(next.gates),
    next.open
      ? `Nothing holds it back: ficus migrate ${command} ${endpoint} --reason "..."`
      : `Held back by ${many(closed, 'gate')}.`,
  ];
}

/** `ficus migrate status|show`. */
export function registerBoard(migrate: Command): void {
  withAdmin(migrate.command('status'))
    .description('the board: every endpoint, its stage, what was compared, what it waits for')
    .option('--all', 'also endpoints that have no modern side')
    .action(async ({ admin, all }: AdminOption & { all?: true }) => {
      const { endpoints } = await askAdmin<{ endpoints: BoardRow[] }>(admin, '/migration');
      const shown = all ? endpoints : endpoints.filter(({ modern }) => modern !== undefined);
      console.log(formatBoard(shown));
      const rest = endpoints.length - shown.length;
      if (rest > 0) console.log(`${rest} more without a modern side: --all`);
    });

  withAdmin(migrate.command('show <endpoint>'))
    .description('one endpoint, with every gate of its next step')
    .action(async (endpoint: string, { admin }: AdminOption) => {
      console.log(formatEndpoint(await askAdmin<EndpointView>(admin, pathOf(endpoint))));
    });
}
