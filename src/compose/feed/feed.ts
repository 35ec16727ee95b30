import { createMessageTypes } from '../../../adapters/hl7v2/intake/message-types.ts';
import { createSettlements } from '../../../adapters/hl7v2/intake/settlements.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { FeedConfig } from '../../config/feed-schema.ts';
import { feedHealth } from '../../events/feed/conservation.ts';
import type { FeedHealth } from '../../events/feed/conservation.ts';
import { registerAnswerMetrics } from '../../events/feed/answers/metrics.ts';
import { registerFeedMetrics } from '../../events/feed/metrics.ts';
import type { FeedProcessor, ProcessorClient } from '../../events/feed/processor-client.ts';
import type { InboxLedger, MessageOutcome } from '../../feed-ports.ts';
import type { ReleaseStore } from '../../mapping/release.ts';
import { openInboxLedger } from '../../store/inbox-ledger.ts';
import { openReviewClosings } from '../../store/review-closings.ts';
import type { Metrics } from '../../metrics.ts';
import type { Clock, Logger } from '../../ports.ts';
import type { Assembly } from '../assembly.ts';
import type { Certificates } from '../certificates.ts';
import { interfaceProfile } from '../interface-profile.ts';
import { feedFiles } from './files.ts';
import { startIntake } from './intake-client.ts';
import { registerIntakeMetrics } from './intake-counts.ts';
import type { IntakeClient } from './intake-client.ts';
import { knownMessages } from './intake-wire.ts';
import { startProcessor } from './processor-worker.ts';
import { startFollowing } from './following.ts';
import type { Following, FollowingOptions } from './following.ts';
import { startAnswers } from './answers.ts';
import type { FeedAnswers } from './answers.ts';
import { createReviews, registerReviewMetrics } from './reviews.ts';
import type { Reviews } from './reviews.ts';
import { createReleases } from './releases.ts';
import type { Releases } from './releases.ts';
import type { FeedRecord } from './record.ts';

/** The feed of a running Ficus: the thread that takes messages, and the one that processes them. */
export interface Feed {
  readonly config: FeedConfig;
  /** TCP port of each interface. */
  readonly ports: Readonly<Record<string, number>>;
  /** As it was a moment ago: it is another thread's. */
  readonly intake: Pick<IntakeClient, 'stats' | 'held'>;
  /** For questions; what processes has its own. */
  readonly ledger: InboxLedger;
  readonly processor: FeedProcessor;
  /** Modern services that are filled, and who is told of topics. */
  readonly following: Following;
  readonly releases: Releases;
  /** What un-merges left for somebody to look at. */
  readonly reviews: Reviews;
  /** Application acknowledgements that senders are owed. */
  readonly answers: FeedAnswers;
  health(): FeedHealth;
  /** Takes no more, lets what is in hand become safe, ends the step in hand. */
  stop(): Promise<void>;
}

export interface FeedOptions {
  readonly loaded: LoadedConfig;
  readonly env: NodeJS.ProcessEnv;
  readonly assembly: Assembly;
  readonly publicBase: string;
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly record: FeedRecord;
  /** Backends that may be filled, and what tells which resources they made themselves. */
  readonly backends: FollowingOptions['backends'];
  readonly origins: FollowingOptions['origins'];
  readonly releases: ReleaseStore;
}

/** Messages are recounted so often, in milliseconds. */
const RECOUNT_MS = 3_600_000;

/** Recounts the messages now and then: whether the counts that are kept are what is there. */
function createRecount(processor: Pick<ProcessorClient, 'audit'>, clock: Clock, log: Logger) {
  let last: { readonly holds: boolean } | undefined;
  let cancel = clock.after(RECOUNT_MS, look);
  async function recount(): Promise<void> {
    try {
      last = await processor.audit();
      if (!last.holds) log.error('the messages of the feed are not what their counts say');
    } catch (error) {
      log.error('the messages of the feed could not be recounted', { error });
    }
  }
  function look(): void {
    void recount();
    cancel = clock.after(RECOUNT_MS, look);
  }
  return { last: () => last, stop: () => cancel() };
}

/** Longest that a message may wait, and be parked, before the health says so. */
const LIMITS = { waiting: 5 * 60_000, parked: 24 * 3_600_000 };

/**
 * Starts the feed of a configuration that has one: the inbox, then what processes, then the interfaces. Rejects, with
 * nothing left open, when an address is taken or a file cannot be opened.
 */
export async function startFeed(config: FeedConfig, options: FeedOptions): Promise<Feed> {
  const { loaded, assembly, stateDir, clock, log, metrics, record } = options;
  const files = feedFiles(stateDir);
  const undo: (() => Promise<void> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.toReversed()) await step();
  };
  try {
    const owners = Object.fromEntries(
      Object.entries(config.interfaces).map(([name, { owner }]) => [name, owner]),
    );
    let awake = (): void => {};
    const settlements = createSettlements((seq) => outcomeOf(ledger, seq));
    const intake = await startIntake({
      inbox: files.inbox,
      owners,
      types: knownMessages(assembly.mappings.messages.values()),
      most: { messages: config.pendingMessages, bytes: config.pendingBytes },
      settlements,
      answers: {
        askedAgain: (source, seq) => answers.askedAgain(source, seq),
        lost: (source, answer) => answers.lost(source, answer),
        abandoned: () => answers.abandoned(),
      },
      onStored: () => awake(),
      clock,
      log,
    });
    undo.push(() => intake.close());
    const ledger = openInboxLedger(files.inbox);
    undo.push(() => ledger.close());
    const following = startFollowing(config, {
      ...options,
      file: files.followers,
      delivery: loaded.config.migration.outbox,
    });
    undo.push(() => following.stop());
    const answers = startAnswers(config, {
      file: files.answers,
      ledger,
      types: createMessageTypes(assembly.mappings.messages.values()),
      certificates: assembly.certificates,
      delivery: loaded.config.migration.outbox,
      clock,
      log,
    });
    undo.push(() => answers.stop());
    const reviews = createReviews({
      found: (limit) => record.reading().reviews(limit),
      closings: openReviewClosings(files.reviews),
      ledger,
      ownerOf: (source) => owners[source ?? ''] ?? 'the operators of Ficus',
      clock,
    });
    undo.push(() => reviews.stop());
    const kept = await options.releases.load();
    const processor = startProcessor({
      data: { loaded, env: { ...options.env }, publicBase: options.publicBase, files, releases: kept },
      onSettled(outcomes) {
        settlements.settled(outcomes);
        following.wake();
        answers.wake();
      },
      onReturn() {
        settlements.lookAgain();
        following.wake();
        answers.wake();
      },
      clock,
      log,
    });
    awake = () => processor.wake();
    undo.push(() => processor.stop());
    const recount = createRecount(processor, clock, log);
    undo.push(recount.stop);
    // Before all else that is stopped.
    undo.push(() => intake.close());
    await intake.listen(profiles(config, assembly.certificates, intake));
    registerFeedMetrics(
      metrics.registry,
      () => ledger.figures(),
      () => clock.now(),
    );
    registerAnswerMetrics(
      metrics.registry,
      () => answers.counts(),
      () => clock.now(),
    );
    registerReviewMetrics(metrics.registry, reviews);
    registerIntakeMetrics(metrics.registry, intake);
    record.age = createAge({ ledger, intake, clock });
    for (const [name, port] of Object.entries(intake.ports))
      log.info('Listening for HL7v2 messages', {
        backend: name,
        address: `mllp://${config.interfaces[name]!.host}:${port}`,
      });
    return {
      config,
      ports: intake.ports,
      intake,
      ledger,
      processor,
      following,
      releases: createReleases(kept, { store: options.releases, processor, ledger, clock, log }),
      reviews,
      answers,
      health: () => {
        const { problems } = feedHealth({
          figures: ledger.figures(),
          journal: intake.journal,
          audit: recount.last(),
          receiving: intake.trouble,
          trouble: processor.trouble,
          now: clock.now(),
          limits: LIMITS,
        });
        const all = [...problems, ...following.problems(), ...answers.problems(), ...reviews.problems()];
        return { ok: all.length === 0, problems: all };
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function profiles(config: FeedConfig, certificates: Certificates, intake: Pick<IntakeClient, 'renew'>) {
  return Object.entries(config.interfaces).map(([name, { replies, ...one }]) => {
    const profile = interfaceProfile(name, one, certificates, (tls) => intake.renew(name, tls));
    // Certificates of reply addresses are used by whoever sends there.
    return replies ? { ...profile, replies: { host: replies.host, port: replies.port } } : profile;
  });
}

function outcomeOf(ledger: InboxLedger, seq: number): MessageOutcome | undefined {
  const found = ledger.find(seq)?.record;
  if (!found) return undefined;
  const { state, reason, detail, owner } = found;
  if (state !== 'processed' && state !== 'superseded' && state !== 'parked') return undefined;
  return {
    seq,
    state,
    ...(reason === undefined ? {} : { reason }),
    ...(detail === undefined ? {} : { detail }),
    ...(owner === undefined ? {} : { owner }),
  };
}

/** Counts are asked for again after so long, in milliseconds. */
const FRESH_MS = 250;

/**
 * How old what the projection answers may be, in seconds: the age of the oldest message that waits; 0 while none does
 * and some sender is connected; else the time since somebody was.
 */
function createAge({
  ledger,
  intake,
  clock,
}: {
  readonly ledger: InboxLedger;
  readonly intake: Pick<IntakeClient, 'stats'>;
  readonly clock: Clock;
}): () => number | undefined {
  let askedAt = -Infinity;
  let age: number | undefined;
  let heardAt: number | undefined;
  return () => {
    const now = clock.now();
    if (now - askedAt < FRESH_MS) return age;
    askedAt = now;
    const connected = Object.values(intake.stats).some(({ connections }) => connections > 0);
    if (connected) heardAt = now;
    else heardAt = latest(heardAt, ledger.list({ newestFirst: true, limit: 1 })[0]?.receivedAt);
    const since = ledger.figures().oldest.waiting ?? heardAt;
    age = since === undefined ? undefined : Math.max(0, (now - since) / 1_000);
    return age;
  };
}

function latest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || (other !== undefined && other > one) ? other : one;
}
