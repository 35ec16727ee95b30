import { expect, it, vi } from 'vitest';
import { watchBeats } from '../../../src/resilience/beats.ts';
import { createTestClock } from '../events/feed/support.ts';

const beats = new Int32Array(new SharedArrayBuffer(4));

it('a thread hangs when so many looks in a row find no beat, and is told of once', () => {
  const clock = createTestClock();
  const hung = vi.fn<() => void>();
  watchBeats(beats, { everyMs: 10, looks: 3, clock }, hung);
  for (let nth = 0; nth < 5; nth += 1) {
    clock.advance(10);
    clock.advance(10);
    beats[0]! += 1;
    clock.advance(10);
  }
  expect(hung).not.toHaveBeenCalled();
  for (let nth = 0; nth < 9; nth += 1) clock.advance(10);
  expect(hung).toHaveBeenCalledOnce();
});

it('looks no more when the watch has ended', () => {
  const clock = createTestClock();
  const hung = vi.fn<() => void>();
  watchBeats(beats, { everyMs: 10, looks: 1, clock }, hung)();
  clock.advance(1_000);
  expect(hung).not.toHaveBeenCalled();
});

it('a thread that is excused does not hang', () => {
  const clock = createTestClock();
  const hung = vi.fn<() => void>();
  let excused = true;
  watchBeats(beats, { everyMs: 10, looks: 3, clock, excused: () => excused }, hung);
  for (let nth = 0; nth < 9; nth += 1) clock.advance(10);
  expect(hung).not.toHaveBeenCalled();
  excused = false;
  for (let nth = 0; nth < 3; nth += 1) clock.advance(10);
  expect(hung).toHaveBeenCalledOnce();
});
