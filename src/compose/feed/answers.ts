import { createMllpPool } from '../../../adapters/hl7v2/client.ts';
import type { MllpPool } from '../../../adapters/hl7v2/client.ts';
import type { MessageTypes } from '../../../adapters/hl7v2/intake/message-types.ts';
import { promisedAnswer } from '../../../adapters/hl7v2/intake/promised.ts';
import type { AnswerCounts, AnswerStore, DeadAnswers } from '../../answer-ports.ts';
import type { FeedConfig, InterfaceConfig } from '../../config/feed-schema.ts';
import type { MigrationConfig } from '../../config/migration-schema.ts';
import { createAnswers } from '../../events/feed/answers/answers.ts';
import type { Answers, AnswersOptions } from '../../events/feed/answers/answers.ts';
import type { InboxLedger } from '../../feed-ports.ts';
import type { Clock, Logger } from '../../ports.ts';
import { openAnswerStore } from '../../store/answers.ts';
import type { Certificates } from '../certificates.ts';
import { interfaceProfile } from '../interface-profile.ts';

export interface FeedAnswersOptions {
  /** Where it is kept what senders are owed. */
  readonly file: string;
  readonly ledger: Pick<InboxLedger, 'list' | 'find'>;
  readonly types: MessageTypes;
  readonly certificates: Pick<Certificates, 'use'>;
  /** Pauses and attempts: those of the outbox. */
  readonly delivery: MigrationConfig['outbox'];
  readonly clock: Clock;
  readonly log: Logger;
}

/** What the interfaces of a feed owe their senders. */
export interface FeedAnswers {
  readonly list: AnswerStore['list'];
  /** Sends dead ones again. @returns how many */
  retry(which: DeadAnswers): number;
  /** Lets go of dead ones. @returns how many */
  discard(which: DeadAnswers): number;
  readonly counts: () => readonly AnswerCounts[];
  /** Messages may have ended, or an owner has decided. */
  wake(): void;
  /** See `Answers`, of an interface. */
  askedAgain(source: string, seq: number): void;
  lost(source: string, answer: Parameters<Answers['lost']>[0]): void;
  /** All connections of before are gone. */
  abandoned(): void;
  /** Why the answers of an interface are not taken now, and since when. */
  trouble(source: string): Answers['trouble'];
  /** What is not as it should be, in words without patient data. */
  problems(): readonly string[];
  stop(): Promise<void>;
}

/** What wakes is told at once; a look every second makes up for what was not told. */
const LOOK_MS = 1_000;
/** Longest that something may be owed before the health says so. */
const OWED_MS = 5 * 60_000;
const STOP_MS = 2_000;
const NO_ADDRESS = 'the interface has no reply address any more';

/**
 * Opens what is known of it, and begins to follow every interface whose senders may ask for application
 * acknowledgements.
 * @throws Error when the file cannot be opened
 */
export function startAnswers(config: FeedConfig, options: FeedAnswersOptions): FeedAnswers {
  const { clock, log, ledger } = options;
  const store = openAnswerStore(options.file);
  const pools: MllpPool[] = [];
  try {
    const asked = Object.entries(config.interfaces).filter(([, one]) => one.acknowledge !== 'original');
    const sent = new Set(asked.filter(([, { replies }]) => replies).map(([name]) => name));
    for (const { source, owed } of store.counts())
      if (owed > 0 && !sent.has(source))
        store.buryOlder(source, Number.MAX_SAFE_INTEGER, NO_ADDRESS, ownerOf(config, source), owed);
    const controlId = createControlIds(clock);
    const all = new Map(
      asked.map(([name, one]) => {
        // Certificates of its listener are used by whoever listens.
        const { tls: _tls, ...rest } = one;
        const profile = interfaceProfile(name, rest, options.certificates);
        const { replies } = profile;
        const pool = replies && createMllpPool({ ...replies, connections: 1, clock, log });
        if (pool) pools.push(pool);
        const promised: AnswersOptions['promised'] = (bytes, record) =>
          promisedAnswer(bytes, record, { profile, types: options.types, controlId, now: clock.now() });
        const reply = pool && replyOf(one, pool, options.delivery);
        const answers = createAnswers({
          source: name,
          ledger,
          store,
          promised,
          ...(reply ? { reply } : {}),
          clock,
          log,
        });
        return [name, answers] as const;
      }),
    );
    const wake = (): void => {
      for (const one of all.values()) one.wake();
    };
    wake();
    let cancel = clock.after(LOOK_MS, look);
    function look(): void {
      wake();
      cancel = clock.after(LOOK_MS, look);
    }
    const trouble = (source: string): Answers['trouble'] => all.get(source)?.trouble;
    return {
      list: (filter) => store.list(filter),
      retry(which) {
        const count = store.retry(which, clock.now());
        wake();
        return count;
      },
      discard: (which) => store.discard(which),
      counts: () => store.counts(),
      wake,
      askedAgain: (source, seq) => all.get(source)?.askedAgain(seq),
      lost: (source, answer) => all.get(source)?.lost(answer),
      abandoned() {
        for (const one of all.values()) one.abandoned();
      },
      trouble,
      problems: () => store.counts().flatMap((one) => problemsOf(config, one, trouble(one.source), clock)),
      async stop() {
        cancel();
        await Promise.all(Array.from(all.values(), (one) => one.stop()));
        await closed(pools, clock);
        store.close();
      },
    };
  } catch (error) {
    for (const pool of pools) void pool.close();
    store.close();
    throw error;
  }
}

function replyOf(
  { owner, replies }: InterfaceConfig,
  pool: MllpPool,
  { firstRetryMs, maxRetryMs, attempts }: MigrationConfig['outbox'],
): AnswersOptions['reply'] {
  return {
    owner,
    firstRetryMs,
    maxRetryMs,
    attempts,
    giveUpMs: replies!.giveUpHours * 3_600_000,
    send: async (payload) => {
      const answer = await pool.exchange(payload, { expects: 'write' });
      return answer.value('MSA', 1) ?? '';
    },
  };
}

/** Whoever never answers is not waited for: what it was sent is sent again after the next start. */
async function closed(pools: readonly MllpPool[], clock: Clock): Promise<void> {
  let cancel = (): void => {};
  const longest = new Promise<void>((resolve) => (cancel = clock.after(STOP_MS, resolve)));
  await Promise.race([Promise.all(pools.map((pool) => pool.close())), longest]);
  cancel();
}

function ownerOf(config: FeedConfig, source: string): string {
  return config.interfaces[source]?.owner ?? 'the operators of Ficus';
}

function problemsOf(
  config: FeedConfig,
  { source, owed, dead, oldest }: AnswerCounts,
  trouble: Answers['trouble'],
  clock: Clock,
): string[] {
  const since = oldest === undefined ? 0 : clock.now() - oldest;
  const why = trouble === undefined ? '' : `: ${trouble.words}`;
  return [
    ...(dead > 0
      ? [
          `answers: ${dead} application acknowledgements of ${source} were not taken; ${ownerOf(config, source)} decides`,
        ]
      : []),
    ...(owed > 0 && since > OWED_MS
      ? [
          `answers: ${source} owes application acknowledgements for ${Math.floor(since / 1_000)} seconds${why}`,
        ]
      : []),
  ];
}

/**
 * MSH-10 of these acknowledgements: unlike those that the interfaces give, and those of earlier runs; at most 20
 * characters.
 */
function createControlIds(clock: Clock): () => string {
  const run = clock.now().toString(36).toUpperCase();
  let serial = 0;
  return () => `${run}E${(serial++).toString(36).toUpperCase().padStart(5, '0')}`;
}
