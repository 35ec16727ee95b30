import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../clock.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { AfterDeath, InHand } from '../../events/feed/in-hand.ts';
import { runProcessorThread } from '../../events/feed/processor-thread.ts';
import { createLogger } from '../../log.ts';
import type { MappingRelease } from '../../mapping/release.ts';
import { PROJECTION_MIGRATIONS } from '../../projection/schema.ts';
import { createProjectionWriter } from '../../projection/writer.ts';
import { createTimeZone } from '../../search/time-zone.ts';
import { openDatabase } from '../../store/database.ts';
import { openInboxLedger } from '../../store/inbox-ledger.ts';
import { ownerOf } from '../../store/inbox-owner.ts';
import { assemble } from '../assembly.ts';
import { indexedBy } from './files.ts';
import type { FeedFiles } from './files.ts';
import { messageReaderOf } from './message-reader.ts';
import { createReadAhead } from './read-ahead.ts';
import { startReading, yieldToOthers } from './reading.ts';

/** What the thread that processes the feed is started with. */
export interface ProcessorData {
  readonly loaded: LoadedConfig;
  readonly env: NodeJS.ProcessEnv;
  readonly publicBase: string;
  readonly files: FeedFiles;
  /** Releases of mappings, as they were kept when it was started. */
  readonly releases: readonly MappingRelease[];
  /** What it shows to whoever watches it. */
  readonly inHand: InHand;
  /** A thread before this one ended by itself. */
  readonly after?: AfterDeath;
}

/** The thread that processes the feed: it puts together for itself what the configuration names. */
function start({ loaded, env, publicBase, files, releases, inHand, after }: ProcessorData): void {
  const { config } = loaded;
  const { feed, timeZone } = config;
  if (!parentPort || !feed) throw new Error('the processor of the feed is a thread of a Ficus with a feed');
  const assembly = assemble(loaded, env, systemClock);
  const log = createLogger({ level: config.log.level });
  const own = messageReaderOf(assembly, releases, systemClock);
  const { reader, ahead } = createReadAhead(own, releases, (now) =>
    startReading({ loaded, env, releases: now }),
  );
  runProcessorThread({
    port: parentPort,
    ledger: openInboxLedger(files.inbox),
    writer: createProjectionWriter(openDatabase(files.projection, PROJECTION_MIGRATIONS), {
      zone: createTimeZone(timeZone),
      base: publicBase,
      indexed: indexedBy(assembly.contract),
    }),
    reader,
    ahead,
    ownerOf: (reason, { source, sender }) =>
      ownerOf(reason, sender, feed.interfaces[source]?.owner ?? 'the operators of Ficus'),
    clock: systemClock,
    log,
    retentionDays: feed.retentionDays,
    inHand,
    ...(after ? { after } : {}),
  });
}

yieldToOthers();
start(workerData as ProcessorData);
