import { expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import { singleFlight } from '../../../src/resilience/single-flight.ts';
import {
  answer,
  byIdentifier,
  create,
  createContext,
  createFakeClock,
  createManualBackend,
  found,
  outcome,
  patient,
  read,
  search,
  settled,
  update,
} from './support.ts';

function setUp() {
  const clock = createFakeClock();
  const backend = createManualBackend();
  let shared = 0;
  const layered = singleFlight({ onShared: () => void shared++ })(backend);
  return {
    clock,
    backend,
    layered,
    shared: () => shared,
    context: (options = {}) => createContext(clock, options),
  };
}

it.each([read(), search(byIdentifier('7')), read('1', { interaction: 'vread', versionId: '3' })])(
  'asks once for identical queries of one principal (%#)',
  async (request) => {
    const { backend, layered, shared, context } = setUp();
    const asked = Array.from({ length: 50 }, () => layered.handle(structuredClone(request), context()));
    expect(backend.calls).toHaveLength(1);
    const response = answer(patient('1'));
    backend.calls[0]?.answer(response);
    expect(new Set(await Promise.all(asked))).toEqual(new Set([response]));
    expect(shared()).toBe(49);
    void layered.handle(request, context());
    expect(backend.calls).toHaveLength(2);
  },
);

it('shares a failure, too', async () => {
  const { backend, layered, context } = setUp();
  const asked = [1, 2].map(() => outcome(layered.handle(read(), context())));
  backend.calls[0]?.fail(new FicusError('not-found', 'no'));
  expect(await Promise.all(asked)).toEqual(['not-found', 'not-found']);
});

it('keeps apart whatever may be answered differently', () => {
  const { backend, layered, context } = setUp();
  const requests = [
    read('1'),
    read('2'),
    read('1', { type: 'Encounter' }),
    read('1', { interaction: 'vread', versionId: '1' }),
    read('1', { ifNoneMatch: '1' }),
    search(byIdentifier('1')),
    search(byIdentifier('2')),
    search(byIdentifier('1'), { handling: 'strict' }),
    search({ ...byIdentifier('1'), count: 5 }),
    search({ ...byIdentifier('1'), page: 'next' }),
  ];
  for (const request of requests) void layered.handle(request, context());
  void layered.handle(read('1'), context({ principal: 'another' }));
  expect(backend.calls).toHaveLength(requests.length + 1);
});

it.each([create(), update()])('never shares a write (%#)', (request) => {
  const { backend, layered, context } = setUp();
  void layered.handle(request, context());
  void layered.handle(request, context());
  expect(backend.calls).toHaveLength(2);
});

it.each(['answered', 'failed'])(
  'does not let a read join a flight from before a write that %s',
  async (ending) => {
    const { backend, layered, context } = setUp();
    const before = layered.handle(read(), context());
    const write = outcome(layered.handle(update(), context()));
    if (ending === 'answered') backend.calls[1]?.answer(answer(patient('1')));
    else backend.calls[1]?.fail(new FicusError('outcome-unknown', 'late'));
    await write;
    const after = layered.handle(read(), context());
    expect(backend.calls).toHaveLength(3);
    const [old, fresh] = [answer(patient('1', { active: false })), answer(patient('1', { active: true }))];
    backend.calls[0]?.answer(old);
    backend.calls[2]?.answer(fresh);
    expect([await before, await after]).toEqual([old, fresh]);
  },
);

it('goes on for the others when one leaves, whoever began', async () => {
  const { backend, layered, context } = setUp();
  const first = context();
  const asked = outcome(layered.handle(read(), first));
  const other = layered.handle(read(), context());
  first.abort();
  expect(await asked).toBe('timeout');
  expect(backend.calls[0]?.context.signal.aborted).toBe(false);
  const response = answer(patient('1'));
  backend.calls[0]?.answer(response);
  expect(await other).toBe(response);
});

it('is given up when all have left, and the next one begins anew', async () => {
  const { backend, layered, context } = setUp();
  const contexts = [context(), context()];
  const asked = contexts.map((each) => outcome(layered.handle(read(), each)));
  contexts.forEach((each) => each.abort());
  expect(await Promise.all(asked)).toEqual(['timeout', 'timeout']);
  expect(backend.calls[0]?.context.signal.aborted).toBe(true);
  void layered.handle(read(), context());
  expect(backend.calls).toHaveLength(2);
  expect(backend.calls[1]?.context.signal.aborted).toBe(false);
});

it('asks again for a follower that has more time than the one who began', async () => {
  const { backend, layered, context } = setUp();
  const hurried = outcome(layered.handle(read(), context({ within: 100 })));
  const patientOne = layered.handle(read(), context({ within: 5_000 }));
  backend.calls[0]?.fail(new FicusError('timeout', 'the time of the first was up'));
  expect(await hurried).toBe('timeout');
  await settled();
  expect(backend.calls).toHaveLength(2);
  const response = answer(patient('1'));
  backend.calls[1]?.answer(response);
  expect(await patientOne).toBe(response);
});

it('gives a streamed body to one and lets the others ask for their own', async () => {
  const { backend, layered, context, shared } = setUp();
  const asked = [1, 2, 3].map(() => layered.handle(read(), context()));
  const streamed = () => ({
    status: 200,
    headers: {},
    body: { kind: 'pipe' as const, pipe: async () => {}, discard: () => {} },
    servedBy: 'modern:labs',
  });
  backend.calls[0]?.answer(streamed());
  await settled();
  expect(backend.calls).toHaveLength(3);
  backend.calls.forEach((call) => call.answer(streamed()));
  const bodies = (await Promise.all(asked)).map((response) => response.body);
  expect(new Set(bodies).size).toBe(3);
  expect(shared()).toBe(0);
});

it('discards a streamed body that nobody waits for any more', async () => {
  const { backend, layered, context } = setUp();
  const leaving = context();
  const asked = outcome(layered.handle(read(), leaving));
  leaving.abort();
  await asked;
  let discarded = false;
  const body = { kind: 'pipe' as const, pipe: async () => {}, discard: () => void (discarded = true) };
  backend.calls[0]?.answer({ status: 200, headers: {}, body, servedBy: 'modern:labs' });
  await settled();
  expect(discarded).toBe(true);
});

it('does not share an answer that is already there', async () => {
  const { backend, layered, context } = setUp();
  const first = layered.handle(search(byIdentifier('1')), context());
  backend.calls[0]?.answer(found());
  await first;
  void layered.handle(search(byIdentifier('1')), context());
  expect(backend.calls).toHaveLength(2);
});

it('tells everyone who is answered by a flight of the messages that it took', async () => {
  const { backend, layered, context } = setUp();
  const told: string[][] = [[], []];
  const asked = told.map((ids) =>
    layered.handle(read(), { ...context(), exchanged: ({ messageId }) => void ids.push(messageId) }),
  );
  backend.calls[0]?.context.exchanged?.({ backend: 'core', messageId: 'M1', acknowledgement: 'AA' });
  backend.calls[0]?.answer(answer(patient('1')));
  await Promise.all(asked);
  expect(told).toEqual([['M1'], ['M1']]);
});
