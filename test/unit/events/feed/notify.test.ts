import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/clock.ts';
import { FicusError } from '../../../../src/errors.ts';
import { notificationOf } from '../../../../src/events/feed/notification.ts';
import { createNotifier } from '../../../../src/events/feed/notify.ts';
import type { Notifier } from '../../../../src/events/feed/notify.ts';
import { createTopicRecorder } from '../../../../src/events/feed/topic.ts';
import type { ProjectionEvent } from '../../../../src/projection-ports.ts';
import type { FollowerStore, TopicEvent } from '../../../../src/follower-ports.ts';
import { createLogger } from '../../../../src/log.ts';
import { openFollowerStore } from '../../../../src/store/followers.ts';
import { validateResource } from '../../../../src/fhir/validate.ts';
import { until } from './copy/support.ts';

const log = createLogger({ level: 'silent' });
const TOPIC = 'patient-merge';

/** A log with an event of each kind and type given. */
function logOf(events: readonly (readonly [kind: ProjectionEvent['kind'], type: string, id: string])[]) {
  const all = events.map(([kind, type, id], index): ProjectionEvent => {
    const other = kind === 'changed' ? {} : { other: 'survivor' };
    return { number: index + 1, kind, type, id, version: 1, at: 1_000 + index, message: 1, ...other };
  });
  return {
    events: (after: number, limit: number) => all.slice(after, after + limit),
    last: () => all.length,
  };
}

describe('a topic', () => {
  it('has the merges and un-merges of patients, with numbers of its own without gaps', () => {
    const store = openFollowerStore(':memory:');
    const events = logOf([
      ['changed', 'Patient', 'a'],
      ['merged', 'Patient', 'a'],
      ['merged', 'Encounter', 'e'],
      ['changed', 'Observation', 'o'],
      ['unmerged', 'Patient', 'a'],
    ]);
    const record = createTopicRecorder({ topic: TOPIC, events, store, log });
    expect(record()).toBe(false);
    expect(record()).toBe(false);
    expect(store.events(TOPIC, 0, 10)).toEqual([
      { number: 1, kind: 'merged', type: 'Patient', id: 'a', other: 'survivor', at: 1_001 },
      { number: 2, kind: 'unmerged', type: 'Patient', id: 'a', other: 'survivor', at: 1_004 },
    ]);
    expect(store.events(TOPIC, 1, 10)).toHaveLength(1);
  });

  it('takes nothing twice, whenever the process that took it ended', () => {
    const store = openFollowerStore(':memory:');
    const many = Array.from({ length: 2_500 }, (_, nth) => {
      const kind: ProjectionEvent['kind'] = nth % 10 === 0 ? 'merged' : 'changed';
      return [kind, 'Patient', `p${nth}`] as const;
    });
    const events = logOf(many);
    expect(createTopicRecorder({ topic: TOPIC, events, store, log })()).toBe(true);
    const next = createTopicRecorder({ topic: TOPIC, events, store, log });
    while (next());
    createTopicRecorder({ topic: TOPIC, events, store, log })();
    const all = store.events(TOPIC, 0, 1_000);
    expect(all.map(({ number }) => number)).toEqual(Array.from({ length: 250 }, (_, nth) => nth + 1));
    expect(new Set(all.map(({ id }) => id)).size).toBe(250);
  });

  it('goes on with its numbers when the log was made anew', () => {
    const store = openFollowerStore(':memory:');
    const merged = logOf([
      ['merged', 'Patient', 'a'],
      ['merged', 'Patient', 'b'],
    ]);
    createTopicRecorder({ topic: TOPIC, events: merged, store, log })();
    createTopicRecorder({ topic: TOPIC, events: logOf([['merged', 'Patient', 'c']]), store, log })();
    expect(store.last(TOPIC)).toBe(2);
  });
});

function merges(store: FollowerStore, ...ids: string[]): void {
  const events = ids.map((id) => ({ kind: 'merged' as const, type: 'Patient', id, other: 'z', at: 1_000 }));
  store.record(TOPIC, events, 'topic', 1);
}

function notifierOf(store: FollowerStore, tell: (event: TopicEvent) => Promise<void>): Notifier {
  const subscribers = [{ name: 'portal', topic: TOPIC, tell } as const];
  return createNotifier({ subscribers, store, clock: systemClock, log, firstRetryMs: 1, maxRetryMs: 8 });
}

describe('a subscriber', () => {
  it('is told everything in order, the same number again until it takes it, and nothing before that', async () => {
    const store = openFollowerStore(':memory:');
    merges(store, 'a', 'b', 'c');
    const told: number[] = [];
    let failures = 3;
    const notifier = notifierOf(store, async ({ number }) => {
      told.push(number);
      if (number === 2 && (failures -= 1) >= 0) throw new FicusError('unavailable', 'It is away.');
    });
    notifier.wake();
    await until(() => notifier.status()[0]?.told === 3);
    expect(told).toEqual([1, 2, 2, 2, 2, 3]);
    expect(notifier.status()).toEqual([{ name: 'portal', topic: TOPIC, told: 3, last: 3 }]);
    await notifier.stop();
  });

  it('that is away is not asked more often because more happens, and everything is kept', async () => {
    const store = openFollowerStore(':memory:');
    merges(store, 'a');
    let asked = 0;
    const subscribers = [
      {
        name: 'portal',
        topic: TOPIC,
        tell: async () => {
          asked += 1;
          throw new FicusError('unavailable', 'It is away.');
        },
      } as const,
    ];
    const retry = { firstRetryMs: 60_000, maxRetryMs: 60_000 };
    const notifier = createNotifier({ subscribers, store, clock: systemClock, log, ...retry });
    notifier.wake();
    await until(() => notifier.status()[0]?.trouble !== undefined);
    for (const id of ['b', 'c', 'd']) {
      merges(store, id);
      notifier.wake();
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked).toBe(1);
    expect(notifier.status()).toMatchObject([{ told: 0, last: 4, trouble: { words: 'It is away.' } }]);
    await notifier.stop();
  });

  it('is told from where it was by the next process', async () => {
    const store = openFollowerStore(':memory:');
    merges(store, 'a', 'b');
    const told: number[] = [];
    const tell = async ({ number }: TopicEvent) => void told.push(number);
    const first = notifierOf(store, tell);
    first.wake();
    await until(() => told.length === 2);
    await first.stop();
    merges(store, 'c');
    const second = notifierOf(store, tell);
    second.wake();
    await until(() => told.length === 3);
    expect(told).toEqual([1, 2, 3]);
    await second.stop();
  });
});

describe('a notification', () => {
  const event = { number: 7, kind: 'merged', type: 'Patient', id: 'old', other: 'new', at: 0 } as const;
  const bundle = notificationOf(event, 'portal', TOPIC, 'http://ficus.example/fhir/r4');

  it('is a valid Bundle of ids only, the same whenever it is made', () => {
    expect(notificationOf(event, 'portal', TOPIC, 'http://ficus.example/fhir/r4')).toEqual(bundle);
    expect(validateResource(bundle)).toEqual([]);
    const entries = bundle['entry'] as { resource?: { resourceType: string } }[];
    expect(entries.map(({ resource }) => resource?.resourceType)).toEqual(['Parameters', undefined]);
  });

  it('says its number, what it is about and who survived', () => {
    const text = JSON.stringify(bundle);
    expect(text).toContain('{"name":"event-number","valueString":"7"}');
    expect(text).toContain(
      '{"name":"focus","valueReference":{"reference":"http://ficus.example/fhir/r4/Patient/old"}}',
    );
    expect(text).toContain(
      '{"name":"additional-context","valueReference":{"reference":"http://ficus.example/fhir/r4/Patient/new"}}',
    );
  });
});
