import { beforeEach, describe, expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import type { ErrorCode } from '../../../src/errors.ts';
import type { Backend, FhirRequest, FhirResponse, Route } from '../../../src/ports.ts';
import { createRouter } from '../../../src/strangler/router.ts';
import { answer, createContext, createFakeClock, found, outcome, patient, query, read, search } from '../resilience/support.ts'; // prettier-ignore
import { createExperiment, createScriptedBackend, route } from './support.ts';
import type { ScriptedBackend } from './support.ts';

/** Observations are read on two sides, and made on the modern one alone. */
const clock = createFakeClock();
const one = read('o1', { type: 'Observation' });
const all = search(query('Observation'));

let core: ScriptedBackend;
let labs: ScriptedBackend;
let experiment: ReturnType<typeof createExperiment>;
let routes: Map<string, Route>;
let mayHaveWritten: boolean;
let router: Backend;

function alone(more: Partial<Route> = {}): Route {
  const { legacy: _, ...created } = route({ endpoint: 'Observation.create', stage: 'modern', ...more });
  return created;
}

const fail = (code: ErrorCode) => async () => {
  throw new FicusError(code, 'It failed.');
};

const set = async (): Promise<FhirResponse> => {
  const { body, ...rest } = found(patient('1'));
  if (body.kind !== 'searchset') throw new TypeError('no set');
  return { ...rest, body: { kind: 'searchset', set: { ...body.set, total: 1 } } };
};

const incomplete = {
  kind: 'searchset',
  set: {
    matches: [patient('1')],
    included: [],
    issues: [
      {
        severity: 'warning',
        code: 'incomplete',
        diagnostics:
          'What was written by Observation.create is not visible here: legacy, which answered, is not told of it.',
      },
    ],
  },
};

function at(stage: Route['stage'], created: Route = alone()): void {
  routes = new Map(
    [route({ endpoint: 'Observation.read', stage }), route({ stage }), created].map((one) => [
      one.endpoint,
      one,
    ]),
  );
}

beforeEach(() => {
  core = createScriptedBackend(fail('not-found'));
  labs = createScriptedBackend(async () => ({ ...answer(patient('1')), servedBy: 'modern:labs' }));
  experiment = createExperiment();
  mayHaveWritten = true;
  at('legacy');
  router = createRouter({
    table: { get: (endpoint) => routes.get(endpoint) },
    backends: new Map<string, Backend>([
      ['core', core],
      ['labs', labs],
    ]),
    migration: {
      clock,
      cohortKey: new Uint8Array(32).fill(1),
      experiment,
      mayHaveWritten: () => mayHaveWritten,
    },
  });
});

const ask = (request: FhirRequest = one) => router.handle(request, createContext(clock));

describe('a read of what legacy does not know, of a type that modern writes alone', () => {
  it.each<Route['stage']>(['legacy', 'shadow', 'canary'])('is answered by modern in %s', async (stage) => {
    at(stage);
    expect(await ask()).toMatchObject({ status: 200, servedBy: 'modern:labs' });
    expect(await ask({ ...one, interaction: 'vread', versionId: '1' })).toMatchObject({ status: 200 });
    expect(core.asked).toHaveLength(2);
    expect(experiment.told).toEqual([]);
  });

  it('is not there when neither side knows it', async () => {
    labs.answers = fail('not-found');
    expect(await outcome(ask())).toBe('not-found');
  });

  it('is not said to be absent while modern fails', async () => {
    labs.answers = fail('unavailable');
    expect(await outcome(ask())).toBe('unavailable');
  });

  it.each<[string, () => void]>([
    ['legacy knows it', () => (core.answers = async () => answer(patient('1')))],
    ['legacy fails', () => (core.answers = fail('timeout'))],
    ['modern was never asked to write', () => (mayHaveWritten = false)],
    [
      'legacy is told of the writes',
      () => at('legacy', route({ endpoint: 'Observation.create', stage: 'modern' })),
    ],
    ['there are no such writes', () => routes.delete('Observation.create')],
  ])('is legacy’s where %s', async (_name, arrange) => {
    arrange();
    await ask().catch(() => {});
    expect(labs.asked).toEqual([]);
  });
});

describe('a search of a type that modern writes alone', () => {
  beforeEach(() => (core.answers = set));

  it.each<[Route['stage'], Route]>([
    ['legacy', alone()],
    ['shadow', alone()],
    ['canary', alone()],
    ['canary', route({ endpoint: 'Observation.create', stage: 'retired' })],
  ])('says that it is incomplete, and has no total, when legacy answers it in %s', async (stage, created) => {
    at(stage, created);
    expect((await ask(all)).body).toEqual(incomplete);
  });

  it('says so on a route without a modern side, too', async () => {
    const { modern: _, ...legacys } = route();
    routes.set('Observation.search', legacys);
    expect((await ask(all)).body).toEqual(incomplete);
  });

  it('says so when legacy answers in the place of modern, whatever is known of the writes', async () => {
    at('modern');
    labs.answers = fail('unavailable');
    mayHaveWritten = false;
    expect(await ask(all)).toMatchObject({ servedBy: 'legacy:core; fallback', body: incomplete });
  });

  it.each<[string, () => void]>([
    ['modern was never asked to write', () => (mayHaveWritten = false)],
    [
      'legacy is told of the writes',
      () => at('shadow', route({ endpoint: 'Observation.create', stage: 'modern' })),
    ],
    ['legacy does the writes', () => at('shadow', route({ endpoint: 'Observation.create' }))],
  ])('is complete where %s', async (_name, arrange) => {
    arrange();
    expect((await ask(all)).body).toMatchObject({ set: { total: 1, issues: [] } });
  });

  it('is compared as legacy answered it', async () => {
    at('shadow');
    await ask(all);
    expect(experiment.told).toMatchObject([{ outcome: { response: { body: { set: { total: 1 } } } } }]);
  });
});
