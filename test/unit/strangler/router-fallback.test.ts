import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import type { ErrorCode } from '../../../src/errors.ts';
import type { Backend, FhirRequest, FhirResponse, Route } from '../../../src/ports.ts';
import { deadline } from '../../../src/resilience/deadline.ts';
import { createBreaker } from '../../../src/resilience/breaker.ts';
import { unasked, wasUnasked } from '../../../src/resilience/interaction.ts';
import { createRouter } from '../../../src/strangler/router.ts';
import {
  answer,
  create,
  createContext,
  createFakeClock,
  createTestLogger,
  found,
  outcome,
  patient,
  query,
  read,
  search,
} from '../resilience/support.ts';
import { createEvidence, createExperiment, createPins, createScriptedBackend, route } from './support.ts';
import type { Missing, ScriptedBackend } from './support.ts';

const cohortKey = new Uint8Array(32).fill(1);
const one = read('o1', { type: 'Observation' });

let clock: ReturnType<typeof createFakeClock>;
let core: ScriptedBackend;
let labs: ScriptedBackend;
let evidence: ReturnType<typeof createEvidence>;
let experiment: ReturnType<typeof createExperiment>;
let missing: Missing[];
let now: Route;
let fallbacks: string[];
let router: Backend;

const servedBy = (name: string): FhirResponse => ({ ...answer(patient('1')), servedBy: name });
const fail = (code: ErrorCode) => async () => {
  throw new FicusError(code, 'It failed.');
};
/** A body whose bytes nobody has read, and whether it was given up. */
function piped(status: number) {
  const state = { discarded: false };
  const response: FhirResponse = {
    status,
    headers: {},
    body: { kind: 'pipe', pipe: async () => {}, discard: () => void (state.discarded = true) },
    servedBy: 'modern:labs',
  };
  return { response, state };
}

function routed(modern: Backend = labs): Backend {
  return createRouter({
    table: { get: () => now },
    backends: new Map<string, Backend>([
      ['core', core],
      ['labs', modern],
    ]),
    migration: {
      clock,
      cohortKey,
      pins: createPins(missing),
      evidence,
      experiment,
      onFallback: (endpoint) => void fallbacks.push(endpoint),
      wasUnasked,
    },
  });
}

beforeEach(() => {
  clock = createFakeClock();
  core = createScriptedBackend(async () => servedBy('legacy:core'));
  labs = createScriptedBackend(async () => servedBy('modern:labs'));
  evidence = createEvidence();
  experiment = createExperiment();
  missing = [];
  fallbacks = [];
  now = route({ stage: 'modern' });
  router = routed();
});

const ask = (request: FhirRequest = one) => router.handle(request, createContext(clock));

describe('a read that modern fails to answer', () => {
  it.each<ErrorCode>([
    'unavailable',
    'timeout',
    'internal',
    'legacy-malformed',
    'legacy-exception',
    'not-implemented',
    'throttled',
  ])('is answered by legacy, and says so: %s', async (code) => {
    labs.answers = fail(code);
    expect(await ask()).toMatchObject({ status: 200, servedBy: 'legacy:core; fallback' });
    expect(fallbacks).toEqual(['Observation.search']);
    expect(evidence.calls.map(({ side, ok, fellBack }) => [side, ok, fellBack])).toEqual([
      ['modern', false, false],
      ['legacy', true, true],
    ]);
    expect(experiment.told).toMatchObject([{ side: 'legacy', outcome: { response: { status: 200 } } }]);
  });

  it.each([429, 500, 503])(
    'is answered by legacy when modern answers %s, whose body is given up',
    async (status) => {
      const { response, state } = piped(status);
      labs.answers = async () => response;
      expect(await ask()).toMatchObject({ servedBy: 'legacy:core; fallback' });
      expect(state.discarded).toBe(true);
    },
  );

  it('is no failure of a modern side that was not asked: an open breaker, a full queue', async () => {
    labs.answers = async () => {
      throw unasked('unavailable', 'left alone for a while', 1);
    };
    expect(await ask()).toMatchObject({ servedBy: 'legacy:core; fallback' });
    expect(evidence.calls.map(({ side, fellBack }) => [side, fellBack])).toEqual([['legacy', true]]);
  });

  it('falls back for a vread and a search, too', async () => {
    labs.answers = fail('unavailable');
    expect(await ask({ ...one, interaction: 'vread', versionId: '3' })).toMatchObject({ status: 200 });
    core.answers = async () => found(patient('1'));
    expect(await ask(search(query('Observation')))).toMatchObject({ status: 200 });
    expect(fallbacks).toHaveLength(2);
  });

  it('is not said to be absent because legacy does not know it', async () => {
    core.answers = fail('not-found');
    labs.answers = fail('timeout');
    expect(await outcome(ask())).toBe('timeout');
    labs.answers = async () => piped(503).response;
    expect(await outcome(ask())).toBe('unavailable');
    const gone = piped(404);
    core.answers = async () => gone.response;
    expect(await outcome(ask())).toBe('unavailable');
    expect(gone.state.discarded).toBe(true);
  });

  it.each<[string, FhirRequest, ErrorCode]>([
    ['keeps no versions', { ...one, interaction: 'history' }, 'not-implemented'],
    ['has no such version', { ...one, interaction: 'vread', versionId: '3' }, 'not-found'],
    ['cannot search so', search(query('Observation')), 'search-unsupported'],
    ['would be asked for too much', search(query('Observation')), 'too-costly'],
  ])('is modern’s failure when legacy %s', async (_name, request, code) => {
    core.answers = fail(code);
    labs.answers = fail('timeout');
    expect(await outcome(ask(request))).toBe('timeout');
    labs.answers = async () => piped(500).response;
    expect(await outcome(ask(request))).toBe('unavailable');
    expect(core.asked).toHaveLength(2);
  });

  it.each<[string, ErrorCode]>([
    ['is not there', 'not-found'],
    ['is refused', 'forbidden'],
    ['cannot be searched for so', 'search-unsupported'],
  ])('is no failure when it %s: that is an answer', async (_name, code) => {
    labs.answers = fail(code);
    expect(await outcome(ask())).toBe(code);
    labs.answers = async () => piped(404).response;
    expect(await ask()).toMatchObject({ status: 404, servedBy: 'modern:labs' });
    expect(core.asked).toEqual([]);
    expect(evidence.calls.map(({ ok }) => ok)).toEqual([true, true]);
  });

  it('ends as legacy ends when both fail', async () => {
    labs.answers = fail('timeout');
    core.answers = fail('legacy-rejected');
    expect(await outcome(ask())).toBe('legacy-rejected');
    expect(evidence.calls.map(({ side, ok }) => [side, ok])).toEqual([
      ['modern', false],
      ['legacy', false],
    ]);
    expect(experiment.told).toMatchObject([
      { side: 'legacy', outcome: { error: { code: 'legacy-rejected' } } },
    ]);
  });

  it.each<[string, () => void]>([
    ['in retired', () => (now = route({ stage: 'retired' }))],
    ['without a legacy side', () => delete (now as { legacy?: string }).legacy],
    [
      'when legacy has missed a write that concerns it',
      () => missing.push({ side: 'legacy', endpoint: 'Observation.create', id: 'o1' }),
    ],
  ])('fails %s', async (_name, arrange) => {
    arrange();
    labs.answers = fail('unavailable');
    expect(await outcome(ask())).toBe('unavailable');
    expect(core.asked).toEqual([]);
  });

  it('fails for a patient who stays with modern after going back', async () => {
    now = route({ stage: 'shadow' });
    missing.push({ side: 'legacy', endpoint: 'Observation.create', id: 'o1' });
    labs.answers = fail('unavailable');
    expect(await outcome(ask())).toBe('unavailable');
    missing.pop();
    expect(await ask()).toMatchObject({ servedBy: 'legacy:core' });
  });

  it('fails when legacy misses a write while modern is asked', async () => {
    labs.answers = async () => {
      missing.push({ side: 'legacy', endpoint: 'Observation.create', id: 'o1' });
      throw new FicusError('timeout', 'It failed.');
    };
    expect(await outcome(ask())).toBe('timeout');
  });

  it('fails on a further page of modern’s own', async () => {
    labs.answers = fail('unavailable');
    const page = search({ ...query('Observation'), page: 'next', applied: [['_getpages', 'next']] });
    expect(await outcome(ask(page))).toBe('unavailable');
    expect(core.asked).toEqual([]);
  });

  it('is not asked again for a client that has left', async () => {
    const context = createContext(clock);
    labs.answers = async () => {
      context.abort();
      throw new FicusError('timeout', 'The client went away.');
    };
    expect(await outcome(router.handle(one, context))).toBe('timeout');
    expect([core.asked, evidence.calls, experiment.told]).toEqual([[], [], []]);
    expect(evidence.writes).toEqual([]);
  });
});

describe('a body that modern streams', () => {
  const bytes = async (
    pipe: () => Promise<void>,
    before: (context: ReturnType<typeof createContext>) => void = () => {},
  ) => {
    labs.answers = async () => ({ ...piped(200).response, body: { kind: 'pipe', pipe, discard: () => {} } });
    const context = createContext(clock);
    const { body } = await router.handle(one, context);
    expect(evidence.calls).toEqual([]);
    before(context);
    if (body.kind === 'pipe') await body.pipe(new PassThrough()).catch(() => {});
    return evidence.calls.map(({ side, ok }) => [side, ok]);
  };
  const brokenOff = () => Promise.reject(new FicusError('unavailable', 'It broke off.'));

  it('is an answer when it has come to its end', async () => {
    expect(await bytes(async () => {})).toEqual([['modern', true]]);
  });

  it('is an answer when it is taken whole, and nothing before', async () => {
    let come: Buffer | undefined;
    const body = { kind: 'pipe' as const, pipe: async () => {}, discard: () => {}, whole: () => come };
    labs.answers = async () => ({ ...piped(200).response, body });
    const answered = (await router.handle(one, createContext(clock))).body;
    if (answered.kind !== 'pipe') throw new Error('not streamed');
    expect([answered.whole?.(), evidence.calls]).toEqual([undefined, []]);
    come = Buffer.from('{}');
    expect(answered.whole?.()).toBe(come);
    expect(evidence.calls.map(({ side, ok }) => [side, ok])).toEqual([['modern', true]]);
  });

  it('is a failure when modern breaks it off, although its status was good', async () => {
    expect(await bytes(brokenOff)).toEqual([['modern', false]]);
  });

  it('says nothing against modern when its reader went away, or its time was up', async () => {
    expect(await bytes(() => Promise.reject(new Error('The reader went away')))).toEqual([['modern', true]]);
    evidence.calls.length = 0;
    expect(await bytes(brokenOff, (context) => context.abort())).toEqual([['modern', true]]);
  });
});

describe('a write that modern fails', () => {
  it('is told of before it leaves, though its client does not wait', async () => {
    const context = createContext(clock);
    let told = 0;
    labs.answers = async () => {
      told = evidence.writes.length;
      context.abort();
      throw new FicusError('timeout', 'The client went away.');
    };
    await outcome(router.handle(create({ type: 'Observation' }), context));
    expect(told).toBe(1);
    expect([evidence.writes[0]?.[1], evidence.calls]).toEqual(['modern', []]);
  });

  it.each<ErrorCode>(['unavailable', 'outcome-unknown', 'timeout'])(
    'never goes to legacy: %s',
    async (code) => {
      labs.answers = fail(code);
      expect(await outcome(ask(create({ type: 'Observation' })))).toBe(code);
      expect(core.asked).toEqual([]);
      expect(evidence.calls).toMatchObject([{ side: 'modern', ok: false, shape: 'create' }]);
    },
  );
});

describe('the time of a request', () => {
  it('is divided, so that legacy has some of it left when modern is silent', async () => {
    const hung = createScriptedBackend(() => new Promise(() => {}));
    router = routed(deadline({ ms: 30_000, graceMs: 0, clock })(hung));
    const answered = router.handle(one, createContext(clock, { within: 1_000 }));
    await clock.advance(599);
    expect(core.asked).toHaveLength(0);
    await clock.advance(10);
    expect(await answered).toMatchObject({ servedBy: 'legacy:core; fallback' });
    expect(core.asked[0]?.context.deadline).toBe(hung.asked[0]!.context.deadline + 400);
  });

  it('is all modern’s where nobody stands in for it', async () => {
    now = route({ stage: 'retired' });
    const context = createContext(clock, { within: 1_000 });
    await router.handle(one, context);
    expect(labs.asked[0]?.context.deadline).toBe(context.deadline);
  });

  it('is not spent on a modern backend whose breaker is open', async () => {
    const breaker = createBreaker({
      name: 'labs',
      errorPercent: 50,
      volume: 5,
      windowMs: 10_000,
      resetMs: 5_000,
      clock,
      log: createTestLogger(),
    });
    router = routed(breaker.layer(labs));
    labs.answers = fail('unavailable');
    for (let n = 0; n < 20; n++) expect(await ask()).toMatchObject({ servedBy: 'legacy:core; fallback' });
    expect(labs.asked).toHaveLength(5);
    expect(core.asked).toHaveLength(20);
    breaker.shutdown();
  });
});
