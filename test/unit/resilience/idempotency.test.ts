import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import type { ErrorCode } from '../../../src/errors.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import type { IdempotencyStore } from '../../../src/ports.ts';
import { idempotency } from '../../../src/resilience/idempotency.ts';
import type { IdempotencyOptions } from '../../../src/resilience/idempotency.ts';
import { beforeWrite } from '../../../src/resilience/interaction.ts';
import { createMemoryStores, openSqliteStores } from '../../../src/store/stores.ts';
import {
  answer,
  create,
  createContext,
  createFakeClock,
  createManualBackend,
  createTestLogger,
  outcome,
  patient,
  read,
  settled,
  update,
} from './support.ts';

function setUp(
  store: IdempotencyStore = createMemoryStores().idempotency,
  more: Partial<IdempotencyOptions> = {},
) {
  const clock = createFakeClock();
  const backend = createManualBackend();
  let repeats = 0;
  /** The Layer in a process of its own: nothing shared but the store. */
  const start = () => idempotency({ store, clock, onRepeat: () => void repeats++, ...more })(backend);
  const context = (options = {}) => createContext(clock, options);
  return { clock, backend, start, layered: start(), context, repeats: () => repeats };
}

const keyed = create({ idempotencyKey: 'k-1' });
const made = answer(patient('new'), 201, { location: 'Patient/new', etag: 'W/"1"' });

describe.each([
  ['memory', () => createMemoryStores().idempotency],
  ['sqlite', () => openSqliteStores(':memory:').idempotency],
])('a write with a key (%s)', (_name, newStore) => {
  it('is done once, eight at once included, and all get its answer', async () => {
    const { backend, layered, context, repeats } = setUp(newStore());
    const asked = Array.from({ length: 8 }, () => layered.handle(structuredClone(keyed), context()));
    await settled();
    expect(backend.calls).toHaveLength(1);
    expect(backend.calls[0]?.request).not.toHaveProperty('idempotencyKey');
    expect(backend.calls[0]?.request.attempt).toEqual({ writeId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    backend.calls[0]?.answer(made);
    for (const response of await Promise.all(asked)) expect(response).toEqual(made);
    expect(repeats()).toBe(7);
  });

  it('is answered from the store by the next process, digits kept', async () => {
    const { backend, start, context } = setUp(newStore());
    const resource: Resource = {
      ...patient('new'),
      extension: [{ url: 'u', valueDecimal: JSON.rawJSON('1.50') }],
    };
    const first = start().handle(keyed, context());
    await settled();
    backend.calls[0]?.answer(answer(resource, 201, { location: 'Patient/new' }));
    await first;
    const repeat = await start().handle(keyed, context());
    expect(backend.calls).toHaveLength(1);
    expect(repeat).toMatchObject({
      status: 201,
      headers: { location: 'Patient/new' },
      servedBy: 'legacy:core',
    });
    expect(JSON.stringify(repeat.body)).toContain('"valueDecimal":1.50');
  });
});

describe('a repeat', () => {
  it('with other content is refused, before and after the first has ended', async () => {
    const { backend, layered, context } = setUp();
    const other = create({ idempotencyKey: 'k-1', resource: { resourceType: 'Patient', active: false } });
    const first = layered.handle(keyed, context());
    await settled();
    expect(await outcome(layered.handle(other, context()))).toBe('unprocessable');
    backend.calls[0]?.answer(made);
    await first;
    expect(await outcome(layered.handle(other, context()))).toBe('unprocessable');
    expect(backend.calls).toHaveLength(1);
  });

  it('with the same content in another order of members is the same', async () => {
    const { backend, layered, context } = setUp();
    const ask = (resource: Resource) => layered.handle(create({ idempotencyKey: 'k', resource }), context());
    const first = ask({ resourceType: 'Patient', active: true, gender: 'female' });
    await settled();
    backend.calls[0]?.answer(made);
    await first;
    expect(await ask({ gender: 'female', active: true, resourceType: 'Patient' })).toEqual(made);
  });

  it('belongs to its caller and its endpoint', async () => {
    const { backend, layered, context } = setUp();
    void layered.handle(keyed, context());
    void layered.handle(keyed, context({ principal: 'another' }));
    void layered.handle(update('1', { idempotencyKey: 'k-1' }), context());
    await settled();
    expect(backend.calls).toHaveLength(3);
  });

  it('does not keep a read or a write without a key', async () => {
    const { backend, layered, context } = setUp();
    for (const request of [
      read('1', { idempotencyKey: 'k' }),
      read('1', { idempotencyKey: 'k' }),
      create(),
      create(),
    ]) {
      void layered.handle(request, context());
    }
    expect(backend.calls).toHaveLength(4);
  });

  it.each<ErrorCode>([
    'duplicate',
    'unprocessable',
    'version-conflict',
    'legacy-exception',
    'legacy-rejected',
  ])('of a write that was refused (%s) gets the refusal again', async (code) => {
    const { backend, layered, start, context } = setUp();
    const first = outcome(layered.handle(keyed, context()));
    await settled();
    const issues = [{ severity: 'error', code: 'value', expression: ['Patient.name'] }] as const;
    backend.calls[0]?.fail(new FicusError(code, 'the words', { issues }));
    expect(await first).toBe(code);
    await expect(start().handle(keyed, context())).rejects.toMatchObject({
      code,
      message: 'the words',
      issues,
    });
    expect(backend.calls).toHaveLength(1);
  });

  it.each<ErrorCode>(['unavailable', 'timeout', 'throttled', 'locked'])(
    'of a write that never left (%s) is done',
    async (code) => {
      const { backend, layered, context } = setUp();
      const first = outcome(layered.handle(keyed, context()));
      await settled();
      backend.calls[0]?.fail(new FicusError(code, 'not sent'));
      expect(await first).toBe(code);
      const second = layered.handle(keyed, context());
      await settled();
      backend.calls[1]?.answer(made);
      expect(await second).toEqual(made);
    },
  );

  it.each([
    new FicusError('outcome-unknown', 'no acknowledgement'),
    new FicusError('legacy-malformed', 'an unreadable acknowledgement'),
    new FicusError('internal', 'a fault after the acknowledgement'),
    new TypeError('a fault after the acknowledgement'),
  ])('of a write with unknown outcome is asked after, as the same write: %s', async (error) => {
    const { clock, backend, start, context } = setUp();
    const first = start().handle(keyed, context());
    await settled();
    backend.calls[0]?.fail(error);
    await expect(first).rejects.toBe(error);
    for (const nth of [1, 2]) {
      await clock.advance(3_600_000);
      const again = outcome(start().handle(keyed, context()));
      await settled();
      backend.calls[nth]?.fail(new FicusError('outcome-unknown', 'nobody knows'));
      expect(await again).toBe('outcome-unknown');
    }
    const found = start().handle(keyed, context());
    await settled();
    backend.calls[3]?.answer(made);
    expect(await found).toEqual(made);
    expect(await start().handle(keyed, context())).toEqual(made);
    const attempts = backend.calls.map(({ request }) => request.attempt);
    const again = { ...attempts[0], doubtful: 'ask-then-send' };
    expect(attempts).toEqual([{ writeId: expect.any(String) }, again, again, again]);
  });

  it.each<FicusError>([
    new FicusError('unavailable', 'the core is down', { retryAfter: 7 }),
    new FicusError('timeout', 'never sent'),
    new FicusError('locked', 'open elsewhere'),
    beforeWrite(new FicusError('forbidden', 'the search before it was refused')),
    new FicusError('outcome-unknown', 'still'),
  ])('of a write with unknown outcome leaves it unknown when it learns nothing: %s', async (error) => {
    const { backend, start, context } = setUp();
    const first = outcome(start().handle(keyed, context()));
    await settled();
    backend.calls[0]?.fail(new FicusError('outcome-unknown', 'no acknowledgement'));
    await first;
    const again = start().handle(keyed, context());
    const failed = expect(again).rejects.toMatchObject({
      code: 'outcome-unknown',
      retryAfter: error.retryAfter,
    });
    await settled();
    backend.calls[1]?.fail(error);
    await failed;
    void outcome(start().handle(keyed, context()));
    await settled();
    expect(backend.calls[2]?.request.attempt).toMatchObject({ doubtful: 'ask-then-send' });
  });

  it('of a write with unknown outcome gets the refusal when that is what it comes to', async () => {
    const { backend, start, context } = setUp();
    const first = outcome(start().handle(keyed, context()));
    await settled();
    backend.calls[0]?.fail(new FicusError('outcome-unknown', 'no acknowledgement'));
    await first;
    const again = outcome(start().handle(keyed, context()));
    await settled();
    backend.calls[1]?.fail(new FicusError('unprocessable', 'not there, sent, and refused'));
    expect([await again, await outcome(start().handle(keyed, context()))]).toEqual([
      'unprocessable',
      'unprocessable',
    ]);
    expect(backend.calls).toHaveLength(2);
  });

  it('of a write with unknown outcome, eight at once in two processes, is asked after once', async () => {
    const { backend, start, layered, context } = setUp();
    const first = outcome(layered.handle(keyed, context()));
    await settled();
    backend.calls[0]?.fail(new FicusError('outcome-unknown', 'no acknowledgement'));
    await first;
    const other = start();
    const asked = Array.from({ length: 8 }, (_, nth) =>
      outcome((nth % 2 === 0 ? layered : other).handle(keyed, context())),
    );
    await settled();
    expect(backend.calls).toHaveLength(2);
    backend.calls[1]?.answer(made);
    expect((await Promise.all(asked)).toSorted()).toEqual([
      ...Array.from({ length: 4 }, () => 'answered'),
      ...Array.from({ length: 4 }, () => 'conflict'),
    ]);
  });

  it('of a write that was recorded without its identity stays unknown', async () => {
    const store = createMemoryStores().idempotency;
    const { backend, start, context } = setUp({
      ...store,
      claim: async (key, { writeId: _id, ...record }, now) => store.claim(key, record, now),
      settle: async (key, { writeId: _id, ...record }) => store.settle(key, record),
    });
    const first = outcome(start().handle(keyed, context()));
    await settled();
    backend.calls[0]?.fail(new FicusError('outcome-unknown', 'no acknowledgement'));
    await first;
    expect(await outcome(start().handle(keyed, context()))).toBe('outcome-unknown');
    expect(backend.calls).toHaveLength(1);
  });

  it('names the backend that the first attempt was for, wherever the route goes', async () => {
    let backendOf = 'core';
    const askedFor: string[] = [];
    const { backend, start, context } = setUp(undefined, {
      backendOf: (request, { principal }) => {
        askedFor.push(`${request.type}.${request.interaction} for ${principal.key}`);
        return backendOf;
      },
    });
    const first = outcome(start().handle(keyed, context()));
    await settled();
    backend.calls[0]?.fail(new FicusError('outcome-unknown', 'no acknowledgement'));
    await first;
    backendOf = 'labs';
    void outcome(start().handle(keyed, context()));
    await settled();
    expect(backend.calls.map(({ request }) => request.attempt?.backend)).toEqual(['core', 'core']);
    expect(new Set(askedFor)).toEqual(new Set(['Patient.create for anonymous']));
  });

  it('in another process waits for the first, and is unknown when that process died', async () => {
    const store = createMemoryStores().idempotency;
    const { clock, backend, start, context } = setUp(store);
    // It claims the key and is killed before it can say how it ended.
    const killed: IdempotencyStore = { ...store, settle: async () => {}, release: async () => {} };
    const first = idempotency({ store: killed, clock })(backend);
    void outcome(first.handle(keyed, context({ within: 5_000 })));
    await settled();
    await expect(start().handle(keyed, context())).rejects.toMatchObject({ code: 'conflict', retryAfter: 1 });
    await clock.advance(4_999);
    expect(await outcome(start().handle(keyed, context()))).toBe('conflict');
    await clock.advance(10_000);
    void outcome(start().handle(keyed, context()));
    await settled();
    expect(backend.calls[1]?.request.attempt).toEqual({
      ...backend.calls[0]?.request.attempt,
      doubtful: 'ask-then-send',
    });
  });

  it('after the time an outcome is kept is a new write', async () => {
    const { clock, backend, start, context } = setUp(undefined, { ttlMs: 60_000 });
    const first = start().handle(keyed, context());
    await settled();
    backend.calls[0]?.answer(made);
    await first;
    await clock.advance(80_000);
    void start().handle(keyed, context());
    await settled();
    expect(backend.calls).toHaveLength(2);
    const [before, after] = backend.calls.map(({ request }) => request.attempt);
    expect(after).not.toHaveProperty('doubtful');
    expect(after?.writeId).not.toBe(before?.writeId);
  });
});

describe('a client that leaves', () => {
  it('does not stop the write, and finds its outcome by a repeat', async () => {
    const { backend, layered, context } = setUp();
    const leaving = context();
    void outcome(layered.handle(keyed, leaving));
    await settled();
    const waiting = layered.handle(keyed, context());
    leaving.abort();
    expect(backend.calls[0]?.context.signal.aborted).toBe(false);
    backend.calls[0]?.answer(made);
    expect(await waiting).toEqual(made);
    expect(await layered.handle(keyed, context())).toEqual(made);
  });

  it('while another does the write is told that the outcome is unknown', async () => {
    const { layered, context } = setUp();
    void layered.handle(keyed, context());
    const leaving = context();
    const waiting = outcome(layered.handle(keyed, leaving));
    leaving.abort();
    expect(await waiting).toBe('outcome-unknown');
  });
});

describe('a write', () => {
  it('is told to stop at its deadline, and given up when the Layers below stay silent', async () => {
    const { clock, backend, layered, context } = setUp();
    const asked = outcome(layered.handle(keyed, context({ within: 3_000 })));
    await clock.advance(3_000);
    expect(backend.calls[0]?.context.signal.aborted).toBe(true);
    await clock.advance(2_000);
    expect(await asked).toBe('outcome-unknown');
    expect(clock.pending).toBe(0);
  });

  it('is not sent when its key cannot be recorded', async () => {
    const broken: IdempotencyStore = {
      claim: async () => {
        throw new Error('disk full');
      },
      takeOver: async () => true,
      settle: async () => {},
      release: async () => {},
    };
    const { backend, layered, context } = setUp(broken);
    expect(await outcome(layered.handle(keyed, context()))).toBe('unavailable');
    expect(backend.calls).toEqual([]);
  });

  it('stands although its outcome cannot be recorded, and the log says so', async () => {
    const store: IdempotencyStore = {
      claim: async () => undefined,
      takeOver: async () => true,
      settle: async () => {
        throw new Error('disk full');
      },
      release: async () => {},
    };
    const { backend, layered, context } = setUp(store);
    const log = createTestLogger();
    const asked = layered.handle(keyed, context({ log }));
    await settled();
    backend.calls[0]?.answer(made);
    expect(await asked).toBe(made);
    expect(log.lines.map((line) => line.level)).toEqual(['error']);
  });

  it.each(['', 'x'.repeat(256)])('with a key of bad length is refused (%#)', async (idempotencyKey) => {
    const { layered, context } = setUp();
    expect(await outcome(layered.handle(create({ idempotencyKey }), context()))).toBe('parameter-invalid');
  });

  it('with a key and a streamed body is refused rather than sent without the promise', async () => {
    const { backend, layered, context } = setUp();
    const { resource: _none, ...streamed } = keyed;
    expect(await outcome(layered.handle(streamed, context()))).toBe('not-implemented');
    expect(backend.calls).toEqual([]);
  });
});
