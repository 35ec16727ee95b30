import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import type { ErrorCode } from '../../../src/errors.ts';
import type { Backend, FhirResponse } from '../../../src/ports.ts';
import { createBreaker } from '../../../src/resilience/breaker.ts';
import type { Breaker } from '../../../src/resilience/breaker.ts';
import { createBulkhead } from '../../../src/resilience/bulkhead.ts';
import {
  answer,
  createContext,
  createFakeClock,
  createManualBackend,
  createTestLogger,
  outcome,
  patient,
  read,
  settled,
} from './support.ts';

let clock: ReturnType<typeof createFakeClock>;
let breaker: Breaker;
let log: ReturnType<typeof createTestLogger>;

beforeEach(() => {
  // opossum keeps one timer of its own: from open to the probe.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  clock = createFakeClock();
  log = createTestLogger();
  breaker = createBreaker({
    name: 'core',
    errorPercent: 50,
    volume: 5,
    windowMs: 10_000,
    resetMs: 5_000,
    clock,
    log,
  });
});
afterEach(() => {
  breaker.shutdown();
  vi.useRealTimers();
});

async function pass(ms: number) {
  vi.advanceTimersByTime(ms);
  await clock.advance(ms);
}

function failing(code: ErrorCode): Backend {
  return {
    handle: async () => {
      throw new FicusError(code, 'as told');
    },
  };
}

async function ask(backend: Backend, times: number): Promise<string[]> {
  const layered = breaker.layer(backend);
  const endings: string[] = [];
  for (let n = 0; n < times; n++) endings.push(await outcome(layered.handle(read(), createContext(clock))));
  return endings;
}

const healthy: Backend = { handle: async () => answer(patient('1')) };

describe('a breaker', () => {
  it.each<ErrorCode>(['unavailable', 'timeout', 'outcome-unknown', 'legacy-malformed'])(
    'opens after five times %s and then refuses without asking, with Retry-After',
    async (code) => {
      expect(await ask(failing(code), 5)).toEqual(Array.from({ length: 5 }, () => code));
      expect(breaker.state).toBe('open');
      const backend = createManualBackend();
      await clock.advance(1_500);
      await expect(breaker.layer(backend).handle(read(), createContext(clock))).rejects.toMatchObject({
        code: 'unavailable',
        retryAfter: 4,
      });
      expect(backend.calls).toEqual([]);
      expect(log.lines).toContainEqual(
        expect.objectContaining({ level: 'warn', fields: { backend: 'core', state: 'open' } }),
      );
    },
  );

  it.each<ErrorCode>([
    'not-found',
    'duplicate',
    'unprocessable',
    'legacy-rejected',
    'legacy-exception',
    'locked',
    'not-implemented',
    'internal',
  ])('never opens for %s: that is an answer', async (code) => {
    expect(await ask(failing(code), 50)).toEqual(Array.from({ length: 50 }, () => code));
    expect(breaker.state).toBe('closed');
  });

  it.each([
    [502, 'open'],
    [503, 'open'],
    [504, 'open'],
    [500, 'closed'],
    [404, 'closed'],
  ] as const)('is %i answers of a modern service later %s', async (status, state) => {
    const response: FhirResponse = { status, headers: {}, body: { kind: 'none' }, servedBy: 'modern:labs' };
    await ask({ handle: async () => response }, 6);
    expect(breaker.state).toBe(state);
  });

  it('stays closed below its volume and below its share of failures', async () => {
    await ask(failing('timeout'), 4);
    expect(breaker.state).toBe('closed');
    await ask(healthy, 10);
    await ask(failing('timeout'), 4);
    expect(breaker.state).toBe('closed');
  });

  it('forgets failures that are older than its window', async () => {
    await ask(failing('timeout'), 4);
    await clock.advance(11_000);
    await ask(failing('timeout'), 4);
    expect(breaker.state).toBe('closed');
    await ask(failing('timeout'), 1);
    expect(breaker.state).toBe('open');
  });

  it('lets one probe through after a while and closes when it is answered', async () => {
    await ask(failing('timeout'), 5);
    await pass(5_000);
    expect(breaker.state).toBe('half-open');
    const backend = createManualBackend();
    const layered = breaker.layer(backend);
    const probe = layered.handle(read('probe'), createContext(clock));
    const others = await Promise.all(
      ['a', 'b'].map((id) => outcome(layered.handle(read(id), createContext(clock)))),
    );
    expect(others).toEqual(['unavailable', 'unavailable']);
    expect(backend.calls.map((call) => call.request.id)).toEqual(['probe']);
    backend.calls[0]?.answer(answer(patient('1')));
    await probe;
    expect(breaker.state).toBe('closed');
  });

  it('opens again when the probe fails, and closes on a probe that gets a business answer', async () => {
    await ask(failing('timeout'), 5);
    await pass(5_000);
    expect(await ask(failing('timeout'), 2)).toEqual(['timeout', 'unavailable']);
    expect(breaker.state).toBe('open');
    await pass(5_000);
    await ask(failing('not-found'), 1);
    expect(breaker.state).toBe('closed');
  });

  it('goes on probing when the client of the probe left', async () => {
    await ask(failing('timeout'), 5);
    await pass(5_000);
    const context = createContext(clock);
    const backend = createManualBackend();
    const probe = outcome(breaker.layer(backend).handle(read(), context));
    context.abort();
    backend.calls[0]?.fail(new FicusError('timeout', 'given up'));
    expect(await probe).toBe('timeout');
    expect(breaker.state).toBe('half-open');
    await ask(healthy, 1);
    expect(breaker.state).toBe('closed');
  });

  it('does not count clients that leave', async () => {
    for (let n = 0; n < 20; n++) {
      const context = createContext(clock);
      context.abort();
      await outcome(breaker.layer(failing('timeout')).handle(read(), context));
    }
    expect(breaker.state).toBe('closed');
  });

  it('counts the silent calls of a hung backend, and not the many that its queue refused', async () => {
    const backend = createManualBackend();
    const layered = breaker.layer(createBulkhead({ limit: 6, queue: 0 }).layer(backend));
    const hung = Array.from({ length: 6 }, () => outcome(layered.handle(read(), createContext(clock))));
    const shed = await Promise.all(
      Array.from({ length: 100 }, () => outcome(layered.handle(read(), createContext(clock)))),
    );
    expect(new Set(shed)).toEqual(new Set(['unavailable']));
    await settled();
    expect(breaker.state).toBe('closed');
    backend.calls.forEach((call) => call.fail(new FicusError('timeout', 'silent')));
    await Promise.all(hung);
    expect(breaker.state).toBe('open');
  });

  it('is shared by nothing: another backend has its own', async () => {
    const other = createBreaker({
      name: 'labs',
      errorPercent: 50,
      volume: 5,
      windowMs: 10_000,
      resetMs: 5_000,
      clock,
      log,
    });
    await ask(failing('timeout'), 5);
    expect([breaker.state, other.state]).toEqual(['open', 'closed']);
    other.shutdown();
  });
});
