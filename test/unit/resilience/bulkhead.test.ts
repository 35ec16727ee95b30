import { PassThrough } from 'node:stream';
import { assert, asyncProperty, array, constantFrom } from 'fast-check';
import { expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import { createBulkhead } from '../../../src/resilience/bulkhead.ts';
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

function setUp(limit = 2, queue = 2) {
  const backend = createManualBackend();
  const bulkhead = createBulkhead({ limit, queue, retryAfter: 3 });
  const context = () => createContext(createFakeClock());
  return { backend, bulkhead, layered: bulkhead.layer(backend), context };
}

it('lets so many through and the rest wait in the order they came', async () => {
  const { backend, bulkhead, layered, context } = setUp();
  const asked = ['1', '2', '3', '4'].map((id) => layered.handle(read(id), context()));
  await settled();
  expect(backend.calls.map((call) => call.request.id)).toEqual(['1', '2']);
  expect([bulkhead.inFlight, bulkhead.queued]).toEqual([2, 2]);
  backend.calls[1]?.answer(answer(patient('2')));
  await asked[1];
  await settled();
  backend.calls[0]?.fail(new FicusError('not-found', 'no'));
  await asked[0]?.catch(() => {});
  await settled();
  expect(backend.calls.map((call) => call.request.id)).toEqual(['1', '2', '3', '4']);
  backend.calls.forEach((call) => call.answer(answer(patient('x'))));
  await Promise.all(asked.slice(2));
  expect([bulkhead.inFlight, bulkhead.queued]).toEqual([0, 0]);
});

it('refuses what does not fit the queue, at once, with Retry-After', async () => {
  const { backend, layered, context } = setUp(1, 1);
  void layered.handle(read('1'), context());
  void layered.handle(read('2'), context());
  await expect(layered.handle(read('3'), context())).rejects.toMatchObject({
    code: 'unavailable',
    retryAfter: 3,
  });
  expect(backend.calls).toHaveLength(1);
});

it.each([
  [read('2'), 'timeout'],
  [create(), 'unavailable'],
] as const)(
  'lets a waiting request leave when its signal aborts; nothing was sent (%#)',
  async (request, code) => {
    const { backend, bulkhead, layered, context } = setUp(1, 5);
    const first = layered.handle(read('1'), context());
    const leaving = context();
    const left = outcome(layered.handle(request, leaving));
    const stays = layered.handle(read('3'), context());
    leaving.abort();
    expect(await left).toBe(code);
    expect(bulkhead.queued).toBe(1);
    backend.calls[0]?.answer(answer(patient('1')));
    await first;
    await settled();
    expect(backend.calls.map((call) => call.request.id)).toEqual(['1', '3']);
    backend.calls[1]?.answer(answer(patient('3')));
    await stays;
    expect(await outcome(layered.handle(request, leaving))).toBe(code);
  },
);

it('holds the slot of a streamed body until it was written, given up, or its client left', async () => {
  const { bulkhead, layered, backend, context } = setUp(3, 0);
  const contexts = [context(), context(), context()];
  const responses = contexts.map((each) => layered.handle(read(), each));
  for (const call of backend.calls) {
    const body = {
      kind: 'pipe' as const,
      pipe: async (sink: NodeJS.WritableStream) => void sink.end(),
      discard: () => {},
    };
    call.answer({ status: 200, headers: {}, body, servedBy: 'modern:labs' });
  }
  const bodies = (await Promise.all(responses)).map(({ body }) => {
    if (body.kind !== 'pipe') throw new Error('not streamed');
    return body;
  });
  expect(bulkhead.inFlight).toBe(3);
  await bodies[0]?.pipe(new PassThrough());
  expect(bulkhead.inFlight).toBe(2);
  bodies[1]?.discard();
  bodies[1]?.discard();
  expect(bulkhead.inFlight).toBe(1);
  contexts[2]?.abort();
  expect(bulkhead.inFlight).toBe(0);
});

it('holds the slot of a streamed body that is taken whole until it has come', async () => {
  const { bulkhead, layered, backend, context } = setUp(1, 0);
  const asked = layered.handle(read(), context());
  let come: Buffer | undefined;
  const body = { kind: 'pipe' as const, pipe: async () => {}, discard: () => {}, whole: () => come };
  backend.calls[0]?.answer({ status: 200, headers: {}, body, servedBy: 'modern:labs' });
  const { body: held } = await asked;
  if (held.kind !== 'pipe') throw new Error('not streamed');
  expect(held.whole?.()).toBeUndefined();
  expect(bulkhead.inFlight).toBe(1);
  come = Buffer.from('{}');
  expect(held.whole?.()).toBe(come);
  expect(bulkhead.inFlight).toBe(0);
});

it('never has more in flight than its limit, and loses nobody, whatever happens', async () => {
  const step = constantFrom('ask', 'answer', 'fail', 'leave');
  await assert(
    asyncProperty(array(step, { maxLength: 60 }), async (steps) => {
      const { backend, bulkhead, layered, context } = setUp(3, 4);
      const asked: { readonly context: ReturnType<typeof context>; readonly ended: Promise<string> }[] = [];
      let open = 0;
      for (const name of steps) {
        if (name === 'ask') {
          const own = context();
          asked.push({ context: own, ended: outcome(layered.handle(read(), own)) });
        } else if (name === 'leave') asked.at(-1)?.context.abort();
        else if (open < backend.calls.length) {
          const call = backend.calls[open++];
          if (name === 'answer') call?.answer(answer(patient('1')));
          else call?.fail(new FicusError('timeout', 'late'));
        }
        await settled();
        expect(bulkhead.inFlight).toBe(backend.calls.length - open);
        expect(bulkhead.inFlight).toBeLessThanOrEqual(3);
        if (bulkhead.queued > 0) expect(bulkhead.inFlight).toBe(3);
      }
      while (open < backend.calls.length) {
        backend.calls[open++]?.answer(answer(patient('1')));
        await settled();
      }
      const endings = await Promise.all(asked.map(({ ended }) => ended));
      expect(endings.every((ending) => ['answered', 'timeout', 'unavailable'].includes(ending))).toBe(true);
      expect([bulkhead.inFlight, bulkhead.queued]).toEqual([0, 0]);
    }),
    { numRuns: 100 },
  );
});
