import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseDial, type Dial } from '../../../sandbox/faults/dial.ts';
import { createJournal } from '../../../sandbox/faults/journal.ts';
import { createLatency } from '../../../sandbox/faults/latency.ts';
import { createSwitchboard } from '../../../sandbox/faults/switchboard.ts';

const dial = (input: Record<string, unknown>): Dial => ({ id: 'd', ...parseDial(input) });
const slow = (more: Record<string, unknown>): Dial => dial({ protocol: 'mllp', fault: 'slow', ...more });

describe('latency distributions', () => {
  const draw = (of: Dial, n = 4000): number[] => {
    const next = createLatency(of);
    return Array.from({ length: n }, next);
  };
  const quantile = (values: number[], q: number): number =>
    values.toSorted((a, b) => a - b)[Math.floor(q * values.length)] ?? 0;

  it('fixed', () => {
    expect(new Set(draw(slow({ delayMs: 25 })))).toEqual(new Set([25]));
  });

  it('uniform stays between its ends and fills the space', () => {
    const values = draw(slow({ minMs: 10, maxMs: 20 }));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...values)).toBeLessThanOrEqual(20);
    expect(quantile(values, 0.5)).toBeCloseTo(15, 0);
  });

  it('log-normal has the median and 95th percentile that were asked for', () => {
    const values = draw(slow({ p50Ms: 20, p95Ms: 200 }));
    expect(quantile(values, 0.5) / 20).toBeCloseTo(1, 0);
    expect(quantile(values, 0.95)).toBeGreaterThan(150);
    expect(quantile(values, 0.95)).toBeLessThan(260);
  });

  it('is the same for the same seed and another for another', () => {
    const input = { minMs: 0, maxMs: 1000 };
    expect(draw(slow(input), 5)).toEqual(draw(slow(input), 5));
    expect(draw(slow({ ...input, seed: 2 }), 5)).not.toEqual(draw(slow(input), 5));
  });
});

describe('the switchboard', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const lost = (more: Record<string, unknown> = {}): ReturnType<typeof parseDial> =>
    parseDial({ protocol: 'mllp', fault: 'lost', ...more });

  it('takes the newest dial that fits protocol and operation', async () => {
    const board = createSwitchboard();
    board.set(lost());
    board.set(parseDial({ protocol: 'mllp', fault: 'duplicate', operation: 'ADT^*' }));
    const fault = async (protocol: 'mllp' | 'soap', operation: string): Promise<string | undefined> =>
      (await board.take(protocol, operation))?.fault;
    expect(await fault('mllp', 'ADT^A28')).toBe('duplicate');
    expect(await fault('mllp', 'QBP^Q22')).toBe('lost');
    expect(await fault('soap', 'ADT^A28')).toBeUndefined();
  });

  it('lets `after` messages pass, takes `count`, and then the dial is gone', async () => {
    const board = createSwitchboard();
    board.set(lost({ after: 2, count: 2 }));
    const seen: boolean[] = [];
    for (let i = 0; i < 6; i += 1) seen.push((await board.take('mllp', 'X')) !== undefined);
    expect(seen).toEqual([false, false, true, true, false, false]);
    expect(board.list()).toEqual([]);
  });

  it('leaves a message that a newer dial lets pass to an older one', async () => {
    const board = createSwitchboard();
    board.set(lost());
    board.set(parseDial({ protocol: 'mllp', fault: 'duplicate', after: 2, count: 1 }));
    const seen: (string | undefined)[] = [];
    for (let i = 0; i < 4; i += 1) seen.push((await board.take('mllp', 'X'))?.fault);
    expect(seen).toEqual(['lost', 'lost', 'duplicate', 'lost']);
  });

  it('ends after its duration', async () => {
    const board = createSwitchboard();
    board.set(lost({ durationMs: 1000 }));
    vi.advanceTimersByTime(999);
    expect(await board.take('mllp', 'X')).toBeDefined();
    vi.advanceTimersByTime(1);
    expect(await board.take('mllp', 'X')).toBeUndefined();
  });

  it('tells who listens when a protocol goes down and comes back', () => {
    const board = createSwitchboard();
    const heard: (string | undefined)[] = [];
    board.onDown('soap', (mode) => heard.push(mode));
    board.set(parseDial({ protocol: 'soap', fault: 'down', durationMs: 50 }));
    board.set(parseDial({ protocol: 'mllp', fault: 'down' }));
    vi.advanceTimersByTime(50);
    const { id } = board.set(parseDial({ protocol: 'soap', fault: 'down', mode: 'reset' }));
    expect(board.remove(id)).toBe(true);
    expect(heard).toEqual(['refuse', undefined, 'reset', undefined]);
    expect(board.down('mllp')).toBe('refuse');
    board.clear();
    expect(board.down('mllp')).toBeUndefined();
  });
});

describe('the journal', () => {
  const entry = {
    protocol: 'mllp',
    operation: 'X',
    controlId: '1',
    sender: '',
    outcome: 'accepted',
    code: 'AA',
    bytes: 1,
  } as const;

  it('numbers entries and starts again after clear', () => {
    const journal = createJournal(() => 0);
    journal.add(entry);
    journal.add({ ...entry, controlId: '2' });
    expect(journal.list().map(({ number, controlId }) => [number, controlId])).toEqual([
      [1, '1'],
      [2, '2'],
    ]);
    journal.clear();
    journal.add(entry);
    expect(journal.list()[0]).toMatchObject({ number: 1, time: '1970-01-01T00:00:00.000Z' });
  });

  it('forgets the oldest beyond ten thousand', () => {
    const journal = createJournal(() => 0);
    for (let i = 0; i < 25_000; i += 1) journal.add(entry);
    const kept = journal.list();
    expect([kept.length, kept[0]?.number, kept.at(-1)?.number]).toEqual([10_000, 15_001, 25_000]);
  });
});
