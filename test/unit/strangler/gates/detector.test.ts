import { describe, expect, it } from 'vitest';
import { createDetector } from '../../../../src/strangler/gates/detector.ts';
import { createRandom } from './support.ts';

const LIMIT = 0.01;
const detector = createDetector(LIMIT);

/** Calls until the alarm, after `quiet` calls at half the limit; undefined: none within `longest`. */
function alarmAfter(
  random: () => number,
  options: { rate: number; alpha: number; longest: number; quiet?: number },
) {
  const state = detector.start();
  for (let call = 0; call < (options.quiet ?? 0); call += 1) detector.observe(state, random() < LIMIT / 2);
  for (let call = 1; call <= options.longest; call += 1) {
    detector.observe(state, random() < options.rate);
    if (detector.eValue(state) >= 1 / options.alpha) return { call, window: detector.window(state) };
  }
  return undefined;
}

describe('the detector of a rate over its limit', () => {
  it.each([
    { rate: LIMIT, seed: 11 },
    { rate: LIMIT / 2, seed: 12 },
  ])(
    'raises a false alarm in at most 5 % of 10,000 runs at a rate of $rate, looked at after each call',
    ({ rate, seed }) => {
      const random = createRandom(seed);
      let alarms = 0;
      for (let run = 0; run < 10_000; run += 1)
        if (alarmAfter(random, { rate, alpha: 0.05, longest: 300 })) alarms += 1;
      expect(alarms).toBeLessThanOrEqual(500);
    },
  );

  it('raises none in a long run at the limit', () => {
    const random = createRandom(13);
    expect(alarmAfter(random, { rate: LIMIT, alpha: 0.001, longest: 500_000 })).toBeUndefined();
  });

  it.each([
    { rate: 0.3, within: 40, quiet: 0 },
    { rate: 0.3, within: 90, quiet: 100_000 },
    { rate: 0.041, within: 700, quiet: 0 },
    { rate: 1, within: 5, quiet: 0 },
  ])(
    'notices a rate of $rate after $quiet good calls within $within calls in the mean',
    ({ rate, within, quiet }) => {
      const random = createRandom(14);
      const runs = quiet > 0 ? 5 : 200;
      const calls = Array.from({ length: runs }, () =>
        alarmAfter(random, { rate, alpha: 0.001, longest: 20_000, quiet }),
      );
      expect(calls.every((alarm) => alarm !== undefined)).toBe(true);
      expect(calls.reduce((sum, alarm) => sum + (alarm?.call ?? 0), 0) / runs).toBeLessThan(within);
    },
  );

  it('names the stretch that speaks the loudest, whose rate is over the limit', () => {
    const random = createRandom(15);
    for (let run = 0; run < 50; run += 1) {
      const alarm = alarmAfter(random, { rate: 0.1, alpha: 0.001, longest: 20_000, quiet: 5_000 });
      const { trials, failures } = alarm!.window;
      expect(failures / trials).toBeGreaterThan(LIMIT);
      expect(trials).toBeLessThan(5_000);
    }
  });

  it('goes on from what was stored', () => {
    const random = createRandom(16);
    let stored = detector.start();
    const kept = detector.start();
    for (let call = 0; call < 2_000; call += 1) {
      const failed = random() < LIMIT;
      detector.observe(kept, failed);
      detector.observe(stored, failed);
      stored = JSON.parse(JSON.stringify(stored)) as typeof stored;
    }
    expect(stored).toEqual(kept);
  });

  it('takes the first failure for certain where none is allowed, and nothing where all are', () => {
    const [none, all] = [createDetector(0), createDetector(1)];
    const [strict, lax] = [none.start(), all.start()];
    for (let call = 0; call < 1_000; call += 1) none.observe(strict, false);
    expect(none.eValue(strict)).toBeLessThan(2);
    none.observe(strict, true);
    expect(none.eValue(strict)).toBeGreaterThan(1e9);
    expect(none.window(strict)).toEqual({ trials: 1, failures: 1 });
    for (let call = 0; call < 1_000; call += 1) all.observe(lax, true);
    expect(all.eValue(lax)).toBeLessThan(2);
  });
});
