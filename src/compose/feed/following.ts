import type { FeedConfig } from '../../config/feed-schema.ts';
import type { MigrationConfig } from '../../config/migration-schema.ts';
import type { Notifier } from '../../events/feed/notify.ts';
import type { FollowerStore } from '../../follower-ports.ts';
import type { Clock } from '../../ports.ts';
import { openFollowerStore } from '../../store/followers.ts';
import { createFeedCopies } from './copies.ts';
import type { CopiesOptions, NamedCopy } from './copies.ts';
import { createFeedSubscribers } from './subscribers.ts';
import type { SubscribersOptions } from './subscribers.ts';

/** Everything that follows what the feed has told. */
export interface Following {
  readonly copies: readonly NamedCopy[];
  readonly subscribers: Notifier;
  readonly store: Pick<FollowerStore, 'events' | 'last'>;
  /** The projection has gone on. */
  wake(): void;
  /** What is not as it should be, in words without patient data. */
  problems(): readonly string[];
  stop(): Promise<void>;
}

export interface FollowingOptions
  extends Omit<CopiesOptions, 'store' | 'delivery'>, Pick<SubscribersOptions, 'publicBase'> {
  /** Where followers stand. */
  readonly file: string;
  readonly delivery: MigrationConfig['outbox'];
}

/** What wakes is told at once; a look every second makes up for what was not told. */
const LOOK_MS = 1_000;
/** Longest that something may be owed before the health says so. */
const OWED_MS = 5 * 60_000;

/** Opens what followers know of themselves, and begins to follow. @throws Error when the file cannot be opened */
export function startFollowing(config: FeedConfig, options: FollowingOptions): Following {
  const { file, clock, record } = options;
  const store = openFollowerStore(file);
  try {
    const shared = { ...options, store };
    const copies = createFeedCopies(config.copies, shared);
    const subscribers = createFeedSubscribers(config.subscribers, { ...shared, events: record.log() });
    for (const { copy } of copies) copy.start();
    const wake = (): void => {
      for (const { copy } of copies) copy.wake();
      subscribers.wake();
    };
    wake();
    let cancel = clock.after(LOOK_MS, look);
    function look(): void {
      wake();
      cancel = clock.after(LOOK_MS, look);
    }
    return {
      copies,
      subscribers,
      store,
      wake,
      problems: () => [
        ...copies.flatMap((one) => copyProblems(one, clock)),
        ...subscriberProblems(config, subscribers, clock),
      ],
      async stop() {
        cancel();
        await Promise.all([...copies.map(({ copy }) => copy.stop()), subscribers.stop()]);
        store.close();
      },
    };
  } catch (error) {
    store.close();
    throw error;
  }
}

function copyProblems({ config: { to, owner }, copy }: NamedCopy, clock: Clock): string[] {
  const { dead, oldest, trouble } = copy.status();
  const owed = oldest === undefined ? 0 : clock.now() - oldest;
  const why = trouble === undefined ? '' : `: ${trouble}`;
  return [
    ...(dead > 0 ? [`copy: ${to} refused ${dead} resources; ${owner} decides`] : []),
    ...(owed > OWED_MS
      ? [`copy: ${to} is owed something for ${Math.floor(owed / 1_000)} seconds${why}`]
      : []),
  ];
}

function subscriberProblems(config: FeedConfig, subscribers: Notifier, clock: Clock): string[] {
  return subscribers.status().flatMap(({ name, trouble }) => {
    const since = trouble ? clock.now() - trouble.since : 0;
    if (!trouble || since <= OWED_MS) return [];
    const owner = config.subscribers.find((one) => one.name === name)?.owner ?? 'nobody';
    return [
      `subscriber: ${name} takes nothing for ${Math.floor(since / 1_000)} seconds (${trouble.words}); ${owner} is asked`,
    ];
  });
}
