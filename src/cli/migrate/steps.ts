import type { Command } from 'commander';
import { askAdmin } from '../admin-client.ts';
import { collect, numberOption, pathOf, signed } from './command.ts';
import type { SignedOptions } from './command.ts';

interface Moved {
  readonly route: {
    readonly endpoint: string;
    readonly stage: string;
    readonly cohort?: { readonly percent: number };
    readonly retirement?: { readonly by: string };
    readonly version: number;
  };
  readonly warnings: readonly string[];
}

interface VersionOption {
  readonly ifVersion?: number;
}

function say({ route, warnings }: Moved, words: string): void {
  console.log(`${route.endpoint}: ${words} (version ${route.version})`);
  for (const warning of warnings) console.log(`  warning: ${warning}`);
}

const stageOf = ({ stage, cohort }: Moved['route']): string =>
  stage === 'canary' ? `canary ${cohort?.percent ?? 0} %` : stage;

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

/** `ficus migrate promote|rollback|hold|release|retire|note|cohort|evidence`. */
export function registerSteps(migrate: Command): void {
  signed(migrate.command('promote <endpoint>'))
    .description('one step forward, if every gate lets it through')
    .option(
      '--percent <number>',
      'share of the canary; default: the next configured step',
      numberOption('percent'),
    )
    .option('--if-version <number>', 'only if the route still has this version', numberOption('if-version'))
    .action(async (endpoint: string, options: SignedOptions & VersionOption & { percent?: number }) => {
      const { percent, ifVersion: version } = options;
      const moved = await change(endpoint, 'promote', options, { percent, version });
      say(moved, `now ${stageOf(moved.route)}`);
    });

  signed(migrate.command('rollback <endpoint>'))
    .description('back, at once; never gated')
    .option('--to <stage>', 'legacy, shadow or canary; default: shadow, from shadow legacy')
    .action(async (endpoint: string, options: SignedOptions & { to?: string }) => {
      const moved = await change(endpoint, 'rollback', options, { to: options.to });
      say(moved, `back at ${stageOf(moved.route)}`);
    });

  signed(migrate.command('hold <endpoint>'))
    .description('no step forward until it is released')
    .action(async (endpoint: string, options: SignedOptions) => {
      say(await change(endpoint, 'hold', options), 'held');
    });

  signed(migrate.command('release <endpoint>'))
    .description('take the hold away')
    .action(async (endpoint: string, options: SignedOptions) => {
      say(await change(endpoint, 'hold', options, {}, 'DELETE'), 'released');
    });

  signed(migrate.command('retire <endpoint>'))
    .description('modern only, for good: needs two different approvers, each with this command')
    .action(async (endpoint: string, options: SignedOptions) => {
      const moved = await change(endpoint, 'retire', options);
      const { stage, retirement } = moved.route;
      say(
        moved,
        stage === 'retired'
          ? 'retired; the legacy mapping of this endpoint is off'
          : `approved by ${retirement?.by ?? options.by}; somebody else has to approve, too`,
      );
    });

  signed(migrate.command('note <endpoint>'))
    .description('add a note (--reason) to the history')
    .action(async (endpoint: string, options: SignedOptions) => {
      say(await change(endpoint, 'note', options), 'noted');
    });

  signed(migrate.command('evidence <endpoint>'))
    .description('count anew from now on, because modern was changed')
    .action(async (endpoint: string, options: SignedOptions) => {
      say(await change(endpoint, 'evidence', options), 'evidence counts anew');
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
    .requiredOption('--percent <number>', 'share of patients (else of clients)', numberOption('percent'))
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
      const moved = await change(endpoint, 'cohort', options, { cohort });
      say(moved, `cohort changed, now ${stageOf(moved.route)}`);
    });
}
