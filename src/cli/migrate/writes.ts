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
  readonly state: 'running' | 'done' | 'failed' | 'stopped';
  readonly checked: number;
  readonly same: number;
  readonly inFlight: number;
  readonly unreadable: number;
  readonly different: number;
  readonly missing: { readonly legacy: number; readonly modern: number };
  readonly drift: readonly {
    readonly id: string;
    readonly missingOn?: string;
    readonly signatures: readonly string[];
    readonly owner: string;
  }[];
  readonly writes: { readonly accepted: number; readonly legacy: number; readonly modern: number };
  readonly repair: 'no' | 'dry-run' | 'apply';
  readonly repaired: number;
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

/** Lines of a file of patients; empty ones and those that begin with `#` are none. */
function readPatients(file: string | undefined): string[] {
  if (file === undefined) throw new Error('Say whose data: --patients FILE, or --resume ID.');
  const lines = readFileSync(file, 'utf8').split(/\r?\n/);
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

function registerBackfill(migrate: Command): void {
  signed(migrate.command('backfill <endpoint>'))
    .description('fill the modern backend with what legacy holds; taken up where it stopped')
    .option('--patients <file>', 'FHIR ids or system|value, one a line')
    .option('--resume <id>', 'take one up where it stopped')
    .option('--per-second <number>', 'pace, in patients', numberOption('per-second'))
    .option('--no-wait', 'do not follow its progress')
    .action(
      async (
        endpoint: string,
        options: SignedOptions & { patients?: string; resume?: string; perSecond?: number; wait: boolean },
      ) => {
        const { admin, by, reason, perSecond } = options;
        const { resume } = options;
        let job =
          resume === undefined
            ? await askAdmin<JobView>(admin, pathOf(endpoint, 'backfill'), {
                method: 'POST',
                body: { by, reason, patients: readPatients(options.patients), perSecond },
              })
            : await askAdmin<JobView>(admin, `/migration/backfills/${encodeURIComponent(resume)}/resume`, {
                method: 'POST',
                body: { by, reason },
              });
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

function formatDrift(report: DriftView): string {
  const { at, state, checked, same, inFlight, unreadable, different, missing, writes, repair, repaired } =
    report;
  const sent = repair === 'apply' ? 'handed to the outbox again' : 'would be handed to the outbox again';
  return [
    `${at} (${state}): ${checked} checked, ${same} the same, ${inFlight} in flight, ${different} different, ${unreadable} could not be read`,
    `  missing: ${missing.legacy} in legacy, ${missing.modern} in modern`,
    `  writes accepted: ${writes.accepted}; in legacy ${writes.legacy}, in modern ${writes.modern}`,
    ...(repair === 'no' ? [] : [`  ${repaired} ${sent}`]),
    ...report.drift.map(
      ({ id, missingOn, signatures, owner }) =>
        `  ${id}: ${missingOn === undefined ? signatures.join('; ') : `not in ${missingOn}`} (${owner})`,
    ),
    ...(report.words === undefined ? [] : [`  ${report.words}`]),
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
      const left = report.repair === 'apply' ? report.different - report.repaired : report.different;
      if (report.state !== 'done' || left > 0 || report.unreadable > 0) process.exitCode = 1;
    });
  withAdmin(migrate.command('drift <endpoint>'))
    .description('the newest drift report')
    .action(async (endpoint: string, { admin }: AdminOption) => {
      console.log(formatDrift(await askAdmin<DriftView>(admin, pathOf(endpoint, 'drift'))));
    });
}
