import type { Command } from 'commander';
import type { Cohort } from '../ports.ts';
import { cohortInWords } from '../strangler/cohort.ts';
import { askAdmin, withAdmin } from './admin-client.ts';
import type { AdminOption } from './admin-client.ts';
import { aNumber } from './migrate/command.ts';
import { formatTable, hanging, momentOf } from './text.ts';

interface RouteView {
  readonly endpoint: string;
  readonly stage: string;
  readonly cohort?: Cohort;
  readonly legacy?: string;
  readonly modern?: string;
  readonly version: number;
  readonly updatedAt: string;
  readonly updatedBy: string;
  readonly reason: string;
  readonly run: number;
  readonly hold?: object;
  readonly retirement?: object;
  readonly warnings?: readonly string[];
}

const stageOf = ({ stage, cohort }: RouteView): string =>
  stage === 'canary' ? `canary ${cohortInWords(cohort)}` : stage;

/** What a version changed, where the stage does not tell. */
function deedOf(route: RouteView, before: RouteView | undefined): string {
  if (!before || stageOf(before) !== stageOf(route)) return '';
  if (route.hold && !before.hold) return 'held ';
  if (!route.hold && before.hold) return 'released ';
  if (route.retirement && !before.retirement) return 'first approval of its retirement ';
  return route.run === before.run ? '' : 'evidence counted anew ';
}

const row = (route: RouteView, before?: RouteView): string[] => [
  route.endpoint,
  stageOf(route),
  route.legacy ?? '-',
  route.modern ?? '-',
  `${momentOf(route.updatedAt)} ${deedOf(route, before)}by ${route.updatedBy}${route.reason === '' ? '' : `: ${route.reason}`}`,
];
const HEAD = ['ENDPOINT', 'STAGE', 'LEGACY', 'MODERN', 'LAST CHANGED'];

/** `ficus route list|set|history`: the route table of a running Ficus. */
export function registerRoute(program: Command): void {
  const route = program.command('route').description('show and change which side answers an endpoint');
  withAdmin(route.command('list'))
    .description('every endpoint, its stage and its backends')
    .action(async ({ admin }: AdminOption) => {
      const { routes } = await askAdmin<{ routes: RouteView[] }>(admin, '/routes');
      console.log(formatTable([HEAD, ...routes.map((one) => row(one))]));
    });

  withAdmin(route.command('set <endpoint> <stage>'))
    .description(
      'move an endpoint back to a stage, at once; forward only where the configuration allows it (else: migrate promote)',
    )
    .option('--reason <text>', 'why', '')
    .option('--by <name>', 'who, where no token says so; default: the user of this terminal')
    .option('--if-version <number>', 'only if the route still has this version', aNumber)
    .action(
      async (
        endpoint: string,
        stage: string,
        options: AdminOption & { reason: string; by?: string; ifVersion?: number },
      ) => {
        const path = `/routes/${encodeURIComponent(endpoint)}`;
        const before = await askAdmin<RouteView>(options.admin, path);
        const { by, reason, ifVersion } = options;
        const version = ifVersion ?? before.version;
        const after = await askAdmin<RouteView>(options.admin, path, {
          method: 'PUT',
          body: { stage, by, reason, version },
        });
        console.log(
          after.version === before.version
            ? `${endpoint} is at ${stageOf(after)} already (version ${after.version})`
            : `${endpoint}: ${stageOf(before)} -> ${stageOf(after)} (version ${after.version})`,
        );
        for (const warning of after.warnings ?? []) console.log(hanging('  warning: ', warning));
      },
    );

  withAdmin(route.command('history <endpoint>'))
    .description('every change of a route, oldest first')
    .action(async (endpoint: string, { admin }: AdminOption) => {
      const { history } = await askAdmin<{ history: RouteView[] }>(
        admin,
        `/routes/${encodeURIComponent(endpoint)}/history`,
      );
      console.log(
        formatTable([
          ['VERSION', ...HEAD.slice(1)],
          ...history.map((one, index) => [String(one.version), ...row(one, history[index - 1]).slice(1)]),
        ]),
      );
    });
}
