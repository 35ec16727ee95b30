import { Option } from 'commander';
import type { Command } from 'commander';
import { askAdmin } from '../admin-client.ts';
import { hanging } from '../text.ts';
import { aNumber, collect, needed, pathOf, signed } from './command.ts';
import type { SignedOptions } from './command.ts';

interface Moved {
  readonly route: { readonly version: number };
  readonly words: string;
  readonly warnings: readonly string[];
}

interface VersionOption {
  readonly ifVersion?: number;
}

const IF_VERSION = ['--if-version <number>', 'only if the route still has this version', aNumber] as const;

function say({ route, words, warnings }: Moved): void {
  console.log(hanging('', `${words} (version ${route.version})`));
  for (const warning of warnings) console.log(hanging('  warning: ', warning));
}

async function change(
  endpoint: string,
  part: string,
  options: SignedOptions,
  more: object = {},
  method: 'POST' | 'DELETE' = 'POST',
) {
  const { admin, by, reason } = options;
  return askAdmin<Moved>(admin, pathOf(endpoint, part), { method, body: { by, reason, ...more } });
}

/** `ficus migrate promote|rollback|hold|release|retire|note|evidence|owners|cohort`. */
export function registerSteps(migrate: Command): void {
  signed(migrate.command('promote <endpoint>'))
    .description('one step forward, if every gate lets it through')
    .option('--percent <number>', 'share of the canary; default: the next configured step', aNumber)
    .option(...IF_VERSION)
    .action(async (endpoint: string, options: SignedOptions & VersionOption & { percent?: number }) => {
      const { percent, ifVersion: version } = options;
      say(await change(endpoint, 'promote', options, { percent, version }));
    });

  signed(migrate.command('rollback <endpoint>'))
    .description('back, at once; never gated')
    .addOption(
      new Option('--to <stage>', 'default: shadow; from shadow, legacy').choices([
        'legacy',
        'shadow',
        'canary',
      ]),
    )
    .option(...IF_VERSION)
    .action(async (endpoint: string, options: SignedOptions & VersionOption & { to?: string }) => {
      const { to, ifVersion: version } = options;
      say(await change(endpoint, 'rollback', options, { to, version }));
    });

  signed(migrate.command('hold <endpoint>'))
    .description('no step forward until it is released')
    .action(async (endpoint: string, options: SignedOptions) => {
      say(await change(endpoint, 'hold', options));
    });

  signed(migrate.command('release <endpoint>'))
    .description('take the hold away')
    .action(async (endpoint: string, options: SignedOptions) => {
      say(await change(endpoint, 'hold', options, {}, 'DELETE'));
    });

  signed(migrate.command('retire <endpoint>'))
    .description('modern only, for good: needs two different approvers, each with this command')
    .action(async (endpoint: string, options: SignedOptions) => {
      say(await change(endpoint, 'retire', options));
    });

  signed(migrate.command('note <endpoint>'))
    .description('add a note (--reason) to the history')
    .action(async (endpoint: string, options: SignedOptions) => {
      say(await change(endpoint, 'note', options));
    });

  signed(migrate.command('evidence <endpoint>'))
    .description('count the evidence anew from now on, because modern was changed')
    .action(async (endpoint: string, options: SignedOptions) => {
      say(await change(endpoint, 'evidence', options));
    });

  signed(migrate.command('owners <endpoint>'))
    .description('who answers for it, where the configuration does not say')
    .option('--technical <name>', 'for how it works')
    .option('--clinical <name>', 'for what it means')
    .action(async (endpoint: string, options: SignedOptions & { technical?: string; clinical?: string }) => {
      const { technical, clinical } = options;
      say(await change(endpoint, 'owners', options, { owners: { technical, clinical } }));
    });

  registerCohort(migrate);
}

interface CohortOptions extends SignedOptions {
  readonly percent: number;
  readonly facility?: string[];
  readonly client?: string[];
  readonly patient?: string[];
  readonly withinFacility?: string[];
  readonly withinClient?: string[];
}

function registerCohort(migrate: Command): void {
  signed(migrate.command('cohort <endpoint>'))
    .description('whom modern answers in canary; lists may be given several times')
    .addOption(needed('--percent <number>', 'share of patients (else of clients)').argParser(aNumber))
    .option('--facility <name>', 'all of this facility', collect)
    .option('--client <name>', 'all of this client', collect)
    .option('--patient <id>', 'this patient (FHIR id)', collect)
    .option('--within-facility <name>', 'the share is of this facility only', collect)
    .option('--within-client <name>', 'the share is of this client only', collect)
    .action(async (endpoint: string, options: CohortOptions) => {
      const { percent, facility, client, patient, withinFacility, withinClient } = options;
      const within =
        withinFacility || withinClient ? { facilities: withinFacility, clients: withinClient } : undefined;
      const cohort = { percent, within, facilities: facility, clients: client, patients: patient };
      say(await change(endpoint, 'cohort', options, { cohort }));
    });
}
