import type { Opener } from '../../identity/opener.ts';
import type { Backend, Clock } from '../../ports.ts';
import { wasUnasked } from '../../resilience/interaction.ts';
import { parseSearch } from '../../search/parse.ts';
import { AUTOMATIC } from '../../person.ts';
import type { ParseQuery } from '../../strangler/experiment/asked-request.ts';
import { createSteps } from '../../strangler/steps.ts';
import type { Steps } from '../../strangler/steps.ts';
import type { RouterMigration } from '../../strangler/router.ts';
import type { RouteTable } from '../../strangler/table.ts';
import type { Assembly } from '../assembly.ts';
import type { Installed } from '../backends.ts';
import type { WiringOptions } from '../wiring-options.ts';
import { createCompare, createComparing } from './comparing.ts';
import type { Comparing } from './comparing.ts';
import { createEvidence } from './evidence.ts';
import { createKeeping } from './keeping.ts';
import type { Keeping } from './keeping.ts';
import type { Evidence } from './evidence.ts';

export interface MigrationOptions extends WiringOptions {
  readonly assembly: Assembly;
  readonly table: RouteTable;
  readonly installed: ReadonlyMap<string, Installed>;
  readonly opener: Pick<Opener, 'key'>;
  /** What ages and days of evidence are counted by; deadlines and pauses go by `clock`. */
  readonly calendar: Clock;
}

/** Everything that moves endpoints, put together. */
export interface Migration {
  /** What the router needs of it. */
  readonly router: RouterMigration;
  readonly steps: Steps;
  readonly evidence: Evidence;
  readonly comparing: Comparing;
  readonly keeping: Keeping;
  /** Reads back what was known; begins to deliver. Before the first request. */
  start(): Promise<void>;
  /** What is under way has a moment to end; what was seen is kept. */
  stop(): Promise<void>;
}

export async function createMigration(options: MigrationOptions): Promise<Migration> {
  const { assembly, table, installed, opener, stores, clock, calendar, log, metrics, publicBase } = options;
  const { config, contract, secrets } = assembly;
  const { migration } = config;
  const backends = new Map([...installed].map(([name, one]): [string, Backend] => [name, one.backend]));
  const bare = new Map([...installed].map(([name, one]): [string, Backend] => [name, one.bare]));
  const modernUrls = Object.values(config.backends).flatMap((one) =>
    one.kind === 'modern' ? [one.url] : [],
  );
  const compare = createCompare(assembly, [publicBase, ...modernUrls]);
  const parse: ParseQuery = (type, pairs, handling) =>
    parseSearch(type, pairs, {
      rules: contract,
      handling,
      base: publicBase,
      maxCount: config.search.maxCount,
    });
  const keeping = await createKeeping({
    config: migration,
    stores,
    table,
    backends,
    keyOf: (type, id) => opener.key(type, id),
    compare,
    parse,
    clock,
    log,
  });
  const { pins, writer } = keeping.writes;
  const evidence = createEvidence({
    config: migration,
    store: stores.evidence,
    table,
    contract,
    installed,
    pins,
    driftOf: (endpoint) => stores.drift.latest(endpoint),
    fillsOf: () => stores.backfills.list(),
    deliveredOf: async (endpoint) => {
      const counts = (await stores.outbox.counts()).filter((one) => one.endpoint === endpoint);
      const of = (side: string): number =>
        counts
          .filter(({ name, toward }) => name === 'delivered' && toward === side)
          .reduce((sum, { count }) => sum + count, 0);
      return { legacy: of('legacy'), modern: of('modern') };
    },
    rulesOf: (endpoint) => comparing.rules.list(endpoint),
    onHold: ({ endpoint, run, words }) => {
      if (table.get(endpoint)?.run !== run) return undefined;
      return steps.hold(endpoint, { by: AUTOMATIC, reason: words });
    },
    onRollback: ({ endpoint, run, words }) => {
      if (table.get(endpoint)?.run !== run) return undefined;
      return steps.rollback(endpoint, { by: AUTOMATIC, reason: words, to: 'shadow' });
    },
    clock,
    calendar,
    log,
  });
  const steps: Steps = createSteps({
    table,
    backends: [...installed.values()],
    judge: (route, to) => evidence.judge(route, to),
    owed: (side, endpoint) => pins.owed(side, endpoint),
    percentages: migration.steps,
    mayForce: migration.mayForce,
    clock: calendar,
    keep: (step) => evidence.keep(step),
  });
  const comparing: Comparing = await createComparing({
    config: migration,
    stores,
    table,
    backends: bare,
    compare,
    pins,
    evidence: evidence.sink,
    severityOf: (endpoint, signature) => {
      const run = table.get(endpoint)?.run;
      const seen = run === undefined ? undefined : evidence.recorder.tally(endpoint, run)?.signatures;
      return [...(seen?.values() ?? [])].find((one) => one.signature === signature)?.severity;
    },
    freshRun: (endpoint, by, reason) => {
      const words = `a replay counts anew${reason === undefined ? '' : `: ${reason}`}`;
      return steps.freshEvidence(endpoint, { by, reason: words });
    },
    parse,
    key: secrets.migrationKey,
    clock,
    calendar,
    log,
  });
  return {
    router: {
      cohortKey: secrets.migrationKey,
      pins,
      clock,
      evidence: evidence.sink,
      wasUnasked,
      experiment: comparing.experiment,
      writer,
      mayHaveWritten: (endpoint) => evidence.recorder.traffic(endpoint)?.lastAsked.modern !== undefined,
      onFallback: (endpoint) => metrics.count('fallback', table.get(endpoint)?.modern ?? 'none'),
    },
    steps,
    evidence,
    comparing,
    keeping,
    async start() {
      await evidence.recorder.start(table.list());
      await keeping.start();
      for (const side of ['legacy', 'modern'] as const) {
        metrics.gauge('writes_owed', side, () => pins.owed(side).count);
        metrics.gauge('oldest_owed_seconds', side, () => pins.owed(side).oldestMs / 1_000);
      }
    },
    async stop() {
      await comparing.stop();
      await keeping.stop();
      await evidence.recorder.stop();
    },
  };
}
