import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { askAdmin } from '../admin-client.ts';
import { hanging, many } from '../text.ts';
import { aNumber, pathOf, signed } from './command.ts';
import type { SignedOptions } from './command.ts';
import { follow } from './progress.ts';

export interface JobView {
  readonly id: string;
  readonly endpoint: string;
  readonly state: 'running' | 'done' | 'failed' | 'stopped';
  readonly total: number;
  readonly done: number;
  readonly resources: number;
  readonly skipped: number;
  readonly failures: readonly { readonly position: number; readonly words: string; readonly owner: string }[];
}

/** How a fill ended, and what is to be done. */
export function formatJob({
  id,
  endpoint,
  state,
  total,
  done,
  resources,
  skipped,
  failures,
}: JobView): string {
  const left = skipped === 0 ? '' : `, ${skipped} left as they are (modern has newer)`;
  return [
    `${state === 'done' ? 'Filled' : `The fill ${state === 'failed' ? 'failed' : 'stopped'}`}: ${done} of ${many(total, 'patient')}, ${many(resources, 'resource')} brought${left}, ${many(failures.length, 'failure')}.`,
    ...failures.map(({ position, words, owner }) =>
      hanging('  ', `line ${position + 1}: ${words} (${owner})`),
    ),
    ...(state === 'done' && resources + skipped === 0
      ? ['Legacy holds nothing of any of them. Are these FHIR ids, or numbers as system|value?']
      : []),
    ...(state === 'done'
      ? []
      : [`Take it up again: ficus migrate backfill ${endpoint} --resume ${id} --reason "..."`]),
  ].join('\n');
}

/** Lines of a file of patients; empty ones and those that begin with `#` are none. */
function readPatients(file: string | undefined): string[] {
  if (file === undefined) throw new Error('Say whose data: --patients FILE, or --resume ID.');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`The list of patients ${file} cannot be read.`, { cause: error });
  }
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const patients = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (patients.length === 0) throw new Error(`The list of patients ${file} is empty.`);
  return patients;
}

interface BackfillOptions extends SignedOptions {
  readonly patients?: string;
  readonly resume?: string;
  readonly perSecond?: number;
  readonly wait: boolean;
}

async function begin(endpoint: string, options: BackfillOptions): Promise<JobView> {
  const { admin, by, reason, perSecond, resume } = options;
  if (resume !== undefined) {
    const path = `/migration/backfills/${encodeURIComponent(resume)}`;
    const job = await askAdmin<JobView>(admin, path);
    if (job.endpoint !== endpoint)
      throw new Error(`Fill ${resume} is one of ${job.endpoint}, not of ${endpoint}.`);
    if (job.state === 'done') return job;
    return askAdmin<JobView>(admin, `${path}/resume`, { method: 'POST', body: { by, reason } });
  }
  const body = { by, reason, patients: readPatients(options.patients), perSecond };
  return askAdmin<JobView>(admin, pathOf(endpoint, 'backfill'), { method: 'POST', body });
}

/** `ficus migrate backfill`. */
export function registerBackfill(migrate: Command): void {
  signed(migrate.command('backfill <endpoint>'))
    .description('fill the modern backend with what legacy holds of these patients')
    .option('--patients <file>', 'FHIR ids or system|value, one a line; # begins a comment')
    .option('--resume <id>', 'take one up where it stopped')
    .option('--per-second <number>', 'pace, in patients (default: 5)', aNumber)
    .option('--no-wait', 'do not follow its progress')
    .action(async (endpoint: string, options: BackfillOptions) => {
      const { admin, wait } = options;
      const job = await begin(endpoint, options);
      if (job.state === 'done') console.log(`Fill ${job.id} has ended: there is nothing to take up.`);
      else console.log(`Fill ${job.id}: ${many(job.total, 'patient')}`);
      if (!wait && job.state !== 'done') return;
      const ended = await follow(
        job,
        () => askAdmin<JobView>(admin, `/migration/backfills/${job.id}`),
        ({ done, total, resources }) =>
          `${done} of ${many(total, 'patient')}, ${many(resources, 'resource')}`,
      );
      console.log(formatJob(ended));
      if (ended.state !== 'done' || ended.failures.length > 0) process.exitCode = 1;
    });
}
