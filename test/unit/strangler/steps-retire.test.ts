import { beforeEach, describe, expect, it } from 'vitest';
import type { Steps } from '../../../src/strangler/steps.ts';
import { CREATE, SEARCH, ana, ben, createWorld, refusal } from './steps-world.ts';
import type { World } from './steps-world.ts';

const DAY_MS = 86_400_000;

let world: World;
let steps: Steps;
beforeEach(async () => {
  world = await createWorld();
  steps = world.stepsWith();
});

describe('a hold', () => {
  it('is signed, and released by whoever says why', async () => {
    await world.clock.advance(1_000);
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
  beforeEach(() => world.at('modern'));

  it('takes two people, gates each time, and both names are kept', async () => {
    const first = await steps.retire(SEARCH, ana);
    expect(first.route).toMatchObject({ stage: 'modern', retirement: { by: 'ana', reason: 'pilot' } });
    expect(first.words).toContain('may be retired by somebody else until 2026-03-08T08:00:00.000Z');
    for (const by of ['ana', 'Ana ', 'ANA']) {
      const [code, [reason]] = await refusal(steps.retire(SEARCH, { by }));
      expect([code, reason]).toEqual(['unprocessable', expect.stringContaining('somebody else has to')]);
    }
    world.blocking = ['legacy-calls: 3 calls in 30 days'];
    expect(await refusal(steps.retire(SEARCH, ben))).toEqual([
      'unprocessable',
      ['Appointment.search cannot go to retired: legacy-calls: 3 calls in 30 days.'],
    ]);
    world.blocking = [];
    const second = await steps.retire(SEARCH, ben);
    expect(second.route).toMatchObject({ stage: 'retired', updatedBy: 'ben', retirement: { by: 'ana' } });
    expect(world.judged.every(({ stage }) => stage === 'retired')).toBe(true);
    expect(world.kept).toMatchObject([{ version: second.route.version }]);
  });

  it('begins anew when the first approval is a week old, or the route has gone back since', async () => {
    await steps.retire(SEARCH, ana);
    await world.clock.advance(7 * DAY_MS);
    expect((await steps.retire(SEARCH, ben)).route).toMatchObject({
      stage: 'modern',
      retirement: { by: 'ben' },
    });
    await steps.rollback(SEARCH, ana);
    await world.at('modern');
    expect((await steps.retire(SEARCH, ana)).route).toMatchObject({
      stage: 'modern',
      retirement: { by: 'ana' },
    });
  });

  it('is refused before modern, while it is held, and where gates hold it', async () => {
    await steps.hold(SEARCH, ben);
    world.blocking = ['drift: no report'];
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
    await world.at('modern', CREATE);
    expect(await refusal(steps.retire(CREATE, ana))).toEqual([
      'unprocessable',
      [expect.stringContaining('Appointment.read is at legacy: legacy, which answers it, would not be told')],
    ]);
  });
});

describe('a cohort', () => {
  it('is made smaller at any time, and larger through the gates', async () => {
    await world.at('canary');
    world.blocking = ['parity: 98 %'];
    expect((await steps.setCohort(SEARCH, { percent: 5 }, ana)).route.cohort).toEqual({ percent: 5 });
    expect(world.judged).toEqual([]);
    const wider = { percent: 5, clients: ['kiosk'] };
    expect((await refusal(steps.setCohort(SEARCH, wider, ana)))[0]).toBe('unprocessable');
    expect(world.judged).toEqual([{ stage: 'canary', percent: 5 }]);
    world.blocking = [];
    const { route, words } = await steps.setCohort(SEARCH, wider, ana);
    expect([route.cohort, world.kept.length]).toEqual([wider, 1]);
    expect(words).toBe(
      'Appointment.search went from canary 5 % to canary 5 %, and client kiosk, by ana: pilot.',
    );
  });

  it('is written down before there is a canary, without gates, and must be one', async () => {
    world.blocking = ['everything'];
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
    expect(
      (await world.table.history(SEARCH)).map(({ updatedBy, reason }) => `${updatedBy}: ${reason}`),
    ).toEqual(['config: first start', 'ana: vendor called', 'ana: pilot', 'ana: pilot', 'ben: new image']);
    expect((await refusal(steps.note(SEARCH, { by: 'ana' })))[0]).toBe('value-required');
  });
});
