import { beforeEach, describe, expect, it } from 'vitest';
import type { FicusError } from '../../../src/errors.ts';
import type { Endpoint } from '../../../src/fhir/types.ts';
import type { Route, Stage } from '../../../src/ports.ts';
import { createMemoryRouteStore } from '../../../src/store/memory.ts';
import type { GateReport, Position } from '../../../src/strangler/gates/gate.ts';
import { createSteps } from '../../../src/strangler/steps.ts';
import type { Steps, StepsOptions } from '../../../src/strangler/steps.ts';
import { createRouteTable } from '../../../src/strangler/table.ts';
import type { RouteTable } from '../../../src/strangler/table.ts';
import { createFakeClock, createTestLogger } from '../resilience/support.ts';
import { createPins } from './support.ts';
import type { Missing } from './support.ts';

const SEARCH = 'Appointment.search';
const CREATE = 'Appointment.create';
const DAY_MS = 86_400_000;
const endpoints: Endpoint[] = [SEARCH, 'Appointment.read', CREATE, 'Appointment.update'];
const ana = { by: 'ana', reason: 'pilot' };
const ben = { by: 'ben', reason: 'agreed' };

let clock: ReturnType<typeof createFakeClock>;
let table: RouteTable;
let missing: Missing[];
let blocking: string[];
let judged: Position[];
let kept: { endpoint: Endpoint; version: number; report: GateReport }[];
let steps: Steps;

/** The gates say what a test says. */
async function judge(route: Route, to: Position): Promise<GateReport> {
  judged.push(to);
  const { endpoint, run, stage } = route;
  const open = blocking.length === 0;
  return { endpoint, run, from: { stage }, to, at: 'now', open, gates: [], blocking: [...blocking] };
}

function stepsWith(more: Partial<StepsOptions> = {}): Steps {
  return createSteps({
    table,
    backends: BACKENDS,
    judge,
    owed: (side, endpoint) => createPins(missing).owed(side, endpoint),
    percentages: [5, 25],
    mayForce: false,
    clock,
    keep: async (step) => void kept.push(step),
    ...more,
  });
}

const BACKENDS = [
  { name: 'core', kind: 'legacy', endpoints },
  { name: 'labs', kind: 'modern', endpoints },
] as const;

beforeEach(async () => {
  clock = createFakeClock(Date.parse('2026-03-01T08:00:00Z'));
  [missing, blocking, judged, kept] = [[], [], [], []];
  table = await createRouteTable({
    seeds: endpoints.map((endpoint) => ({
      endpoint,
      stage: 'legacy',
      legacy: 'core',
      ...(endpoint === 'Appointment.read' ? {} : { modern: 'labs' }),
      body: 'validated',
    })),
    store: createMemoryRouteStore(),
    backends: BACKENDS,
    clock,
    log: createTestLogger(),
  });
  steps = stepsWith();
});

/** Brings a route to a stage, whatever the gates say. */
const at = async (stage: Stage, endpoint: Endpoint = SEARCH) =>
  table.setStage(endpoint, stage, { by: 'test', cohort: { percent: 10 } });
const refusal = async (step: Promise<unknown>): Promise<[string, string[]]> => {
  const error = (await step.then(
    () => {
      throw new TypeError('it was not refused');
    },
    (failure: unknown) => failure,
  )) as FicusError;
  return [error.code, error.issues.map(({ diagnostics = '' }) => diagnostics)];
};

describe('a step forward', () => {
  it('goes through every stage and percentage, each through the gates, and keeps what they said', async () => {
    const words: string[] = [];
    for (let n = 0; n < 4; n++) words.push((await steps.promote(SEARCH, ana)).words);
    expect(words).toEqual([
      'Appointment.search went from legacy to shadow, by ana: pilot.',
      'Appointment.search went from shadow to canary 5 %, by ana: pilot.',
      'Appointment.search went from canary 5 % to canary 25 %, by ana: pilot.',
      'Appointment.search went from canary 25 % to modern, by ana: pilot.',
    ]);
    const way = [
      { stage: 'shadow' },
      { stage: 'canary', percent: 5 },
      { stage: 'canary', percent: 25 },
      { stage: 'modern' },
    ];
    expect(judged).toEqual(way);
    expect(kept.map(({ version, report }) => [version, report.to])).toEqual(way.map((to, n) => [n + 2, to]));
    expect((await table.history(SEARCH)).map(({ stage, run }) => [stage, run])).toEqual([
      ['legacy', 1],
      ['shadow', 2],
      ['canary', 3],
      // More percent of the same stage: what was seen still counts.
      ['canary', 3],
      ['modern', 5],
    ]);
  });

  it('keeps the lists of a cohort, and takes another percentage when one is wanted', async () => {
    await table.change(SEARCH, { cohort: { percent: 50, facilities: ['EAST'] } }, ana);
    await at('shadow');
    await table.change(SEARCH, { cohort: { percent: 50, facilities: ['EAST'] } }, ana);
    const { route } = await steps.promote(SEARCH, { ...ana, percent: 12.5 });
    expect(route.cohort).toEqual({ percent: 12.5, facilities: ['EAST'] });
  });

  it('is refused with everything that holds it', async () => {
    await table.change(SEARCH, { hold: { by: 'ben', at: '2026-02-28', reason: 'holidays' } }, ben);
    blocking = ['criticals: 2 critical differences', 'shapes: 3 of 9 not compared'];
    expect(await refusal(steps.promote(SEARCH, ana))).toEqual([
      'unprocessable',
      [
        'ben holds it since 2026-02-28: holidays',
        'criticals: 2 critical differences',
        'shapes: 3 of 9 not compared',
      ],
    ]);
    expect(table.get(SEARCH)).toMatchObject({ stage: 'legacy', version: 2 });
    expect(kept).toEqual([]);
  });

  it('says a single reason in the message itself', async () => {
    blocking = ['owners: no clinical owner'];
    await expect(steps.promote(SEARCH, ana)).rejects.toMatchObject({
      code: 'unprocessable',
      message: 'Appointment.search cannot go to shadow: owners: no clinical owner.',
    });
  });

  it('is refused where the wiring is not there, by all that is missing', async () => {
    blocking = ['owners: nobody'];
    expect(await refusal(steps.promote('Appointment.read', ana))).toEqual([
      'unprocessable',
      ['Appointment.read has no modern backend', 'owners: nobody'],
    ]);
  });

  it('is not taken on a route that has changed since the gates were asked', async () => {
    steps = stepsWith({
      judge: async (route, to) => {
        await table.change(SEARCH, { hold: { by: 'eve', at: 'now', reason: 'wait' } }, ben);
        return judge(route, to);
      },
    });
    expect((await refusal(steps.promote(SEARCH, ana)))[0]).toBe('version-conflict');
    expect((await refusal(stepsWith().promote(SEARCH, { ...ana, ifVersion: 1 })))[0]).toBe('unprocessable');
  });

  it.each<[Stage, RegExp]>([
    ['modern', /ficus migrate retire/],
    ['retired', /come all the way/],
  ])('is none after %s', async (stage, words) => {
    await at('modern');
    if (stage === 'retired') {
      await table.change(SEARCH, { retirement: { by: 'ana', at: 'now', reason: '' } }, ana);
      await table.setStage(SEARCH, 'retired', ben);
    }
    const [code, [reason]] = await refusal(steps.promote(SEARCH, ana));
    expect([code, judged]).toEqual(['unprocessable', []]);
    expect(reason).toMatch(words);
    expect(() => steps.next(SEARCH)).toThrow(words);
  });

  it('stands although its evidence could not be kept, and says so', async () => {
    steps = stepsWith({
      keep: async () => {
        throw new Error('disk full');
      },
    });
    const { route, warnings } = await steps.promote(SEARCH, ana);
    expect([route.stage, warnings]).toEqual(['shadow', ['What the gates said could not be kept.']]);
  });

  it('warns of routes of the same type that do not fit', async () => {
    await at('shadow');
    expect((await steps.promote(SEARCH, ana)).warnings).toEqual([
      'Appointment.create is at legacy: modern is not told of what it writes.',
      'Appointment.update is at legacy: modern is not told of what it writes.',
    ]);
    await at('shadow', CREATE);
    expect((await steps.promote(CREATE, ana)).warnings).toEqual([
      'Appointment.read has no modern side: what modern writes is seen there only when legacy has been told of it.',
    ]);
  });
});

describe('going back', () => {
  it.each<[Stage, string | undefined, Stage]>([
    ['shadow', undefined, 'legacy'],
    ['canary', undefined, 'shadow'],
    ['modern', undefined, 'shadow'],
    ['modern', 'canary', 'canary'],
    ['modern', 'legacy', 'legacy'],
    ['canary', 'legacy', 'legacy'],
  ])('from %s (to %s) lands on %s, held or not, and asks no gate', async (from, to, landed) => {
    await at(from);
    await steps.hold(SEARCH, ben);
    blocking = ['everything'];
    const { route } = await steps.rollback(SEARCH, { ...ana, ...(to ? { to } : {}) });
    expect(route).toMatchObject({ stage: landed, cohort: { percent: 10 }, hold: { by: 'ben' } });
    expect(judged).toEqual([]);
  });

  it.each<[Stage, string | undefined, string, RegExp]>([
    ['legacy', undefined, 'unprocessable', /after legacy comes shadow|not behind/],
    ['shadow', 'canary', 'unprocessable', /canary is not behind shadow/],
    ['shadow', 'shadow', 'unprocessable', /at shadow already/],
    ['canary', 'sideways', 'value-invalid', /is not a stage/],
  ])('from %s to %s is refused: %s', async (from, to, code, words) => {
    if (from !== 'legacy') await at(from);
    const [refused, [reason]] = await refusal(steps.rollback(SEARCH, { ...ana, ...(to ? { to } : {}) }));
    expect(refused).toBe(code);
    expect(reason).toMatch(words);
  });

  it.each<[string, Missing[], string[]]>([
    [
      'nothing is owed',
      [
        { side: 'modern', endpoint: CREATE },
        { side: 'legacy', endpoint: 'Patient.create' },
      ],
      [],
    ],
    [
      'one write is',
      [{ side: 'legacy', endpoint: CREATE }],
      ['1 write accepted by modern is not in legacy yet; its patient stays with modern until it is.'],
    ],
    [
      'many are, of both kinds',
      Array.from({ length: 37 }, (_, n) => ({
        side: 'legacy',
        endpoint: n < 30 ? CREATE : 'Appointment.update',
      })),
      ['37 writes accepted by modern are not in legacy yet; their patients stay with modern until they are.'],
    ],
    [
      'some cannot be delivered',
      [
        { side: 'legacy', endpoint: CREATE },
        { side: 'legacy', endpoint: CREATE, dead: true },
      ],
      [
        '2 writes accepted by modern are not in legacy yet; their patients stay with modern until they are. 1 of them cannot be delivered and waits for a decision: `ficus migrate outbox`.',
      ],
    ],
  ])('warns by counts when %s', async (_name, owed, warnings) => {
    await at('canary');
    missing.push(...owed);
    expect((await steps.rollback(SEARCH, ana)).warnings).toEqual(warnings);
  });

  it('says what a write that goes all the way back no longer does', async () => {
    await at('shadow', CREATE);
    expect((await steps.rollback(CREATE, ana)).warnings).toEqual([
      expect.stringContaining('ficus migrate backfill'),
    ]);
  });

  it('wins although somebody changes the route at that moment, unless a version was given', async () => {
    await at('canary');
    const [, moved] = await Promise.all([steps.note(SEARCH, ben), steps.rollback(SEARCH, ana)]);
    expect(moved.route).toMatchObject({ stage: 'shadow', version: 4 });
    await at('canary');
    const race = Promise.all([
      steps.note(SEARCH, ben),
      steps.rollback(SEARCH, { ...ana, ifVersion: table.get(SEARCH)?.version ?? 0 }),
    ]);
    expect((await refusal(race))[0]).toBe('version-conflict');
  });
});

describe('a hold', () => {
  it('is signed, and released by whoever says why', async () => {
    await clock.advance(1_000);
    const held = await steps.hold(SEARCH, ana);
    expect(held.route.hold).toEqual({ by: 'ana', at: '2026-03-01T08:00:01.000Z', reason: 'pilot' });
    expect(held.words).toBe('Appointment.search is held, by ana: pilot.');
    expect((await steps.release(SEARCH, ben)).route).not.toHaveProperty('hold');
    expect(await refusal(steps.release(SEARCH, ben))).toEqual([
      'unprocessable',
      ['Appointment.search cannot be released: nobody holds it.'],
    ]);
  });
});

describe('to retire', () => {
  beforeEach(() => at('modern'));

  it('takes two people, gates each time, and both names are kept', async () => {
    const first = await steps.retire(SEARCH, ana);
    expect(first.route).toMatchObject({ stage: 'modern', retirement: { by: 'ana', reason: 'pilot' } });
    expect(first.words).toContain('may be retired by somebody else until 2026-03-08T08:00:00.000Z');
    for (const by of ['ana', 'Ana ', 'ANA']) {
      const [code, [reason]] = await refusal(steps.retire(SEARCH, { by }));
      expect([code, reason]).toEqual(['unprocessable', expect.stringContaining('somebody else has to')]);
    }
    blocking = ['legacy-calls: 3 calls in 30 days'];
    expect(await refusal(steps.retire(SEARCH, ben))).toEqual([
      'unprocessable',
      ['Appointment.search cannot go to retired: legacy-calls: 3 calls in 30 days.'],
    ]);
    blocking = [];
    const second = await steps.retire(SEARCH, ben);
    expect(second.route).toMatchObject({ stage: 'retired', updatedBy: 'ben', retirement: { by: 'ana' } });
    expect(judged.every(({ stage }) => stage === 'retired')).toBe(true);
    expect(kept).toMatchObject([{ version: second.route.version }]);
  });

  it('begins anew when the first approval is a week old, or the route has gone back since', async () => {
    await steps.retire(SEARCH, ana);
    await clock.advance(7 * DAY_MS);
    expect((await steps.retire(SEARCH, ben)).route).toMatchObject({
      stage: 'modern',
      retirement: { by: 'ben' },
    });
    await steps.rollback(SEARCH, ana);
    await at('modern');
    expect((await steps.retire(SEARCH, ana)).route).toMatchObject({
      stage: 'modern',
      retirement: { by: 'ana' },
    });
  });

  it('is refused before modern, while it is held, and where gates hold it', async () => {
    await steps.hold(SEARCH, ben);
    blocking = ['drift: no report'];
    expect(await refusal(steps.retire(SEARCH, ana))).toEqual([
      'unprocessable',
      [expect.stringContaining('ben holds it'), 'drift: no report'],
    ]);
    await steps.rollback(SEARCH, ana);
    expect((await refusal(steps.retire(SEARCH, ana)))[1]).toEqual([
      expect.stringContaining('after shadow comes canary'),
    ]);
  });

  it('is refused for writes as long as legacy answers who reads them', async () => {
    await at('modern', CREATE);
    expect(await refusal(steps.retire(CREATE, ana))).toEqual([
      'unprocessable',
      [expect.stringContaining('Appointment.read is at legacy: legacy, which answers it, would not be told')],
    ]);
  });
});

describe('a cohort', () => {
  it('is made smaller at any time, and larger through the gates', async () => {
    await at('canary');
    blocking = ['parity: 98 %'];
    expect((await steps.setCohort(SEARCH, { percent: 5 }, ana)).route.cohort).toEqual({ percent: 5 });
    expect(judged).toEqual([]);
    const wider = { percent: 5, clients: ['kiosk'] };
    expect((await refusal(steps.setCohort(SEARCH, wider, ana)))[0]).toBe('unprocessable');
    expect(judged).toEqual([{ stage: 'canary', percent: 5 }]);
    blocking = [];
    const { route, words } = await steps.setCohort(SEARCH, wider, ana);
    expect([route.cohort, kept.length]).toEqual([wider, 1]);
    expect(words).toBe(
      'Appointment.search went from canary 5 % to canary 5 %, and client kiosk, by ana: pilot.',
    );
  });

  it('is written down before there is a canary, without gates, and must be one', async () => {
    blocking = ['everything'];
    const { route } = await steps.setCohort(SEARCH, { percent: 5, facilities: ['EAST'] }, ana);
    expect([route.stage, route.cohort]).toEqual(['legacy', { percent: 5, facilities: ['EAST'] }]);
    expect((await refusal(steps.setCohort(SEARCH, { percent: 500 }, ana)))[0]).toBe('value-invalid');
  });
});

describe('what else is said of a route', () => {
  it('is kept in its history', async () => {
    await steps.note(SEARCH, { by: 'ana', reason: 'vendor called' });
    await steps.setOwners(SEARCH, { technical: 'labs' }, ana);
    const owned = await steps.setOwners(SEARCH, { clinical: 'dr b' }, ana);
    expect(owned.route.owners).toEqual({ technical: 'labs', clinical: 'dr b' });
    const fresh = await steps.freshEvidence(SEARCH, { by: 'ben', reason: 'new image' });
    expect(fresh.route).toMatchObject({ run: 5, stage: 'legacy', since: '2026-03-01T08:00:00.000Z' });
    expect((await table.history(SEARCH)).map(({ updatedBy, reason }) => `${updatedBy}: ${reason}`)).toEqual([
      'config: first start',
      'ana: vendor called',
      'ana: pilot',
      'ana: pilot',
      'ben: new image',
    ]);
    expect((await refusal(steps.note(SEARCH, { by: 'ana' })))[0]).toBe('value-required');
  });
});

describe('a stage that is set', () => {
  it('goes back like any, with warnings, and not forward: that is what promote is for', async () => {
    await at('canary');
    missing.push({ side: 'legacy', endpoint: CREATE });
    const { route, warnings } = await steps.set(SEARCH, 'legacy', ana);
    expect([route.stage, route.reason, warnings.length]).toEqual(['legacy', 'pilot', 1]);
    for (const stage of ['shadow', 'canary', 'modern']) {
      expect(await refusal(steps.set(SEARCH, stage, ana))).toEqual([
        'unprocessable',
        [expect.stringContaining('`ficus migrate promote Appointment.search`')],
      ]);
    }
    expect((await steps.set(SEARCH, 'legacy', ana)).route.version).toBe(route.version);
    expect((await refusal(steps.set(SEARCH, 'sideways', ana)))[0]).toBe('value-invalid');
    expect((await refusal(steps.set('Patient.read', 'legacy', ana)))[0]).toBe('not-found');
  });

  it('is any but retired where the configuration lets gates be skipped, and its reason says so', async () => {
    steps = stepsWith({ mayForce: true });
    blocking = ['everything'];
    expect((await steps.set(SEARCH, 'modern', ana)).route).toMatchObject({
      stage: 'modern',
      reason: 'forced: pilot',
    });
    expect((await steps.set(SEARCH, 'legacy', ana)).route).toMatchObject({
      stage: 'legacy',
      reason: 'pilot',
    });
    expect((await steps.set(SEARCH, 'canary', { by: 'ana' })).route).toMatchObject({
      stage: 'canary',
      cohort: { percent: 5 },
      reason: 'forced',
    });
    expect((await refusal(steps.set(SEARCH, 'retired', ana)))[1]).toEqual([
      expect.stringContaining('ficus migrate retire'),
    ]);
    expect((await refusal(steps.set('Appointment.read', 'modern', ana)))[1]).toEqual([
      expect.stringContaining('has no modern backend'),
    ]);
    await steps.hold(SEARCH, ben);
    expect((await refusal(steps.set(SEARCH, 'modern', ana)))[1]).toEqual([
      expect.stringContaining('ben holds it'),
    ]);
    expect(judged).toEqual([]);
  });
});
