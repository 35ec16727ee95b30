import { PassThrough } from 'node:stream';
import { text as readText } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import type { FhirResponse } from '../../../src/ports.ts';
import { idempotency } from '../../../src/resilience/idempotency.ts';
import { createMemoryStores } from '../../../src/store/stores.ts';
import { create, createContext, createFakeClock, createManualBackend, outcome, settled } from './support.ts';

function setUp() {
  const clock = createFakeClock();
  const backend = createManualBackend();
  const store = createMemoryStores().idempotency;
  /** The Layer in a process of its own: nothing shared but the store. */
  const start = () => idempotency({ store, clock })(backend);
  return { backend, start, layered: start(), context: () => createContext(clock) };
}

const keyed = create({ idempotencyKey: 'k-1' });

describe('the streamed answer of a write with a key', () => {
  /** As an adapter streams it; `end` may break it off. */
  const streamed = (status: number, text = '{}', end?: Error): FhirResponse => ({
    status,
    headers: {
      location: 'Patient/new',
      'content-type': 'application/fhir+json',
      'content-length': String(text.length),
    },
    body: {
      kind: 'pipe',
      pipe: (sink) =>
        pipeline(async function* () {
          for (let at = 0; at < text.length; at += 40_000) yield Buffer.from(text.slice(at, at + 40_000));
          if (end) throw end;
        }, sink),
      discard: () => {},
    },
    servedBy: 'modern:labs',
  });

  /** Status, headers and the bytes of the body. */
  async function received(answered: Promise<FhirResponse>) {
    const { status, headers, body } = await answered;
    if (body.kind !== 'pipe') return { status, headers, text: undefined };
    const sink = new PassThrough();
    const [text] = await Promise.all([readText(sink), body.pipe(sink)]);
    return { status, headers, text };
  }

  it('is given to whoever repeats as it came, byte by byte, by the next process too', async () => {
    const text = '{ "resourceType":"Patient",\n "multipleBirthInteger":1.50, "é":[] }';
    const { backend, start, layered, context } = setUp();
    const asked = [layered.handle(keyed, context()), layered.handle(keyed, context())];
    await settled();
    const response = streamed(201, text);
    backend.calls[0]?.answer(response);
    const answers = await Promise.all(asked.map(received));
    answers.push(await received(layered.handle(keyed, context())));
    answers.push(await received(start().handle(keyed, context())));
    for (const one of answers) expect(one).toEqual({ status: 201, headers: response.headers, text });
    expect(backend.calls).toHaveLength(1);
  });

  it('that is too large to keep is streamed to the first; whoever repeats gets status and headers', async () => {
    const text = `{"x":"${'x'.repeat(3 * 1024 * 1024)}"}`;
    const { backend, start, layered, context } = setUp();
    const [first, second] = [layered.handle(keyed, context()), layered.handle(keyed, context())];
    await settled();
    const response = streamed(201, text);
    backend.calls[0]?.answer(response);
    expect((await received(first)).text).toBe(text);
    const bare = { ...response, headers: { location: 'Patient/new' }, body: { kind: 'none' } };
    expect(await second).toEqual(bare);
    expect(await start().handle(keyed, context())).toEqual(bare);
  });

  it('that breaks off says that it was done all the same', async () => {
    const { backend, start, layered, context } = setUp();
    const first = layered.handle(keyed, context());
    await settled();
    backend.calls[0]?.answer(streamed(201, '{"resourceType"', new Error('The service broke off')));
    const bare = { status: 201, headers: { location: 'Patient/new' }, body: { kind: 'none' } };
    expect(await first).toMatchObject(bare);
    expect(await start().handle(keyed, context())).toMatchObject(bare);
    expect(backend.calls).toHaveLength(1);
  });

  it.each([
    [422, 'answered', 1],
    [501, 'answered', 1],
    [503, 'answered', 2],
    [429, 'answered', 2],
    [500, 'answered', 2, 'in doubt'],
    [504, 'answered', 2, 'in doubt'],
  ] as const)(
    'with status %i: a repeat is %s and the Layer below was asked %i time(s)',
    async (status, ending, times, doubt?: string) => {
      const { backend, start, context } = setUp();
      const first = start().handle(keyed, context());
      await settled();
      backend.calls[0]?.answer(streamed(status));
      expect(await first).toMatchObject({ status });
      const repeat = outcome(start().handle(keyed, context()));
      await settled();
      backend.calls[1]?.answer(streamed(201));
      expect([await repeat, backend.calls.length]).toEqual([ending, times]);
      const { doubtful } = backend.calls.at(-1)?.request.attempt ?? {};
      expect(doubtful).toBe(doubt === undefined ? undefined : 'ask-then-send');
    },
  );
});
