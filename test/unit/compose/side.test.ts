import { describe, expect, it } from 'vitest';
import { modernSide } from '../../../src/compose/side.ts';
import { createMetrics } from '../../../src/metrics.ts';
import {
  answer,
  byIdentifier,
  create,
  createContext,
  createFakeClock,
  createTestLogger,
  outcome,
  patient,
  read,
  update,
} from '../resilience/support.ts';

const DOUBTFUL = { writeId: 'w', doubtful: 'ask-then-send' } as const;
const RESILIENCE = {
  deadlineMs: 1_000,
  concurrency: 1,
  queue: 0,
  retries: 0,
  breaker: { errorPercent: 50, volume: 10, windowMs: 10_000, resetMs: 5_000 },
};

describe('a modern side', () => {
  it.each([
    ['sent', 'a first attempt', create({ attempt: { writeId: 'w' } })],
    ['outcome-unknown', 'a create in doubt', create({ attempt: DOUBTFUL })],
    ['outcome-unknown', 'an update in doubt', update('1', { attempt: DOUBTFUL, ifMatch: '1' })],
    [
      'sent',
      'a create in doubt that asks itself',
      create({ attempt: DOUBTFUL, ifNoneExist: byIdentifier('7') }),
    ],
  ])('ends with %s for %s', async (ending, _what, request) => {
    const clock = createFakeClock();
    let asked = 0;
    const service = { handle: async () => ((asked += 1), answer(patient('1'), 201)) };
    const log = createTestLogger();
    const metrics = createMetrics({ process: false });
    const side = modernSide(service, { name: 'labs', resilience: RESILIENCE, clock, log, metrics });
    const ended = await outcome(side.backend.handle(request, createContext(clock)));
    expect([ended === 'answered' ? 'sent' : ended, asked]).toEqual([ending, ending === 'sent' ? 1 : 0]);
    side.shutdown();
  });
});

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
        resilience: RESILIENCE,
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
