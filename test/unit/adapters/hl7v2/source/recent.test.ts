import { describe, expect, it } from 'vitest';
import { createRecent } from '../../../../../adapters/hl7v2/source/recent.ts';
import { createFakeClock } from '../../../resilience/support.ts';

function recent(entries: number) {
  const clock = createFakeClock();
  return { clock, ...createRecent<number>({ entries, unusedMs: 1_000, clock }) };
}

/** Which of the keys are known; asking uses them. */
function known(
  { get }: { readonly get: (key: string) => number | undefined },
  keys: readonly string[],
): string[] {
  return keys.filter((key) => get(key) !== undefined);
}

describe('what was used lately', () => {
  it('is there again', () => {
    const it = recent(10);
    it.set('a', 1);
    it.set('b', 2);
    expect([it.get('a'), it.get('b'), it.get('c')]).toEqual([1, 2, undefined]);
  });

  it('is never more than it may be, and what is used stays', () => {
    const it = recent(10);
    const keys = Array.from({ length: 100 }, (_, at) => `key ${at}`);
    for (const key of keys) {
      it.set(key, 1);
      it.get('key 0');
    }
    const left = known(it, keys);
    expect(left).toContain('key 0');
    expect(left).toContain('key 99');
    expect(left.length).toBeLessThanOrEqual(10);
    expect(left.length).toBeGreaterThanOrEqual(5);
  });

  it.each([
    ['half of the time after its last use', 499, ['a']],
    ['all of the time, and is gone then', 1_000, []],
  ])('is kept for %s', async (_what, passed, left) => {
    const it = recent(10);
    it.set('a', 1);
    await it.clock.advance(passed);
    expect(known(it, ['a'])).toEqual(left);
  });

  it('is kept as long as it is used, and forgotten after that', async () => {
    const it = recent(10);
    it.set('a', 1);
    it.set('b', 1);
    for (let turn = 0; turn < 20; turn += 1) {
      await it.clock.advance(499);
      expect(it.get('a')).toBe(1);
    }
    expect(it.get('b')).toBeUndefined();
    await it.clock.advance(1_000);
    expect(it.get('a')).toBeUndefined();
    it.set('c', 1);
    await it.clock.advance(1_000);
    expect(it.get('c')).toBeUndefined();
  });

  it('is nothing when nothing may be kept', () => {
    const it = recent(0);
    it.set('a', 1);
    expect(it.get('a')).toBeUndefined();
  });
});
