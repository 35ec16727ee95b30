import { createAuditBackend } from '../../audit/backend.ts';
import { registerAuditMetrics } from '../../audit/metrics.ts';
import { createRefusals } from '../../audit/refusals.ts';
import type { Refusals } from '../../audit/refusals.ts';
import { createAuditTrail } from '../../audit/trail.ts';
import type { AuditTrail } from '../../audit/trail.ts';
import type { Metrics } from '../../metrics.ts';
import type { Backend, Clock, Logger } from '../../ports.ts';
import type { AuditSink } from '../../security-ports.ts';
import { createTimeZone } from '../../search/time-zone.ts';
import { openAuditStore } from '../../store/sqlite-audit.ts';
import type { Assembly } from '../assembly.ts';
import { auditFile } from './file.ts';
import { createThreadedKeeper } from './keeper.ts';
import { startRepositoryFeed } from './repository-feed.ts';

/** The audit of a running Ficus. */
export interface Audit {
  /** Takes what happened anywhere in Ficus. */
  readonly sink: AuditSink;
  /** Takes who was turned away at the door. */
  readonly refused: Refusals['refused'];
  /** Answers AuditEvents; absent: security is open, and nobody is known to be allowed to see them. */
  readonly events?: Backend;
  /** What is not as it should be, in words without patient data. */
  problems(): readonly string[];
  /** Writes what waits, and lets go of the file. */
  stop(): Promise<void>;
}

export interface AuditOptions {
  readonly assembly: Assembly;
  readonly stateDir: string;
  readonly publicBase: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Until more is let go of, where there is much. */
const AGAIN_MS = 250;

/** Where nothing is to be recorded. */
const NO_AUDIT: Audit = {
  sink: { write: async () => {} },
  refused: async () => {},
  problems: () => ['nothing is audited'],
  stop: async () => {},
};

/**
 * Opens the trail of a configuration; that nothing is to be recorded is said loudly.
 * @throws Error when it cannot be opened
 */
export function openAudit(options: AuditOptions): Audit {
  const { assembly, stateDir, publicBase, clock, log, metrics } = options;
  const { config } = assembly;
  const { enabled, durability, whenUnavailable, gatherMs, keepDays, repository } = config.audit;
  if (!enabled) {
    log.warn('Nothing is audited: nobody will be able to say who has read what');
    return NO_AUDIT;
  }
  const file = auditFile(stateDir);
  // Looks, and moves followers on, who send again what they do not remember to have sent.
  const store = openAuditStore(file, { durability: 'normal', checkpointPages: 0 });
  const feed =
    repository && startRepositoryFeed({ config: repository, store, publicBase, assembly, clock, log });
  const trail = createAuditTrail({
    keeper: createThreadedKeeper({ file, durability }),
    head: () => store.head(),
    clock,
    log,
    whenUnavailable,
    gatherMs,
    keepMs: keepDays * DAY_MS,
    onWritten: () => feed?.wake(),
  });
  const refusals = createRefusals({ sink: trail, clock });
  registerAuditMetrics(metrics.registry, () => trail.figures(), feed && (() => feed.status().owed));
  const stopForgetting = forgetHourly(trail, clock, log);
  const open = config.security === 'open';
  return {
    sink: trail,
    refused: (refusal) => refusals.refused(refusal),
    ...(open ? {} : { events: eventsOf(options, store) }),
    problems: () => [
      ...(trail.figures().failing ? ['the audit trail cannot be written'] : []),
      ...(feed?.problems() ?? []),
    ],
    async stop() {
      stopForgetting();
      const counts = refusals.close();
      await counts;
      await trail.close();
      await feed?.stop();
      store.close();
    },
  };
}

function eventsOf(
  { assembly, publicBase, clock }: AuditOptions,
  store: Parameters<typeof createAuditBackend>[0]['store'],
): Backend {
  const { config, pages } = assembly;
  const { defaultCount, maxGathered } = config.search;
  return createAuditBackend({
    store,
    source: { publicBase },
    clock,
    pages,
    zone: createTimeZone(config.timeZone),
    base: publicBase,
    defaultCount,
    maxGathered,
  });
}

/** Retention is looked at when Ficus starts, and every hour. */
function forgetHourly(trail: Pick<AuditTrail, 'forget'>, clock: Clock, log: Logger): () => void {
  let cancel = (): void => {};
  let stopped = false;
  const look = async (): Promise<void> => {
    let more = false;
    try {
      more = await trail.forget();
    } catch (error) {
      log.error('old audit records could not be let go of', { error });
    }
    if (!stopped) cancel = clock.after(more ? AGAIN_MS : HOUR_MS, () => void look());
  };
  void look();
  return () => {
    stopped = true;
    cancel();
  };
}
