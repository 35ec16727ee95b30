import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { createRunner } from '../../../../src/events/feed/runner.ts';
import { createTestClock, until } from './support.ts';

/** A processor that ends so many messages in each step, or throws. */
function running(...steps: (number | Error)[]) {
  const step = vi.fn<(limit: number) => number>(() => {
    const next = steps.shift() ?? 0;
    if (typeof next === 'number') return next;
    throw next;
  });
  const clock = createTestClock();
  const log = { error: vi.fn<(message: string, fields?: unknown) => void>() };
  const onTrouble = vi.fn<(words: string | undefined) => void>();
  const runner = createRunner({ processor: { step }, clock, log, onTrouble, batch: 7 });
  return { step, clock, log, onTrouble, runner, add: (...more: (number | Error)[]) => steps.push(...more) };
}

describe('a runner', () => {
  it('steps until nothing waits, then sleeps until it is woken', async () => {
    const { runner, step, add } = running(7, 3);
    await turn();
    expect(step).not.toHaveBeenCalled();
    runner.wake();
    runner.wake();
    await until(() => step.mock.calls.length === 3);
    expect(step).toHaveBeenCalledWith(7);
    for (let turns = 0; turns < 10; turns++) await turn();
    expect(step).toHaveBeenCalledTimes(3);
    add(1);
    runner.wake();
    await until(() => step.mock.calls.length === 5);
  });

  it('looks again when it is woken during a step', async () => {
    const seen: number[] = [];
    const runner = createRunner({
      processor: {
        step() {
          seen.push(seen.length);
          if (seen.length === 1) runner.wake();
          return 0;
        },
      },
      clock: createTestClock(),
      log: { error: () => {} },
    });
    runner.wake();
    await until(() => seen.length === 2);
    for (let turns = 0; turns < 10; turns++) await turn();
    expect(seen).toHaveLength(2);
  });

  it('tries again after a step that failed, with longer and longer pauses, and says what is wrong', async () => {
    const fault = new TypeError('SECRET');
    const { runner, step, clock, log, onTrouble, add } = running(fault, fault, 1);
    runner.wake();
    await until(() => step.mock.calls.length === 1);
    expect(log.error).toHaveBeenCalledOnce();
    expect(onTrouble).toHaveBeenLastCalledWith('TypeError');
    runner.wake();
    for (let turns = 0; turns < 10; turns++) await turn();
    expect(step).toHaveBeenCalledTimes(1);
    clock.advance(100);
    await until(() => step.mock.calls.length === 2);
    clock.advance(199);
    for (let turns = 0; turns < 10; turns++) await turn();
    expect(step).toHaveBeenCalledTimes(2);
    clock.advance(1);
    await until(() => step.mock.calls.length === 4);
    expect(onTrouble).toHaveBeenLastCalledWith(undefined);
    add(fault);
    runner.wake();
    await until(() => step.mock.calls.length === 5);
    clock.advance(100);
    await until(() => step.mock.calls.length === 6);
  });

  it('begins no step after it was stopped, not even one that was due', async () => {
    const { runner, step, clock } = running(new Error('once'), 1);
    runner.wake();
    await until(() => step.mock.calls.length === 1);
    runner.stop();
    clock.advance(60_000);
    runner.wake();
    for (let turns = 0; turns < 10; turns++) await turn();
    expect(step).toHaveBeenCalledTimes(1);
  });
});
