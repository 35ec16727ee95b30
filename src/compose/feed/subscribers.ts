import type { SubscriberConfig } from '../../config/feed-schema.ts';
import type { MigrationConfig } from '../../config/migration-schema.ts';
import { createNotifier } from '../../events/feed/notify.ts';
import type { Notifier } from '../../events/feed/notify.ts';
import { notificationOf } from '../../events/feed/notification.ts';
import { TOPICS, createTopicRecorder } from '../../events/feed/topic.ts';
import type { ProjectionLog } from '../../projection-ports.ts';
import type { FollowerStore } from '../../follower-ports.ts';
import type { Clock, Logger } from '../../ports.ts';
import { createWebhook } from './webhook.ts';

export interface SubscribersOptions {
  readonly delivery: MigrationConfig['outbox'];
  readonly events: ProjectionLog;
  readonly store: FollowerStore;
  readonly publicBase: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Keeps the topics, whether somebody is told of them or not, and tells the subscribers of a configuration. */
export function createFeedSubscribers(
  configs: readonly SubscriberConfig[],
  { delivery, events, store, publicBase, clock, log }: SubscribersOptions,
): Notifier {
  const recorders = TOPICS.map((topic) => createTopicRecorder({ topic, events, store, log }));
  const webhooks = configs.map((config) => createWebhook(config));
  const notifier = createNotifier({
    ...delivery,
    subscribers: configs.map(({ name, topic }, index) => ({
      name,
      topic,
      tell: (event, signal) => webhooks[index]!.post(notificationOf(event, name, topic, publicBase), signal),
    })),
    store,
    clock,
    log,
  });
  let scheduled = false;
  let stopped = false;

  function record(): void {
    scheduled = false;
    if (stopped) return;
    try {
      const more = recorders.map((one) => one());
      if (more.includes(true)) schedule();
    } catch (error) {
      // Looked at again when the log is next said to have gone on, a second later at most.
      log.error('a topic cannot be written down', { error });
    }
    notifier.wake();
  }

  /** The event loop turns between two looks at the log. */
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(record);
  }

  return {
    wake: schedule,
    async stop() {
      stopped = true;
      await notifier.stop();
      await Promise.all(webhooks.map((one) => one.close()));
    },
    status: () => notifier.status(),
  };
}
