import { expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import { deadline } from '../../../src/resilience/deadline.ts';
import {
  answer,
  create,
  createContext,
  createFakeClock,
  createManualBackend,
  outcome,
  patient,
  read,
  settled,
} from './support.ts';

function setUp(within = 10_000) {
  const clock = createFakeClock();
  const backend = createManualBackend();
  const layered = deadline({ ms: 1_000, graceMs: 100, clock })(backend);
  return { clock, backend, layered, context: createContext(clock, { within }) };
}

it('hands down an earlier deadline and a signal that aborts then', async () => {
  const { clock, backend, layered, context } = setUp();
  const asked = outcome(layered.handle(read(), context));
  const [call] = backend.calls;
  expect(call?.context.deadline).toBe(clock.now() + 1_000);
  await clock.advance(999);
  expect(call?.context.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(call?.context.signal.aborted).toBe(true);
  await clock.advance(100);
  expect(await asked).toBe('timeout');
});

it('never moves a deadline to later', async () => {
  const { clock, backend, layered, context } = setUp(300);
  const asked = outcome(layered.handle(read(), context));
  expect(backend.calls[0]?.context.deadline).toBe(context.deadline);
  await clock.advance(400);
  expect(await asked).toBe('timeout');
});

it.each([
  [read(), 'timeout'],
  [create(), 'outcome-unknown'],
] as const)('answers for an adapter that stays silent past the grace (%#)', async (request, code) => {
  const { clock, layered, context } = setUp();
  const asked = outcome(layered.handle(request, context));
  await clock.advance(1_099);
  expect(clock.pending).toBe(1);
  await clock.advance(1);
  expect(await asked).toBe(code);
});

it.each([
  [create(), 'unavailable'],
  [create(), 'outcome-unknown'],
  [read(), 'legacy-malformed'],
] as const)('lets the adapter say within the grace what it knows (%#)', async (request, code) => {
  const { clock, backend, layered, context } = setUp();
  const asked = outcome(layered.handle(request, context));
  await clock.advance(1_050);
  backend.calls[0]?.fail(new FicusError(code, 'what the adapter knows'));
  expect(await asked).toBe(code);
  expect(clock.pending).toBe(0);
});

it('takes an answer that comes within the grace', async () => {
  const { clock, backend, layered, context } = setUp();
  const asked = layered.handle(create(), context);
  await clock.advance(1_050);
  const response = answer(patient('1'), 201);
  backend.calls[0]?.answer(response);
  expect(await asked).toBe(response);
});

it.each([
  [read(), 'timeout'],
  [create(), 'outcome-unknown'],
] as const)('reads a bare abort of the adapter as silence (%#)', async (request, code) => {
  const { clock, backend, layered, context } = setUp();
  const asked = outcome(layered.handle(request, context));
  await clock.advance(1_000);
  backend.calls[0]?.fail(new DOMException('aborted', 'AbortError'));
  expect(await asked).toBe(code);
});

it('gives up when the client goes away', async () => {
  const { clock, backend, layered, context } = setUp();
  const asked = outcome(layered.handle(read(), context));
  context.abort();
  expect(backend.calls[0]?.context.signal.aborted).toBe(true);
  await clock.advance(100);
  expect(await asked).toBe('timeout');
});

it.each([
  [read(), 'timeout'],
  [create(), 'unavailable'],
] as const)('sends nothing when the time is up already (%#)', async (request, code) => {
  const { backend, layered, context } = setUp(0);
  expect(await outcome(layered.handle(request, context))).toBe(code);
  expect(backend.calls).toEqual([]);
});

it('leaves no timer behind an answer, and no fault is changed', async () => {
  const { clock, backend, layered, context } = setUp();
  const good = layered.handle(read(), context);
  backend.calls[0]?.answer(answer(patient('1')));
  await good;
  const bad = layered.handle(read(), context);
  const fault = new TypeError('a fault of ours');
  backend.calls[1]?.fail(fault);
  await expect(bad).rejects.toBe(fault);
  expect(clock.pending).toBe(0);
});

it('gives up a streamed body that comes too late, and lets one in time run past the deadline', async () => {
  const { clock, backend, layered, context } = setUp();
  let discarded = 0;
  const pipe = { kind: 'pipe' as const, pipe: async () => {}, discard: () => void discarded++ };
  const late = outcome(layered.handle(read(), context));
  await clock.advance(1_100);
  backend.calls[0]?.answer({ status: 200, headers: {}, body: pipe, servedBy: 'modern:labs' });
  expect(await late).toBe('timeout');
  await settled();
  expect(discarded).toBe(1);

  const inTime = layered.handle(read(), context);
  backend.calls[1]?.answer({ status: 200, headers: {}, body: pipe, servedBy: 'modern:labs' });
  await inTime;
  await clock.advance(5_000);
  expect(backend.calls[1]?.context.signal.aborted).toBe(false);
  context.abort();
  expect(backend.calls[1]?.context.signal.aborted).toBe(true);
});
