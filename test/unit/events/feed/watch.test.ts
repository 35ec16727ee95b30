import { Registry } from 'prom-client';
import { describe, expect, it, vi } from 'vitest';
import { feedHealth } from '../../../../src/events/feed/conservation.ts';
import type { HealthInput } from '../../../../src/events/feed/conservation.ts';
import { registerFeedMetrics } from '../../../../src/events/feed/metrics.ts';
import { startRetention } from '../../../../src/events/feed/retention.ts';
import type { FeedCounts, InboxFigures } from '../../../../src/feed-ports.ts';
import { createTestClock } from './support.ts';

const counts: FeedCounts = {
  received: 21,
  waiting: 1,
  processed: 2,
  duplicate: 3,
  superseded: 4,
  parked: 5,
  rejected: 6,
};
const figures: InboxFigures = {
  interfaces: [{ source: 'adt', counts }],
  parked: [{ source: 'adt', reason: 'mapping-needed', count: 5 }],
  oldest: { waiting: 90_000, parked: 40_000 },
};

describe('the metrics of the feed', () => {
  it('show the inbox as it is when they are read', async () => {
    const registry = new Registry();
    let now: InboxFigures = figures;
    registerFeedMetrics(
      registry,
      () => now,
      () => 100_000,
    );
    const lines = async () => (await registry.metrics()).split('\n').filter((line) => /^[^#]/.test(line));
    expect(await lines()).toEqual([
      'ficus_feed_conserved 1',
      'ficus_feed_received_total{interface="adt"} 21',
      'ficus_feed_messages{interface="adt",state="waiting"} 1',
      'ficus_feed_messages{interface="adt",state="processed"} 2',
      'ficus_feed_messages{interface="adt",state="duplicate"} 3',
      'ficus_feed_messages{interface="adt",state="superseded"} 4',
      'ficus_feed_messages{interface="adt",state="parked"} 5',
      'ficus_feed_messages{interface="adt",state="rejected"} 6',
      'ficus_feed_parked{interface="adt",reason="mapping-needed"} 5',
      'ficus_feed_oldest_seconds{state="waiting"} 10',
      'ficus_feed_oldest_seconds{state="parked"} 60',
    ]);
    now = { interfaces: [{ source: 'adt', counts: { ...counts, received: 22 } }], parked: [], oldest: {} };
    const later = await lines();
    expect(later).toContain('ficus_feed_conserved 0');
    expect(later).toContain('ficus_feed_received_total{interface="adt"} 22');
    expect(later).toContain('ficus_feed_oldest_seconds{state="parked"} 0');
    expect(later.join('\n')).not.toContain('mapping-needed');
  });
});

describe('the health of the feed', () => {
  const well: HealthInput = {
    figures,
    audit: { holds: true },
    trouble: undefined,
    now: 100_000,
    limits: { waiting: 10_000, parked: 60_000 },
  };
  it('is good while the law holds, the processor goes on and nobody waits too long', () => {
    expect(feedHealth(well)).toEqual({ ok: true, problems: [] });
    expect(feedHealth({ ...well, audit: undefined }).ok).toBe(true);
  });

  it.each<readonly [string, Partial<HealthInput>, string]>([
    [
      'the counts do not add up',
      { figures: { ...figures, interfaces: [{ source: 'adt', counts: { ...counts, received: 20 } }] } },
      'conservation: the counts of interface adt do not add up',
    ],
    [
      'the recount differs',
      { audit: { holds: false } },
      'conservation: the messages are not what the counts say',
    ],
    [
      'the journal is not written',
      { journal: { failures: 2, failing: { since: 95_000, code: 'EIO' } } },
      'journal: it cannot be written for 5 seconds (EIO), and is tried again; messages are made safe without it, more slowly',
    ],
    ['nothing is received', { receiving: 'the thread hangs' }, 'receiving: the thread hangs'],
    ['the processor is stuck', { trouble: 'Error (ENOSPC)' }, 'processor: Error (ENOSPC)'],
    [
      'something waits for too long',
      { limits: { waiting: 9_999, parked: 60_000 } },
      'waiting: the oldest message was received 10 seconds ago',
    ],
    [
      'nobody looked at what is parked',
      { limits: { waiting: 10_000, parked: 59_999 } },
      'parked: the oldest message was received 60 seconds ago',
    ],
  ])('is bad when %s', (_what, change, problem) => {
    expect(feedHealth({ ...well, ...change })).toEqual({ ok: false, problems: [problem] });
  });
});

describe('retention', () => {
  it('lets go in turns, tells how much, and looks again later', () => {
    const clock = createTestClock(10 * 86_400_000);
    const left = [2, 2, 1];
    const forget = vi.fn<(before: number, limit?: number) => number>(() => left.shift() ?? 0);
    const info = vi.fn<(message: string, fields?: unknown) => void>();
    const log = { info, error: () => {} };
    const stop = startRetention({ ledger: { forget }, days: 3, clock, log, every: 1_000, atOnce: 2 });
    clock.advance(0);
    expect(forget).toHaveBeenLastCalledWith(7 * 86_400_000, 2);
    clock.advance(20);
    expect(forget).toHaveBeenCalledTimes(3);
    expect(info.mock.calls).toEqual([[expect.any(String), { count: 5 }]]);
    clock.advance(1_000);
    expect(forget).toHaveBeenCalledTimes(4);
    stop();
    clock.advance(10_000);
    expect(forget).toHaveBeenCalledTimes(4);
    expect(info).toHaveBeenCalledOnce();
  });

  it('tries again later when the database could not', () => {
    const clock = createTestClock();
    let tries = 0;
    const forget = (): number => {
      tries += 1;
      if (tries === 1) throw new Error('locked');
      return 0;
    };
    const error = vi.fn<(message: string, fields?: unknown) => void>();
    startRetention({ ledger: { forget }, days: 3, clock, log: { info: () => {}, error }, every: 1_000 });
    clock.advance(1_000);
    expect(error).toHaveBeenCalledOnce();
    expect(tries).toBe(2);
  });
});
