import type { Command } from 'commander';
import type { NetworkUse, SecurityAlert, UseCounts } from '../../privacy-ports.ts';
import { askAdmin, withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';
import { hanging, many, momentOf } from '../text.ts';

interface Answer {
  readonly watching: boolean;
}

const PATH = '/security/alerts';
const NOT_WATCHED = 'Nothing is watched: security is open, or security.anomalies is off.';

const WORDS: Readonly<Record<SecurityAlert['anomalies'][number], string>> = {
  refused: 'tries at what it does not open',
  patients: 'many patients beside its own',
  requests: 'many requests',
};

const countsOf = ({ requests, refused, patients }: UseCounts): string =>
  `${many(requests, 'request')}, ${many(refused, 'try', 'tries')} at what it does not open, ${many(patients, 'patient')} beside its own`;

const networksOf = (uses: readonly NetworkUse[]): string =>
  uses.map(({ network, first, last }) => `${network} (${momentOf(first)} to ${momentOf(last)})`).join(', ');

/** One alert: which token, what is strange, from where, and what to do next. */
function formatAlert(alert: SecurityAlert): string {
  const { id, tokenId, subject, client, anomalies, networks, counts, raisedAt, lastAt, acknowledged } = alert;
  const who = `subject ${subject}${client === undefined ? '' : ` with application ${client}`}`;
  const line = (words: string): string => hanging('    ', words);
  return [
    `${id}  token ${tokenId}`,
    line(`${who}; raised ${momentOf(raisedAt)}, last seen ${momentOf(lastAt)}`),
    line(`from a new network: ${anomalies.map((one) => WORDS[one]).join(', ')}`),
    line(`new: ${networksOf(networks.strange)}; at most ${countsOf(counts.strange)} in a window`),
    line(`known: ${networksOf(networks.known)}; at most ${countsOf(counts.known)}`),
    ...(acknowledged
      ? [line(`acknowledged by ${acknowledged.by} at ${momentOf(acknowledged.at)}: ${acknowledged.note}`)]
      : [
          `    ficus audit trail --token ${tokenId}`,
          `    ficus security revoke --token-id ${tokenId} --reason "…"`,
          `    ficus security alerts ack ${id} --note "…"`,
        ]),
  ].join('\n');
}

/** `ficus security alerts [list|ack]`. */
export function registerAlerts(security: Command): void {
  const alerts = security
    .command('alerts')
    .description('tokens that are used from a new network as they never were');
  withAdmin(alerts.command('list', { isDefault: true }))
    .description('alerts that nobody has acknowledged, newest first, and what to do next')
    .option('--all', 'those that somebody has acknowledged too')
    .option('--limit <number>', 'so many at most', '50')
    .option('--json', 'as JSON')
    .action(async ({ admin, all, limit, json }: AdminOption & { all?: true; limit: string; json?: true }) => {
      const query = new URLSearchParams({ limit, ...(all ? {} : { acknowledged: 'false' }) });
      const found = await askAdmin<Answer & { alerts: SecurityAlert[] }>(
        admin,
        `${PATH}?${query.toString()}`,
      );
      if (json) {
        console.log(JSON.stringify(found, null, 2));
        return;
      }
      console.log(found.alerts.length === 0 ? 'There are none.' : found.alerts.map(formatAlert).join('\n'));
      if (!found.watching) console.log(NOT_WATCHED);
    });
  withAdmin(alerts.command('ack <alert>'))
    .description('say what an alert was; where its token is used from by now is known from then on')
    .requiredOption('--note <text>', 'what it was, and what was done')
    .option('--by <name>', 'who, where no token says so; default: the user of this terminal')
    .action(async (id: string, { admin, note, by }: AdminOption & { note: string; by?: string }) => {
      const { alert } = await askAdmin<Answer & { alert: SecurityAlert }>(
        admin,
        `${PATH}/${encodeURIComponent(id)}/acknowledge`,
        { method: 'POST', body: { note, ...(by === undefined ? {} : { by }) } },
      );
      console.log(formatAlert(alert));
    });
}
