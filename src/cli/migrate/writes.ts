import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { askAdmin, formatTable } from '../admin-client.ts';
import { numberOption, pathOf, signed, withAdmin } from './command.ts';
import type { AdminOption, SignedOptions } from './command.ts';

interface OwedView {
  readonly id: string;
  readonly endpoint: string;
  readonly resourceId?: string;
  readonly toward: string;
  readonly state: string;
  readonly attempts: number;
  readonly acceptedAt: string;
  readonly lastError?: string;
  readonly owner?: string;
}

interface JobView {
  readonly id: string;
  readonly endpoint: string;
  readonly state: 'running' | 'done' | 'failed' | 'stopped';
  readonly total: number;
  readonly done: number;
  readonly resources: number;
  readonly failures: readonly { readonly words: string }[];
}

interface DriftView {
  readonly at: string;
  readonly state?: 'running' | 'done' | 'failed' | 'stopped';
  readonly checked: number;
  readonly same: number;
  readonly inFlight: number;
  readonly drift: readonly { readonly id: string; readonly signatures: readonly string[] }[];
  readonly repaired?: number;
  readonly words?: string;
}

/** `ficus migrate outbox|backfill|reconcile|drift`. */
export function registerWrites(migrate: Command): void {
  const outbox = migrate.command('outbox').description('writes that the other side has not seen');
  withAdmin(outbox.command('list', { isDefault: true }))
    .description('what is owed, and to whom')
    .option('--side <side>', 'the side that is owed')
    .option('--state <state>', 'intended, doubtful, pending or dead')
    .action(async ({ admin, side, state }: AdminOption & { side?: string; state?: string }) => {
      const query = new URLSearchParams({ ...(side ? { side } : {}), ...(state ? { state } : {}) });
      const { entries, ledger } = await askAdmin<{ entries: OwedView[]; ledger: Record<string, number> }>(
        admin,
        `/migration/outbox?${query.toString()}`,
      );
      const head = ['ID', 'ENDPOINT', 'RESOURCE', 'TOWARD', 'STATE', 'SINCE', 'TRIES', 'OWNER', 'LAST ERROR'];
      const rows = entries.map((one) => [
        one.id,
        one.endpoint,
        one.resourceId ?? '-',
        one.toward,
        one.state,
        one.acceptedAt,
        String(one.attempts),
        one.owner ?? '-',
        one.lastError ?? '-',
      ]);
      console.log(rows.length === 0 ? 'Nothing is owed to either side.' : formatTable([head, ...rows]));
      console.log(
        Object.entries(ledger)
          .map(([name, count]) => `${name} ${count}`)
          .join(', '),
      );
    });
  for (const [name, words] of [
    ['retry', 'try a dead entry again'],
    ['discard', 'give a dead entry up: the other side never sees that write'],
  ] as const) {
    signed(outbox.command(`${name} <id>`))
      .description(words)
      .action(async (id: string, { admin, by, reason }: SignedOptions) => {
        const path = `/migration/outbox/${encodeURIComponent(id)}/${name}`;
        await askAdmin(admin, path, { method: 'POST', body: { by, reason } });
        console.log(`${id}: ${name === 'retry' ? 'will be tried again' : 'given up'}`);
      });
  }
  registerBackfill(migrate);
  registerReconcile(migrate);
}

function formatJob({ id, state, done, total, resources, failures }: JobView): string {
  return `${id}: ${state}, ${done} of ${total} patients, ${resources} resources, ${failures.length} failures`;
}

function registerBackfill(migrate: Command): void {
  signed(migrate.command('backfill <endpoint>'))
    .description('fill the modern backend with what legacy holds; taken up where it stopped')
    .requiredOption('--patients <file>', 'FHIR ids or system|value, one a line')
    .option('--per-second <number>', 'pace, in patients', numberOption('per-second'))
    .option('--no-wait', 'do not follow its progress')
    .action(
      async (
        endpoint: string,
        options: SignedOptions & { patients: string; perSecond?: number; wait: boolean },
      ) => {
        const { admin, by, reason, perSecond } = options;
        const lines = readFileSync(options.patients, 'utf8').split(/\r?\n/);
        const patients = lines
          .map((line) => line.trim())
          .filter((line) => line !== '' && !line.startsWith('#'));
        const body = { by, reason, patients, perSecond };
        let job = await askAdmin<JobView>(admin, pathOf(endpoint, 'backfill'), { method: 'POST', body });
        console.log(formatJob(job));
        while (options.wait && job.state === 'running') {
          await pause(1_000);
          job = await askAdmin<JobView>(admin, `/migration/backfills/${job.id}`);
          console.log(formatJob(job));
        }
        for (const { words } of job.failures) console.log(`  ${words}`);
        if (job.state === 'failed' || job.failures.length > 0) process.exitCode = 1;
      },
    );
}

function formatDrift({ at, checked, same, inFlight, drift, repaired, words }: DriftView): string {
  return [
    `${at}: ${checked} checked, ${same} the same, ${inFlight} in flight, ${drift.length} different${repaired === undefined ? '' : `, ${repaired} repaired`}`,
    ...drift.map(({ id, signatures }) => `  ${id}: ${signatures.join('; ')}`),
    ...(words === undefined ? [] : [words]),
  ].join('\n');
}

function registerReconcile(migrate: Command): void {
  signed(migrate.command('reconcile <endpoint>'))
    .description('read what was written or filled on both sides, and say what differs')
    .option('--repair <how>', 'dry-run: say what would be sent; apply: send it', 'no')
    .action(async (endpoint: string, { admin, by, reason, repair }: SignedOptions & { repair: string }) => {
      const body = { by, reason, repair };
      let report = await askAdmin<DriftView>(admin, pathOf(endpoint, 'reconcile'), { method: 'POST', body });
      while (report.state === 'running') {
        await pause(500);
        report = await askAdmin<DriftView>(admin, pathOf(endpoint, 'drift'));
      }
      console.log(formatDrift(report));
      if (report.drift.length > (report.repaired ?? 0)) process.exitCode = 1;
    });
  withAdmin(migrate.command('drift <endpoint>'))
    .description('the newest drift report')
    .action(async (endpoint: string, { admin }: AdminOption) => {
      console.log(formatDrift(await askAdmin<DriftView>(admin, pathOf(endpoint, 'drift'))));
    });
}
