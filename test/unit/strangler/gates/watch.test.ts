import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../../src/errors.ts';
import type { Route } from '../../../../src/ports.ts';
import { addCall, addComparison, createTally } from '../../../../src/strangler/gates/tally.ts';
import { createWatch } from '../../../../src/strangler/gates/watch.ts';
import type { Breach, RollbackLimits, WatchState } from '../../../../src/strangler/gates/watch.ts';
import { createFakeClock, createTestLogger } from '../../resilience/support.ts';
import { call, comparison, createRandom, difference, different, ROUTE, START } from './support.ts';

const LIMITS: RollbackLimits = { automatic: true, criticals: 1, errorRate: 0.01, alpha: 0.001 };
const CANARY: Route = { ...ROUTE, stage: 'canary', cohort: { percent: 10 } };

function watched(
  limits: Partial<RollbackLimits> = {},
  route: Route = CANARY,
  refuse = 0,
  refusal: () => Error = () => new Error('changed meanwhile'),
) {
  const told: string[] = [];
  const breaches: Breach[] = [];
  const log = createTestLogger();
  const clock = createFakeClock(START);
  let refusals = refuse;
  const watch = createWatch({
    limits: { ...LIMITS, ...limits },
    route: (endpoint) => (endpoint === route.endpoint ? route : undefined),
    onHold: (breach) => void told.push(breach.words),
    onRollback: (breach) => {
      told.push(breach.words);
      breaches.push(breach);
      refusals -= 1;
      return refusals >= 0 ? Promise.reject(refusal()) : Promise.resolve();
    },
    clock,
    log,
  });
  const tally = createTally('Observation.search', route.run);
  const state = watch.start();
  const modern = (ok: boolean, more: object = {}) => {
    const seen = call({ side: 'modern', ok, run: route.run, ...more });
    addCall(tally, seen);
    watch.call(state, tally, seen);
  };
  const critical = () => {
    const seen = comparison({ ...different(difference()), run: route.run });
    addComparison(tally, seen);
    watch.compared(state, tally, seen);
  };
  return { watch, tally, state, told, breaches, log, clock, modern, critical };
}

describe('the watch over canary and modern', () => {
  it('holds first, then rolls back, when calls of modern certainly fail too often, and says so in words', () => {
    const { told, modern } = watched();
    const random = createRandom(21);
    for (let index = 0; index < 5_000; index += 1) modern(random() > 0.041);
    expect(told).toHaveLength(2);
    expect(told[0]).toMatch(
      /^Held Observation\.search in canary 10 %: error rate \d+\.\d % > 1\.0 % over \d+ calls, not yet certain$/,
    );
    expect(told[1]).toMatch(
      /^Rolled back Observation\.search from canary 10 % to shadow: error rate \d+\.\d % > 1\.0 % over \d+ calls$/,
    );
  });

  it('rolls back within the call that crosses the limit', () => {
    const { told, modern } = watched({}, { ...ROUTE, stage: 'modern' });
    let calls = 0;
    while (told.length < 2 && calls < 100) {
      modern(false);
      calls += 1;
    }
    expect(calls).toBe(5);
    expect(told.at(-1)).toBe(
      `Rolled back Observation.search from modern to shadow: error rate 100.0 % > 1.0 % over ${calls} calls`,
    );
  });

  it('names the rate since it went wrong, not the mean of a good month', () => {
    const { told, modern } = watched();
    for (let index = 0; index < 100_000; index += 1) modern(index % 1_000 !== 0);
    expect(told).toEqual([]);
    for (let index = 0; index < 200; index += 1) modern(index % 3 !== 0);
    const [, rate = '0', calls = '0'] =
      /error rate ([\d.]+) % > 1\.0 % over (\d+) calls$/.exec(told.at(-1) ?? '') ?? [];
    expect(Number(rate)).toBeGreaterThan(20);
    expect(Number(calls)).toBeLessThan(200);
  });

  it('rolls back at the first confirmed critical difference, in the call that tells of it', () => {
    const { told, breaches, critical } = watched();
    critical();
    expect(told).toEqual([
      'Rolled back Observation.search from canary 10 % to shadow: 1 critical difference (changed Observation.valueQuantity.unit) in 1 comparison, 1 is the limit',
    ]);
    expect(breaches).toEqual([
      expect.objectContaining({ endpoint: 'Observation.search', run: 2, at: '2026-03-01T08:00:00.000Z' }),
    ]);
    critical();
    expect(told).toHaveLength(1);
  });

  it('holds at half of the critical differences where several are allowed', () => {
    const { told, critical } = watched({ criticals: 4 });
    critical();
    expect(told).toEqual([]);
    critical();
    critical();
    critical();
    expect(told.map((words) => words.split(' ', 1)[0])).toEqual(['Held', 'Rolled']);
  });

  it.each([
    ['the experiment’s own calls', { path: 'shadow' }],
    ['legacy’s failures', { side: 'legacy' }],
  ])('is not moved by %s', (_name, more) => {
    const { told, modern } = watched();
    for (let index = 0; index < 500; index += 1) modern(false, more);
    expect(told).toEqual([]);
  });

  it.each([
    ['in shadow', {}, ROUTE],
    ['when it is switched off', { automatic: false }, CANARY],
  ])('rolls nothing back %s', (_name, limits, route) => {
    const { told, modern, critical } = watched(limits, route);
    for (let index = 0; index < 50; index += 1) modern(false);
    critical();
    expect(told).toEqual([]);
  });

  it('takes what is told of an older run for nothing of this one', () => {
    const { watch, told } = watched();
    const old = createTally('Observation.search', 1);
    const state = watch.start();
    for (let index = 0; index < 50; index += 1)
      watch.call(state, old, call({ side: 'modern', ok: false, run: 1 }));
    expect(told).toEqual([]);
  });

  it('tries again a second later when the roll back failed, and logs it once', async () => {
    const { told, log, clock, critical } = watched({}, CANARY, 2);
    critical();
    expect(told).toHaveLength(1);
    await clock.advance(1_000);
    expect(told).toHaveLength(2);
    await clock.advance(1_000);
    expect(told).toHaveLength(3);
    await clock.advance(60_000);
    expect(told).toHaveLength(3);
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
    expect(log.lines.filter(({ message }) => message === 'automatic roll back')).toHaveLength(1);
  });

  it('holds what ought to go back and cannot, with why, and says so again when that changes or an hour has passed', async () => {
    let why = 'it has no legacy backend';
    const refusal = () => new FicusError('unprocessable', `It cannot go to shadow: ${why}.`);
    const { told, log, clock, critical } = watched({}, CANARY, 10_000, refusal);
    const errors = () => log.lines.filter(({ level }) => level === 'error').length;
    const holds = () => told.filter((words) => words.includes('ought to go back'));
    critical();
    await clock.advance(60_000);
    expect(errors()).toBe(1);
    expect(holds()).toEqual([
      'Observation.search ought to go back from canary 10 % to shadow (1 critical difference (changed Observation.valueQuantity.unit) in 1 comparison, 1 is the limit), and cannot: It cannot go to shadow: it has no legacy backend.',
    ]);
    why = 'the backend is not there';
    await clock.advance(1_000);
    expect([errors(), holds().length]).toEqual([2, 2]);
    await clock.advance(3_600_000);
    expect([errors(), holds().length]).toEqual([3, 2]);
    expect(told.length).toBeGreaterThan(3_000);
  });

  it('goes on after a restart where it was, and does what was left undone', () => {
    const before = watched({ errorRate: 0.01 }, CANARY, 1);
    before.modern(false);
    const state = JSON.parse(JSON.stringify(before.state)) as WatchState;
    const after = watched();
    expect(state.errors.failures).toBe(1);
    after.watch.resume(state, before.tally);
    expect(after.told).toEqual([]);
    for (let index = 0; index < 4; index += 1)
      after.watch.call(state, before.tally, call({ side: 'modern', ok: false }));
    expect(after.told.at(-1)).toContain('error rate 100.0 % > 1.0 % over 5 calls');

    const undone = watched();
    undone.watch.resume({ ...state, alarm: 'rollback' }, before.tally);
    expect(undone.told.at(-1)).toMatch(/^Rolled back/);
  });

  it('begins its count anew when the limit has been changed', () => {
    const { watch, tally, told } = watched({ errorRate: 0.05 });
    const other = createWatchState(0.01);
    watch.resume(other, tally);
    expect(other.errors.limit).toBe(0.05);
    expect(other.errors.trials).toBe(0);
    expect(told).toEqual([]);
  });
});

function createWatchState(errorRate: number): WatchState {
  const { watch, tally } = watched({ errorRate, automatic: false });
  const state = watch.start();
  for (let index = 0; index < 50; index += 1) watch.call(state, tally, call({ side: 'modern', ok: false }));
  return state;
}
