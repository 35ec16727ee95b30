import { beforeEach, describe, expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import type { TwoSidedWriter } from '../../../src/migration-ports.ts';
import type { Backend, FhirRequest, RequestContext, Route, Stage } from '../../../src/ports.ts';
import { createRouter } from '../../../src/strangler/router.ts';
import {
  answer,
  create,
  createContext,
  createFakeClock,
  found,
  outcome,
  patient,
  query,
  read,
  search,
  update,
} from '../resilience/support.ts';
import { createEvidence, createExperiment, createPins, createScriptedBackend, route } from './support.ts';
import type { Missing, ScriptedBackend } from './support.ts';

const clock = createFakeClock();
const cohortKey = new Uint8Array(32).fill(1);
const one = read('o1', { type: 'Observation' });
const all = search(query('Observation'));

let core: ScriptedBackend;
let labs: ScriptedBackend;
let evidence: ReturnType<typeof createEvidence>;
let experiment: ReturnType<typeof createExperiment>;
let missing: Missing[];
let now: Route;
let router: Backend;
let written: unknown[][];

beforeEach(() => {
  const served = (name: string) =>
    createScriptedBackend(async () => {
      await clock.advance(7);
      return { ...answer(patient('1')), servedBy: name };
    });
  [core, labs] = [served('core'), served('labs')];
  [evidence, experiment, missing, written] = [createEvidence(), createExperiment(), [], []];
  now = route();
  const writer: TwoSidedWriter = {
    async write(request, _context, chosen, side) {
      written.push([request.interaction, chosen.version, side]);
      return { ...answer(patient('1')), servedBy: `written:${side}` };
    },
  };
  const backends = new Map<string, Backend>([
    ['core', core],
    ['labs', labs],
  ]);
  const migration = { clock, cohortKey, pins: createPins(missing), evidence, experiment, writer };
  router = createRouter({ table: { get: () => now }, backends, migration });
});

const ask = async (request: FhirRequest, context: RequestContext = createContext(clock)) =>
  (await router.handle(request, context)).servedBy;

describe('what is counted', () => {
  it.each<[Stage, string]>([
    ['legacy', 'legacy'],
    ['shadow', 'legacy'],
    ['canary', 'legacy'],
    ['modern', 'modern'],
    ['retired', 'modern'],
  ])('is every call of a client, in %s, too', async (stage, side) => {
    now = route({ stage });
    await ask(one);
    expect(evidence.calls).toEqual([
      {
        endpoint: 'Observation.search',
        run: 4,
        side,
        path: 'client',
        ms: 7,
        ok: true,
        fellBack: false,
        shape: 'read',
        at: clock.now(),
      },
    ]);
  });

  it('is a failure where there was no answer, and none where there was one', async () => {
    for (const code of ['not-found', 'timeout', 'unmappable', 'legacy-exception'] as const) {
      core.answers = async () => {
        throw new FicusError(code, 'No.');
      };
      expect(await outcome(ask(one))).toBe(code);
    }
    core.answers = async () => {
      throw new TypeError('a fault of ours');
    };
    expect(await outcome(ask(one))).toBe('not a FicusError');
    expect(evidence.calls.map(({ ok }) => ok)).toEqual([true, false, true, false, false]);
  });

  it('needs nothing else: without migration the stage decides, and the answer is the backend’s', async () => {
    const plain = createRouter({ table: { get: () => now }, backends: new Map([['core', core]]) });
    expect((await plain.handle(one, createContext(clock))).servedBy).toBe('core');
  });
});

describe('the experiment', () => {
  it.each<[Stage, boolean]>([
    ['legacy', false],
    ['shadow', true],
    ['canary', true],
    ['modern', true],
    ['retired', false],
  ])('in %s is told of reads and searches: %s', async (stage, told) => {
    now = route({ stage });
    await ask(one);
    await ask(all);
    const side = stage === 'modern' ? 'modern' : 'legacy';
    const expected = [
      { route: now, request: one, side, shape: 'read', requestId: 'r1', principal: { key: 'anonymous' } },
      { route: now, request: all, side, shape: '(none)' },
    ];
    expect(experiment.told).toMatchObject(told ? expected : []);
  });

  it('is told after the answer has gone', async () => {
    now = route({ stage: 'shadow' });
    const later: (() => void)[] = [];
    await ask(one, { ...createContext(clock), afterwards: (work) => void later.push(work) });
    expect(experiment.told).toEqual([]);
    for (const work of later) work();
    expect(experiment.told).toHaveLength(1);
  });

  it('is told how a request failed', async () => {
    now = route({ stage: 'shadow' });
    core.answers = async () => {
      throw new FicusError('not-found', 'No.');
    };
    expect(await outcome(ask(one))).toBe('not-found');
    expect(experiment.told).toMatchObject([{ side: 'legacy', outcome: { error: { code: 'not-found' } } }]);
  });

  it('is not told of writes, of vreads, and of endpoints with one side', async () => {
    now = route({ stage: 'modern' });
    await ask(create({ type: 'Observation' }));
    await ask({ ...one, interaction: 'vread', versionId: '1' });
    delete (now as { legacy?: string }).legacy;
    await ask(one);
    expect(experiment.told).toEqual([]);
  });
});

describe('a write', () => {
  const write = create({ type: 'Observation' });

  it.each<[Stage, string]>([
    ['legacy', 'core'],
    ['shadow', 'written:legacy'],
    ['canary', 'written:legacy'],
    ['modern', 'written:modern'],
    ['retired', 'labs'],
  ])('in %s is done by one side: %s', async (stage, by) => {
    now = route({ stage, cohort: { percent: 0 } });
    expect(await ask(write)).toBe(by);
    expect(await ask(update('1', { type: 'Observation' }))).toBe(by);
    expect(evidence.calls.map(({ shape }) => shape)).toEqual(['create', 'update']);
    expect(evidence.writes).toHaveLength(2);
  });

  it('in canary is modern’s for the cohort', async () => {
    now = route({ stage: 'canary', cohort: { percent: 100 } });
    expect(await ask(write)).toBe('written:modern');
    expect(written).toEqual([['create', 7, 'modern']]);
  });

  it('of a patient who stays with modern after going all the way back is told to legacy', async () => {
    missing.push({ side: 'legacy', endpoint: 'Observation.create', id: '1' });
    expect(await ask(update('1', { type: 'Observation' }))).toBe('written:modern');
    expect(await ask(update('2', { type: 'Observation' }))).toBe('core');
  });

  it('is plain where the other side is not wired', async () => {
    now = route({ stage: 'modern' });
    delete (now as { legacy?: string }).legacy;
    expect(await ask(write)).toBe('labs');
  });

  it('that one side may have done is not done by the other, in whichever cohort it is now', async () => {
    now = route({ stage: 'canary', cohort: { percent: 100 } });
    const attempt = { writeId: 'w', backend: 'core' };
    expect(await outcome(ask({ ...write, attempt }))).toBe('unavailable');
    expect(await ask({ ...write, attempt: { ...attempt, doubtful: 'ask-only' } })).toBe('written:legacy');
    expect(await ask({ ...write, attempt: { ...attempt, backend: 'labs' } })).toBe('written:modern');
  });

  it.each<[Stage, string, string]>([
    ['legacy', 'labs', 'written:modern'],
    ['shadow', 'labs', 'written:modern'],
    ['modern', 'core', 'written:legacy'],
    ['modern', 'gone', 'outcome-unknown'],
    ['retired', 'core', 'outcome-unknown'],
  ])('in doubt, repeated in %s, is asked of %s, where it was sent: %s', async (stage, backend, by) => {
    now = route({ stage });
    const attempt = { writeId: 'w', backend, doubtful: 'ask-then-send' } as const;
    const asked = ask({ ...write, attempt }).catch((error: unknown) => (error as FicusError).code);
    expect(await asked).toBe(by);
  });
});

describe('a search that neither side can answer completely', () => {
  beforeEach(() => {
    now = route({ stage: 'modern' });
    core.answers = async () => {
      const { body, ...rest } = found(patient('1'));
      if (body.kind !== 'searchset') throw new TypeError('no set');
      return { ...rest, body: { kind: 'searchset', set: { ...body.set, total: 1 } } };
    };
    missing.push(
      { side: 'legacy', endpoint: 'Observation.create' },
      { side: 'legacy', endpoint: 'Observation.update' },
      { side: 'modern', endpoint: 'Observation.update' },
    );
  });

  it('is answered, says how much is missing, and has no total', async () => {
    const { body } = await router.handle(all, createContext(clock));
    expect(body).toEqual({
      kind: 'searchset',
      set: {
        matches: [patient('1')],
        included: [],
        issues: [
          {
            severity: 'warning',
            code: 'incomplete',
            diagnostics: '2 accepted writes of this type are not yet visible here.',
          },
        ],
      },
    });
  });

  it('is complete again as soon as one side has seen all', async () => {
    missing.splice(0, 2);
    const { body } = await router.handle(all, createContext(clock));
    expect(body).toMatchObject({ set: { total: 1, issues: [] } });
  });

  it('does not change a read', async () => {
    missing.push({ side: 'legacy', endpoint: 'Observation.update', id: 'o1' });
    missing.push({ side: 'modern', endpoint: 'Observation.update', id: 'o1' });
    expect(await ask(one)).toBe('labs');
  });
});
