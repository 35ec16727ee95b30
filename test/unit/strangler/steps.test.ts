import { beforeEach, describe, expect, it } from 'vitest';
import type { Stage } from '../../../src/ports.ts';
import type { Steps } from '../../../src/strangler/steps.ts';
import { CREATE, SEARCH, ana, ben, createWorld, refusal } from './steps-world.ts';
import type { World } from './steps-world.ts';
import type { Missing } from './support.ts';

let world: World;
let steps: Steps;
beforeEach(async () => {
  world = await createWorld();
  steps = world.stepsWith();
});

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
    expect(world.judged).toEqual(way);
    expect(world.kept.map(({ version, report }) => [version, report.to])).toEqual(
      way.map((to, n) => [n + 2, to]),
    );
    expect((await world.table.history(SEARCH)).map(({ stage, run }) => [stage, run])).toEqual([
      ['legacy', 1],
      ['shadow', 2],
      ['canary', 3],
      // More percent of the same stage: what was seen still counts.
      ['canary', 3],
      ['modern', 5],
    ]);
  });

  it('keeps the lists of a cohort, and takes another percentage when one is wanted', async () => {
    await world.table.change(SEARCH, { cohort: { percent: 50, facilities: ['EAST'] } }, ana);
    await world.at('shadow');
    await world.table.change(SEARCH, { cohort: { percent: 50, facilities: ['EAST'] } }, ana);
    const { route } = await steps.promote(SEARCH, { ...ana, percent: 12.5 });
    expect(route.cohort).toEqual({ percent: 12.5, facilities: ['EAST'] });
  });

  it('is refused with everything that holds it', async () => {
    await world.table.change(SEARCH, { hold: { by: 'ben', at: '2026-02-28', reason: 'holidays' } }, ben);
    world.blocking = ['criticals: 2 critical differences', 'shapes: 3 of 9 not compared'];
    expect(await refusal(steps.promote(SEARCH, ana))).toEqual([
      'unprocessable',
      [
        'ben holds it since 2026-02-28: holidays',
        'criticals: 2 critical differences',
        'shapes: 3 of 9 not compared',
      ],
    ]);
    expect(world.table.get(SEARCH)).toMatchObject({ stage: 'legacy', version: 2 });
    expect(world.kept).toEqual([]);
  });

  it('says a single reason in the message itself', async () => {
    world.blocking = ['owners: no clinical owner'];
    await expect(steps.promote(SEARCH, ana)).rejects.toMatchObject({
      code: 'unprocessable',
      message: 'Appointment.search cannot go to shadow: owners: no clinical owner.',
    });
  });

  it('says a reason that is a sentence with one full stop, and what people wrote, too', async () => {
    world.blocking = ['contract: The contract tests of new have not been run.'];
    await expect(steps.promote(SEARCH, ana)).rejects.toMatchObject({
      message:
        'Appointment.search cannot go to shadow: contract: The contract tests of new have not been run.',
    });
    const { words } = await steps.hold(SEARCH, { by: 'ben', reason: 'Holidays.' });
    expect(words).toBe('Appointment.search is held, by ben: Holidays.');
    await steps.release(SEARCH, ben);
    world.blocking = [];
    const moved = await steps.promote(SEARCH, { by: 'ana', reason: 'Approved on Monday.' });
    expect(moved.words).toBe('Appointment.search went from legacy to shadow, by ana: Approved on Monday.');
  });

  it('is refused where the wiring is not there, by all that is missing', async () => {
    world.blocking = ['owners: nobody'];
    expect(await refusal(steps.promote('Appointment.read', ana))).toEqual([
      'unprocessable',
      ['Appointment.read has no modern backend', 'owners: nobody'],
    ]);
  });

  it('is not taken on a route that has changed since the gates were asked', async () => {
    steps = world.stepsWith({
      judge: async (route, to) => {
        await world.table.change(SEARCH, { hold: { by: 'eve', at: 'now', reason: 'wait' } }, ben);
        return world.judge(route, to);
      },
    });
    expect((await refusal(steps.promote(SEARCH, ana)))[0]).toBe('version-conflict');
    expect((await refusal(world.stepsWith().promote(SEARCH, { ...ana, ifVersion: 1 })))[0]).toBe(
      'unprocessable',
    );
  });

  it.each<[Stage, RegExp]>([
    ['modern', /ficus migrate retire/],
    ['retired', /come all the way/],
  ])('is none after %s', async (stage, words) => {
    await world.at('modern');
    if (stage === 'retired') {
      await world.table.change(SEARCH, { retirement: { by: 'ana', at: 'now', reason: '' } }, ana);
      await world.table.setStage(SEARCH, 'retired', ben);
    }
    const [code, [reason]] = await refusal(steps.promote(SEARCH, ana));
    expect([code, world.judged]).toEqual(['unprocessable', []]);
    expect(reason).toMatch(words);
    expect(() => steps.next(SEARCH)).toThrow(words);
  });

  it('stands although its evidence could not be kept, and says so', async () => {
    steps = world.stepsWith({
      keep: async () => {
        throw new Error('disk full');
      },
    });
    const { route, warnings } = await steps.promote(SEARCH, ana);
    expect([route.stage, warnings]).toEqual(['shadow', ['What the gates said could not be kept.']]);
  });

  it('warns of routes of the same type that do not fit', async () => {
    await world.at('shadow');
    expect((await steps.promote(SEARCH, ana)).warnings).toEqual([
      'Appointment.create is at legacy: modern is not told of what it writes.',
      'Appointment.update is at legacy: modern is not told of what it writes.',
    ]);
    await world.at('shadow', CREATE);
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
    await world.at(from);
    await steps.hold(SEARCH, ben);
    world.blocking = ['everything'];
    const { route } = await steps.rollback(SEARCH, { ...ana, ...(to ? { to } : {}) });
    expect(route).toMatchObject({ stage: landed, cohort: { percent: 10 }, hold: { by: 'ben' } });
    expect(world.judged).toEqual([]);
  });

  it.each<[Stage, string | undefined, string, RegExp]>([
    ['legacy', undefined, 'unprocessable', /after legacy comes shadow|not behind/],
    ['shadow', 'canary', 'unprocessable', /canary is not behind shadow/],
    ['shadow', 'shadow', 'unprocessable', /at shadow already/],
    ['canary', 'sideways', 'value-invalid', /is not a stage/],
  ])('from %s to %s is refused: %s', async (from, to, code, words) => {
    if (from !== 'legacy') await world.at(from);
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
    await world.at('canary');
    world.missing.push(...owed);
    expect((await steps.rollback(SEARCH, ana)).warnings).toEqual(warnings);
  });

  it('says what a write that goes all the way back no longer does', async () => {
    await world.at('shadow', CREATE);
    expect((await steps.rollback(CREATE, ana)).warnings).toEqual([
      expect.stringContaining('ficus migrate backfill'),
    ]);
  });

  it('is one step for two people who ask at once, and both are told', async () => {
    await world.at('canary');
    const both = await Promise.all([steps.rollback(SEARCH, ana), steps.rollback(SEARCH, ben)]);
    expect(both.map(({ route: { stage } }) => stage)).toEqual(['shadow', 'shadow']);
    expect(both[1]?.words).toBe('Appointment.search is at shadow already.');
    expect(world.table.get(SEARCH)).toMatchObject({ stage: 'shadow', updatedBy: 'ana' });
  });

  it('wins although somebody changes the route at that moment, unless a version was given', async () => {
    await world.at('canary');
    const [, moved] = await Promise.all([steps.note(SEARCH, ben), steps.rollback(SEARCH, ana)]);
    expect(moved.route).toMatchObject({ stage: 'shadow', version: 4 });
    await world.at('canary');
    const race = Promise.all([
      steps.note(SEARCH, ben),
      steps.rollback(SEARCH, { ...ana, ifVersion: world.table.get(SEARCH)?.version ?? 0 }),
    ]);
    expect((await refusal(race))[0]).toBe('version-conflict');
  });
});

describe('a stage that is set', () => {
  it('goes back like any, with warnings, and not forward: that is what promote is for', async () => {
    await world.at('canary');
    world.missing.push({ side: 'legacy', endpoint: CREATE });
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
    steps = world.stepsWith({ mayForce: true });
    world.blocking = ['everything'];
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
    expect(world.judged).toEqual([]);
  });
});
