import { array, asyncProperty, assert, constantFrom, integer } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBudget } from '../../../../src/strangler/experiment/budget.ts';
import type { Permit } from '../../../../src/strangler/experiment/budget.ts';
import { createFakeClock, settled } from '../../resilience/support.ts';

const never = new AbortController().signal;

describe('a budget', () => {
  it('is full by concurrency until a permit is released, and releases a permit once', () => {
    const budget = createBudget({ concurrency: 2, perSecond: 100, clock: createFakeClock() });
    const [one] = [budget.take(), budget.take()];
    expect(budget.full()).toBe('concurrency');
    expect(() => budget.take()).toThrow(RangeError);
    one.release();
    one.release();
    expect([budget.full(), budget.inFlight]).toEqual([undefined, 1]);
  });

  it('is full by rate when a second’s permits are taken, and fills evenly', async () => {
    const clock = createFakeClock();
    const budget = createBudget({ concurrency: 50, perSecond: 4, clock });
    for (let nth = 0; nth < 4; nth++) budget.take().release();
    expect(budget.full()).toBe('rate');
    await clock.advance(249);
    expect(budget.full()).toBe('rate');
    await clock.advance(1);
    expect(budget.full()).toBeUndefined();
    budget.take().release();
    await clock.advance(60_000);
    for (let nth = 0; nth < 4; nth++) budget.take().release();
    expect(budget.full()).toBe('rate');
  });

  it('gives one permit in ten seconds at 0.1 a second', async () => {
    const clock = createFakeClock();
    const budget = createBudget({ concurrency: 5, perSecond: 0.1, clock });
    budget.take().release();
    await clock.advance(9_999);
    expect(budget.full()).toBe('rate');
    await clock.advance(1);
    expect(budget.full()).toBeUndefined();
  });

  it('serves those who wait in their order, before anybody new, and by the rate', async () => {
    const clock = createFakeClock();
    const budget = createBudget({ concurrency: 1, perSecond: 2, clock });
    const first = budget.take();
    const order: string[] = [];
    const permits: Permit[] = [];
    for (const name of ['a', 'b', 'c']) {
      void budget.wait(never).then((permit) => {
        order.push(name);
        permits.push(permit);
      });
    }
    first.release();
    await settled();
    expect(order).toEqual(['a']);
    permits[0]?.release();
    await settled();
    // A token is needed; whoever comes now does not get it.
    expect([order, budget.full(), budget.waiting]).toEqual([['a'], 'rate', 2]);
    await clock.advance(500);
    expect(order).toEqual(['a', 'b']);
    permits[1]?.release();
    await clock.advance(500);
    expect(order).toEqual(['a', 'b', 'c']);
  });

  it('gives nobody new what has become free while others wait, though their timer is late', async () => {
    let now = 0;
    const clock = { now: () => now, after: () => () => {} };
    const budget = createBudget({ concurrency: 5, perSecond: 1, clock });
    budget.take().release();
    void budget.wait(never);
    now = 5_000;
    expect([budget.waiting, budget.full()]).toEqual([1, 'rate']);
  });

  it('lets who waits leave with the reason of the signal', async () => {
    const budget = createBudget({ concurrency: 1, perSecond: 10, clock: createFakeClock() });
    const held = budget.take();
    const controller = new AbortController();
    const waiting = budget.wait(controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(budget.wait(controller.signal)).rejects.toThrow('enough');
    held.release();
    expect([budget.waiting, budget.inFlight, budget.full()]).toEqual([0, 0, undefined]);
  });

  it('never has more in flight, nor gives more a second, than it may, whatever is asked of it', async () => {
    const steps = array(constantFrom('take', 'wait', 'release', 'pass'), { maxLength: 80 });
    const limits = integer({ min: 1, max: 4 });
    await assert(
      asyncProperty(steps, limits, limits, async (todo, concurrency, perSecond) => {
        const clock = createFakeClock();
        const begun = clock.now();
        const budget = createBudget({ concurrency, perSecond, clock });
        const held: Permit[] = [];
        let given = 0;
        const got = (permit: Permit) => {
          held.push(permit);
          given += 1;
        };
        for (const step of todo) {
          if (step === 'take' && budget.full() === undefined) got(budget.take());
          else if (step === 'wait') void budget.wait(never).then(got);
          else if (step === 'release') held.shift()?.release();
          else if (step === 'pass') await clock.advance(100);
          await settled();
          expect(budget.inFlight).toBe(held.length);
          expect(budget.inFlight).toBeLessThanOrEqual(concurrency);
          const seconds = (clock.now() - begun) / 1_000;
          expect(given).toBeLessThanOrEqual(Math.max(1, perSecond) + perSecond * seconds + 1e-6);
        }
      }),
      { numRuns: 60 },
    );
  });
});
