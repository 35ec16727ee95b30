import type { Command } from 'commander';
import { askAdmin, formatTable } from '../admin-client.ts';
import { pathOf, withAdmin } from './command.ts';
import type { AdminOption } from './command.ts';

interface BoardRow {
  readonly endpoint: string;
  readonly stage: string;
  readonly percent?: number;
  readonly since: string;
  readonly held?: { readonly by: string; readonly reason: string };
  readonly comparisons?: number;
  readonly criticals?: number;
  readonly owed: { readonly legacy: number; readonly modern: number };
  readonly next?: string;
  readonly verdict?: string;
  readonly waitsFor?: readonly string[];
}

export interface GateView {
  readonly name: string;
  readonly verdict: string;
  readonly words: string;
}

interface EndpointView {
  readonly route: {
    readonly endpoint: string;
    readonly stage: string;
    readonly legacy?: string;
    readonly modern?: string;
    readonly cohort?: { readonly percent: number };
    readonly owners?: { readonly technical?: string; readonly clinical?: string };
    readonly hold?: { readonly by: string; readonly at: string; readonly reason: string };
    readonly since: string;
    readonly version: number;
  };
  readonly owed: { readonly legacy: number; readonly modern: number };
  readonly next?: { readonly step: string; readonly gates: readonly GateView[] };
}

const stageOf = (stage: string, percent: number | undefined): string =>
  stage === 'canary' && percent !== undefined ? `canary ${percent} %` : stage;

const HEAD = ['ENDPOINT', 'STAGE', 'SINCE', 'COMPARED', 'CRITICAL', 'OWED', 'NEXT'];

function cells(row: BoardRow): string[] {
  const { legacy, modern } = row.owed;
  const owed = [legacy > 0 ? `legacy ${legacy}` : '', modern > 0 ? `modern ${modern}` : ''];
  const next =
    row.next === undefined ? '-' : `${row.next}: ${row.held ? 'held' : (row.verdict ?? 'not judged')}`;
  return [
    row.endpoint,
    stageOf(row.stage, row.percent),
    row.since.slice(0, 16).replace('T', ' '),
    String(row.comparisons ?? '-'),
    String(row.criticals ?? '-'),
    owed.filter((one) => one !== '').join(', ') || '-',
    next,
  ];
}

/** The board for a terminal: one line an endpoint, and under each that is held back, why. */
export function formatBoard(rows: readonly BoardRow[]): string {
  const lines = formatTable([HEAD, ...rows.map(cells)]).split('\n');
  return rows
    .reduce<string[]>(
      (out, row, index) => {
        out.push(lines[index + 1] ?? '');
        if (row.held) out.push(`    held by ${row.held.by}: ${row.held.reason}`);
        for (const reason of row.waitsFor ?? []) out.push(`    ${reason}`);
        return out;
      },
      [lines[0] ?? ''],
    )
    .join('\n');
}

/** Gates for a terminal, one a line, what blocks first. */
export function formatGates(gates: readonly GateView[]): string {
  const order = ['fail', 'stale', 'insufficient', 'waived', 'pass'];
  const sorted = gates.toSorted((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict));
  return formatTable(sorted.map(({ name, verdict, words }) => [`  ${verdict.toUpperCase()}`, name, words]));
}

export function formatEndpoint({ route, owed, next }: EndpointView): string {
  const { owners, hold } = route;
  return [
    `${route.endpoint}: ${stageOf(route.stage, route.cohort?.percent)} since ${route.since} (version ${route.version})`,
    `  legacy ${route.legacy ?? '-'}, modern ${route.modern ?? '-'}; owners: technical ${owners?.technical ?? 'nobody'}, clinical ${owners?.clinical ?? 'nobody'}`,
    `  writes not yet seen: by legacy ${owed.legacy}, by modern ${owed.modern}`,
    ...(hold ? [`  held by ${hold.by} since ${hold.at}: ${hold.reason}`] : []),
    ...(next
      ? [`Next: ${next.step}`, formatGates(next.gates)]
      : ['Next: nothing; this is the end of its way.']),
  ].join('\n');
}

/** `ficus migrate status|show`. */
export function registerBoard(migrate: Command): void {
  withAdmin(migrate.command('status'))
    .description('the board: every endpoint, its stage, what was compared, what it waits for')
    .option('--all', 'also endpoints that have no modern side')
    .action(async ({ admin, all }: AdminOption & { all?: true }) => {
      const { endpoints } = await askAdmin<{ endpoints: (BoardRow & { modern?: string })[] }>(
        admin,
        '/migration',
      );
      const shown = all ? endpoints : endpoints.filter(({ modern }) => modern !== undefined);
      console.log(formatBoard(shown));
      const rest = endpoints.length - shown.length;
      if (rest > 0) console.log(`\n${rest} endpoints have no modern side (--all shows them).`);
    });

  withAdmin(migrate.command('show <endpoint>'))
    .description('one endpoint, with every gate of its next step')
    .action(async (endpoint: string, { admin }: AdminOption) => {
      console.log(formatEndpoint(await askAdmin<EndpointView>(admin, pathOf(endpoint))));
    });
}
