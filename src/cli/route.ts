import { userInfo } from 'node:os';
import type { Command } from 'commander';

interface RouteView {
  readonly endpoint: string;
  readonly stage: string;
  readonly legacy?: string;
  readonly modern?: string;
  readonly version: number;
  readonly updatedAt: string;
  readonly updatedBy: string;
  readonly reason: string;
}

interface AdminOption {
  readonly admin: string;
}

/** Asks the admin API of a running Ficus. @throws Error with its words. */
async function ask<T>(admin: string, path: string, change?: object): Promise<T> {
  const address = `${admin.replace(/\/+$/, '')}${path}`;
  const response = await fetch(
    address,
    change && {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(change),
    },
  ).catch((error: unknown) => {
    throw new Error(`No Ficus answers at ${admin}. Is it running? Its admin address is given with --admin.`, {
      cause: error,
    });
  });
  const body = (await response.json()) as { message?: string };
  if (!response.ok) throw new Error(body.message ?? `The admin API answered ${response.status}.`);
  return body as T;
}

/** Columns as wide as their longest cell. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const row = (route: RouteView): string[] => [
  route.endpoint,
  route.stage,
  route.legacy ?? '-',
  route.modern ?? '-',
  `${route.updatedAt} by ${route.updatedBy}${route.reason === '' ? '' : `: ${route.reason}`}`,
];
const HEAD = ['ENDPOINT', 'STAGE', 'LEGACY', 'MODERN', 'SINCE'];

/** `ficus route list|set|history`: the route table of a running Ficus. */
export function registerRoute(program: Command): void {
  const route = program.command('route').description('show and change which side answers an endpoint');
  const withAdmin = (command: Command): Command =>
    command.option('--admin <url>', 'address of the admin API', 'http://localhost:8081');

  withAdmin(route.command('list'))
    .description('every endpoint, its stage and its backends')
    .action(async ({ admin }: AdminOption) => {
      const { routes } = await ask<{ routes: RouteView[] }>(admin, '/routes');
      console.log(formatTable([HEAD, ...routes.map(row)]));
    });

  withAdmin(route.command('set <endpoint> <stage>'))
    .description('move an endpoint to a stage (legacy, modern); effective with the next request')
    .option('--reason <text>', 'why', '')
    .option('--by <name>', 'who', userInfo().username)
    .option('--if-version <number>', 'only if the route still has this version', Number)
    .action(
      async (
        endpoint: string,
        stage: string,
        options: AdminOption & { reason: string; by: string; ifVersion?: number },
      ) => {
        const path = `/routes/${encodeURIComponent(endpoint)}`;
        const before = await ask<RouteView>(options.admin, path);
        const { by, reason, ifVersion } = options;
        const version = ifVersion ?? before.version;
        const after = await ask<RouteView>(options.admin, path, { stage, by, reason, version });
        console.log(
          after.version === before.version
            ? `${endpoint} is at ${after.stage} already (version ${after.version})`
            : `${endpoint}: ${before.stage} -> ${after.stage} (version ${after.version})`,
        );
      },
    );

  withAdmin(route.command('history <endpoint>'))
    .description('every change of a route, oldest first')
    .action(async (endpoint: string, { admin }: AdminOption) => {
      const { history } = await ask<{ history: RouteView[] }>(
        admin,
        `/routes/${encodeURIComponent(endpoint)}/history`,
      );
      console.log(
        formatTable([['VERSION', ...HEAD], ...history.map((one) => [String(one.version), ...row(one)])]),
      );
    });
}
