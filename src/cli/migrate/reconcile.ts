import { Option } from 'commander';
import type { Command } from 'commander';
import { askAdmin, withAdmin } from '../admin-client.ts';
import type { AdminOption } from '../admin-client.ts';
import { hanging, many, momentOf } from '../text.ts';
import { pathOf, signed } from './command.ts';
import type { SignedOptions } from './command.ts';
import { follow } from './progress.ts';

export interface DriftView {
  readonly endpoint: string;
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

/** A drift report for a terminal. */
export function formatDrift(report: DriftView): string {
  const { endpoint, at, state, checked, same, inFlight, unreadable, different } = report;
  const { missing, writes, repair, repaired } = report;
  const sent = repair === 'apply' ? 'handed to the outbox again' : 'would be handed to the outbox again';
  const differs = report.drift.map(({ id, missingOn, signatures, owner }) =>
    hanging(
      '  ',
      `${id}: ${missingOn === undefined ? signatures.join('; ') : `not in ${missingOn}`} (${owner})`,
    ),
  );
  return [
    hanging(
      '',
      `${endpoint}, both sides read ${momentOf(at)}${state === 'done' ? '' : ` (${state})`}: ${many(checked, 'resource')}, ${same} the same, ${inFlight} in flight, ${different} different (missing in legacy ${missing.legacy}, in modern ${missing.modern}), ${unreadable} that could not be read.`,
    ),
    `Writes accepted ${writes.accepted}; in legacy ${writes.legacy}, in modern ${writes.modern}.`,
    ...differs,
    ...(repair === 'no' ? [] : [`${many(repaired, 'resource')} ${sent}.`]),
    ...(report.words === undefined ? [] : [report.words]),
    ...(different > 0 && repair !== 'apply'
      ? [
          `Mend: ficus migrate reconcile ${endpoint} --repair ${repair === 'no' ? 'dry-run' : 'apply'} --reason "..."`,
        ]
      : []),
  ].join('\n');
}

/** `ficus migrate reconcile|drift`. */
export function registerReconcile(migrate: Command): void {
  signed(migrate.command('reconcile <endpoint>'))
    .description('read what was written or filled on both sides, and say what differs')
    .addOption(
      new Option('--repair <how>', 'dry-run: say what would be sent; apply: send it')
        .choices(['no', 'dry-run', 'apply'])
        .default('no'),
    )
    .action(async (endpoint: string, { admin, by, reason, repair }: SignedOptions & { repair: string }) => {
      const body = { by, reason, repair };
      const begun = await askAdmin<DriftView>(admin, pathOf(endpoint, 'reconcile'), { method: 'POST', body });
      const report = await follow(
        begun,
        () => askAdmin<DriftView>(admin, pathOf(endpoint, 'drift')),
        ({ checked }) => `${many(checked, 'resource')} read on both sides`,
      );
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
