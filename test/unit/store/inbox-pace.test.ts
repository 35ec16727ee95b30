import { describe, expect, it } from 'vitest';
import { createPace } from '../../../src/store/inbox-pace.ts';

/** How many of the next writes are waited for, each so long. */
function waited(pace: ReturnType<typeof createPace>, writes: number, ms: number): number {
  let count = 0;
  for (let nth = 0; nth < writes; nth++) {
    if (!pace.quick()) continue;
    count += 1;
    pace.took(ms);
  }
  return count;
}

describe('the pace of a disk', () => {
  it('lets every write be waited for while they are quick, and after a slow one', () => {
    const pace = createPace();
    expect(waited(pace, 1_000, 0.3)).toBe(1_000);
    pace.took(8);
    expect(waited(pace, 1_000, 0.3)).toBe(1_000);
  });

  it('spares most of them while they are slow, and finds out when they no longer are', () => {
    const pace = createPace();
    expect(waited(pace, 1_000, 3)).toBeLessThan(50);
    expect(waited(pace, 1_000, 0.3)).toBeGreaterThan(700);
  });

  it('spares others after one that took very long', () => {
    const pace = createPace();
    pace.took(100);
    expect(pace.quick()).toBe(false);
  });
});
