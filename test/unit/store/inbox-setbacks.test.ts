import { expect, it } from 'vitest';
import { createSetbacks } from '../../../src/store/inbox-setbacks.ts';

it('a journal that fails is tried again less and less often, a minute apart at most, and soon once it has worked', () => {
  let now = 0;
  const setbacks = createSetbacks(() => now);
  const waits: number[] = [];
  const fail = (): void => {
    setbacks.failed('EIO');
    const from = now;
    while (!setbacks.mayTry()) now += 500;
    waits.push((now - from) / 1_000);
  };
  for (let times = 0; times < 8; times += 1) fail();
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  expect(setbacks.standing).toMatchObject({ failures: 8, failing: { code: 'EIO' } });
  setbacks.worked();
  expect(setbacks.standing).toEqual({ failures: 8 });
  fail();
  expect(waits.at(-1)).toBe(1);
});
