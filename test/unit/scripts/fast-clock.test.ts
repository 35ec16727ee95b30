import { describe, expect, it } from 'vitest';
import { createFastClock } from '../../../scripts/tour/fast-clock.ts';
import type { Clock } from '../../../src/ports.ts';

/** A wall clock that goes when it is told to. */
function createWall(): Clock & { pass: (ms: number) => void } {
  let now = 1_000;
  const alarms = new Set<{ due: number; callback: () => void }>();
  return {
    now: () => now,
    after(ms, callback) {
      const alarm = { due: now + ms, callback };
      alarms.add(alarm);
      return () => alarms.delete(alarm);
    },
    pass(ms) {
      now += ms;
      for (const alarm of [...alarms].filter(({ due }) => due <= now)) {
        alarms.delete(alarm);
        alarm.callback();
      }
    },
  };
}

describe('a fast clock', () => {
  it('begins with the wall and runs so many times as fast', () => {
    const wall = createWall();
    const clock = createFastClock(60, wall);
    expect(clock.now()).toBe(1_000);
    wall.pass(500);
    expect(clock.now()).toBe(31_000);
  });

  it('does not jump when its speed changes', () => {
    const wall = createWall();
    const clock = createFastClock(10, wall);
    wall.pass(100);
    clock.speed(1_000);
    expect(clock.now()).toBe(2_000);
    wall.pass(2);
    expect(clock.now()).toBe(4_000);
  });

  it('calls back by its own time, by the new speed after a change, and not when it is cancelled', () => {
    const wall = createWall();
    const clock = createFastClock(10, wall);
    const called: string[] = [];
    clock.after(1_000, () => called.push('first'));
    clock.after(10_000, () => called.push('second'));
    clock.after(1_000, () => called.push('never'))();
    wall.pass(99);
    expect(called).toEqual([]);
    wall.pass(1);
    expect(called).toEqual(['first']);
    clock.speed(9_000);
    wall.pass(1);
    expect(called).toEqual(['first', 'second']);
  });
});
