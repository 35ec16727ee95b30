import { expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import type { ErrorCode } from '../../../src/errors.ts';
import { createBulkhead } from '../../../src/resilience/bulkhead.ts';
import { retry } from '../../../src/resilience/retry.ts';
import {
  answer,
  byIdentifier,
  create,
  createContext,
  createFakeClock,
  createManualBackend,
  outcome,
  patient,
  read,
  search,
  settled,
  update,
} from './support.ts';

function setUp(attempts = 2) {
  const clock = createFakeClock();
  const backend = createManualBackend();
  return { clock, backend, layered: retry({ attempts, clock, random: () => 0.5 })(backend) };
}
const failure = (code: ErrorCode) => new FicusError(code, 'as told');

it.each([read(), search(byIdentifier('1'))])('asks a query again after a pause (%#)', async (request) => {
  const { clock, backend, layered } = setUp();
  const asked = layered.handle(request, createContext(clock));
  backend.calls[0]?.fail(failure('unavailable'));
  await settled();
  expect(backend.calls).toHaveLength(1);
  await clock.advance(25);
  backend.calls[1]?.fail(failure('timeout'));
  await clock.advance(49);
  expect(backend.calls).toHaveLength(2);
  await clock.advance(1);
  const response = answer(patient('1'));
  backend.calls[2]?.answer(response);
  expect(await asked).toBe(response);
});

it('fails with the last error when the attempts are used up', async () => {
  const { clock, backend, layered } = setUp(1);
  const asked = outcome(layered.handle(read(), createContext(clock)));
  backend.calls[0]?.fail(failure('unavailable'));
  await clock.advance(1_000);
  backend.calls[1]?.fail(failure('timeout'));
  expect(await asked).toBe('timeout');
  expect(backend.calls).toHaveLength(2);
});

it.each([create(), update()])('never sends a write again (%#)', async (request) => {
  const { clock, backend, layered } = setUp();
  const asked = outcome(layered.handle(request, createContext(clock)));
  backend.calls[0]?.fail(failure('unavailable'));
  expect(await asked).toBe('unavailable');
  await clock.advance(5_000);
  expect(backend.calls).toHaveLength(1);
});

it.each<ErrorCode>([
  'not-found',
  'legacy-exception',
  'legacy-malformed',
  'locked',
  'outcome-unknown',
  'internal',
  'incomplete',
])('does not ask again after %s', async (code) => {
  const { clock, backend, layered } = setUp();
  const asked = outcome(layered.handle(read(), createContext(clock)));
  backend.calls[0]?.fail(failure(code));
  expect(await asked).toBe(code);
  await clock.advance(5_000);
  expect(backend.calls).toHaveLength(1);
});

it('does not ask again what Ficus itself refused', async () => {
  const clock = createFakeClock();
  const backend = createManualBackend();
  const layered = retry({ attempts: 3, clock })(createBulkhead({ limit: 1, queue: 0 }).layer(backend));
  void layered.handle(read('1'), createContext(clock));
  expect(await outcome(layered.handle(read('2'), createContext(clock)))).toBe('unavailable');
  expect(clock.pending).toBe(0);
});

it('does not begin what the time left cannot hold', async () => {
  const { clock, backend, layered } = setUp();
  const asked = outcome(layered.handle(read(), createContext(clock, { within: 1_000 })));
  await clock.advance(600);
  backend.calls[0]?.fail(failure('timeout'));
  expect(await asked).toBe('timeout');
  expect(backend.calls).toHaveLength(1);
});

it('stops when the client leaves during the pause', async () => {
  const { clock, backend, layered } = setUp();
  const context = createContext(clock);
  const asked = outcome(layered.handle(read(), context));
  backend.calls[0]?.fail(failure('unavailable'));
  await settled();
  context.abort();
  expect(await asked).toBe('unavailable');
  expect([backend.calls.length, clock.pending]).toEqual([1, 0]);
});

it('adds at most a tenth to the load of a backend that fails all the time', async () => {
  const clock = createFakeClock();
  let calls = 0;
  const layered = retry({ attempts: 3, clock, random: () => 0 })({
    handle: async () => {
      calls += 1;
      throw failure('unavailable');
    },
  });
  for (let n = 0; n < 200; n++) {
    const asked = outcome(layered.handle(read(), createContext(clock)));
    await clock.advance(10);
    expect(await asked).toBe('unavailable');
  }
  expect(calls - 200).toBeGreaterThan(20);
  expect(calls - 200).toBeLessThanOrEqual(10 + 200 / 10);
});
