import { describe, expect, it } from 'vitest';
import { modernSide } from '../../../src/compose/side.ts';
import { createMetrics } from '../../../src/metrics.ts';
import {
  answer,
  createContext,
  createFakeClock,
  createTestLogger,
  patient,
  read,
} from '../resilience/support.ts';

describe('one side', () => {
  it('counts what it refuses without asking, and shows how full it is', async () => {
    const clock = createFakeClock();
    const metrics = createMetrics({ process: false });
    let finish = (): void => {};
    const slow = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const side = modernSide(
      { handle: () => slow.then(() => answer(patient('1'))) },
      {
        name: 'labs',
        resilience: {
          deadlineMs: 1_000,
          concurrency: 1,
          queue: 0,
          retries: 0,
          breaker: { errorPercent: 50, volume: 10, windowMs: 10_000, resetMs: 5_000 },
        },
        clock,
        log: createTestLogger(),
        metrics,
      },
    );
    const first = side.backend.handle(read('1'), createContext(clock));
    await expect(side.backend.handle(read('2'), createContext(clock))).rejects.toMatchObject({
      code: 'unavailable',
    });
    const { body } = await metrics.text();
    expect(body).toContain('ficus_shed_total{backend="labs"} 1');
    expect(body).toContain('ficus_in_flight{backend="labs"} 1');
    finish();
    expect((await first).status).toBe(200);
    expect((await metrics.text()).body).toContain('ficus_in_flight{backend="labs"} 0');
    expect(side.healthy()).toBe(true);
    side.shutdown();
  });
});
