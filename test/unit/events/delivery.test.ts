import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import type { FhirResponse } from '../../../src/ports.ts';
import { appointment, openScene, resourceOf } from './support.ts';
import type { Scene } from './support.ts';

const unavailable = () => new FicusError('unavailable', 'the side is down');
const status = (code: number): FhirResponse => ({
  status: code,
  headers: {},
  body: { kind: 'none' },
  servedBy: 'modern:fake',
});
const only = ({ writes }: Scene) => {
  const [entry, ...more] = writes.outbox.list();
  expect(more).toEqual([]);
  return entry;
};
const by = { by: 'ana', reason: 'the slot was freed' };

describe('a side that takes nothing', () => {
  it.each([
    ['is down', () => Promise.reject(unavailable())],
    ['answers 503', () => Promise.resolve(status(503))],
  ])('%s: nothing dies, and everything goes as soon as it takes one', async (_how, fail) => {
    const scene = await openScene();
    scene.modern.before = fail;
    for (let nth = 0; nth < 6; nth += 1) await scene.write('legacy', { resource: appointment(`p-${nth}`) });
    scene.writes.start();
    await scene.clock.advance(300_000);
    expect(scene.writes.outbox.list().map(({ state, attempts }) => [state, attempts])).toEqual(
      Array.from({ length: 6 }, () => ['pending', 0]),
    );
    expect(scene.writes.pins.owed('modern')).toMatchObject({ count: 6, dead: 0, oldestMs: 300_000 });
    scene.modern.before = () => undefined;
    await scene.clock.advance(1_001);
    expect(scene.writes.outbox.list()).toEqual([]);
    expect(scene.modern.held.size).toBe(6);
  });

  it('is left alone for longer and longer, up to the longest pause', async () => {
    const scene = await openScene({ random: () => 0.999_999 });
    const at: number[] = [];
    scene.modern.before = () => {
      at.push(scene.clock.now());
      return status(500);
    };
    const writes = scene.write('legacy');
    await writes;
    scene.writes.start();
    await scene.clock.advance(60_000);
    expect(at.slice(1).map((time, index) => time - at[index]!)).toEqual([100, 200]);
    expect(only(scene)).toMatchObject({ state: 'dead', attempts: 3, owner: 'bookings team' });
  });
});

describe('a write that cannot be delivered', () => {
  it.each([
    ['refused by modern', 422, 1],
    ['a failure each time', 500, 3],
    ['not allowed each time', 403, 3],
  ])('%s: is dead with an owner, and its patient goes on', async (_why, code, times) => {
    const scene = await openScene();
    let tries = 0;
    scene.modern.before = ({ resource }) => {
      if (resource?.['comment'] !== 'poison') return undefined;
      tries += 1;
      return status(code);
    };
    await scene.write('legacy', { resource: appointment('p-1', 'poison') });
    await scene.write('legacy', { resource: appointment('p-1', 'fine') });
    scene.writes.start();
    await scene.clock.advance(60_000);
    expect(tries).toBe(times);
    expect(only(scene)).toMatchObject({ state: 'dead', owner: 'bookings team', lastError: `the modern side answered with HTTP status ${code}` }); // prettier-ignore
    expect([...scene.modern.held.values()]).toMatchObject([{ comment: 'fine' }]);
    expect(scene.writes.pins.behind('modern', { type: 'Appointment', patient: 'p-1' })).toBe(true);
    expect(scene.writes.pins.owed('modern', 'Appointment.create')).toMatchObject({ count: 1, dead: 1 });
    expect(await scene.writes.outbox.ledger()).toMatchObject({
      accepted: 2,
      delivered: 1,
      dead: 1,
      balanced: true,
    });
  });

  it('goes when a person says so and the reason is gone', async () => {
    const scene = await openScene();
    scene.modern.before = () => status(422);
    await scene.write('legacy');
    scene.writes.start();
    await scene.clock.advance(10);
    const { id } = only(scene)!;
    scene.modern.before = () => undefined;
    await scene.writes.outbox.retry(id, by);
    await scene.clock.advance(10);
    expect(scene.writes.outbox.list()).toEqual([]);
    expect(scene.modern.held.size).toBe(1);
    await expect(scene.writes.outbox.retry(id, by)).rejects.toMatchObject({ code: 'not-found' });
  });

  it.each([
    ['retry', 'discard'],
    ['discard', 'retry'],
    ['discard', 'discard'],
    ['retry', 'retry'],
  ] as const)('is decided on once when two people do so at once: %s, %s', async (first, second) => {
    const scene = await openScene();
    scene.modern.before = () => status(422);
    await scene.write('legacy');
    scene.writes.start();
    await scene.clock.advance(10);
    const { id } = only(scene)!;
    scene.modern.before = () => undefined;
    const { outbox } = scene.writes;
    const both = await Promise.allSettled([outbox[first](id, by), outbox[second](id, by)]);
    await scene.clock.advance(10);
    expect(both).toMatchObject([{ status: 'fulfilled' }, { reason: { code: 'conflict' } }]);
    expect(outbox.list()).toEqual([]);
    const ended = first === 'retry' ? { delivered: 1, discarded: 0 } : { delivered: 0, discarded: 1 };
    expect(await outbox.ledger()).toMatchObject({ accepted: 1, ...ended, balanced: true });
    expect(scene.modern.held.size).toBe(ended.delivered);
  });

  it('is given up by a person with a reason, which is logged and counted', async () => {
    const scene = await openScene();
    scene.modern.before = () => status(422);
    await scene.write('legacy');
    const { id } = only(scene)!;
    await expect(scene.writes.outbox.discard(id, by)).rejects.toMatchObject({ code: 'conflict' });
    scene.writes.start();
    await scene.clock.advance(10);
    await expect(scene.writes.outbox.discard(id, { by: 'ana', reason: ' ' })).rejects.toMatchObject({
      code: 'value-required',
    });
    await scene.writes.outbox.discard(id, by);
    expect(scene.writes.outbox.list()).toEqual([]);
    expect(scene.writes.pins.behind('modern', { type: 'Appointment' })).toBe(false);
    expect(await scene.writes.outbox.ledger()).toMatchObject({ accepted: 1, discarded: 1, balanced: true });
    expect(
      scene.log.lines.find(({ message }) => message === 'a dead write is given up')?.fields,
    ).toMatchObject(by);
  });

  it('is out of date when a newer state of its resource arrives', async () => {
    const scene = await openScene();
    scene.modern.before = ({ resource }) => (resource?.['comment'] === 'poison' ? status(422) : undefined);
    const made = resourceOf(await scene.write('legacy', { resource: appointment('p-1', 'poison') }));
    scene.writes.start();
    await scene.clock.advance(10);
    expect(only(scene)).toMatchObject({ state: 'dead' });
    await scene.write('legacy', {
      interaction: 'update',
      id: made.id!,
      resource: { ...made, comment: 'fine' },
    });
    await scene.clock.advance(10);
    expect(scene.writes.outbox.list()).toEqual([]);
    expect([...scene.modern.held.values()]).toMatchObject([{ id: made.id, comment: 'fine' }]);
    expect(await scene.writes.outbox.ledger()).toMatchObject({
      accepted: 2,
      delivered: 1,
      superseded: 1,
      balanced: true,
    });
  });
});

describe('newer states of one resource', () => {
  it('go in the stead of older ones that nothing stands behind', async () => {
    const scene = await openScene();
    const made = resourceOf(await scene.write('modern'));
    for (const comment of ['second', 'third']) {
      await scene.write('modern', { interaction: 'update', id: made.id!, resource: { ...made, comment } });
    }
    expect(scene.writes.outbox.list()).toHaveLength(1);
    scene.writes.start();
    await scene.clock.advance(10);
    expect([...scene.legacy.held.values()]).toMatchObject([{ comment: 'third' }]);
    expect(await scene.writes.outbox.ledger()).toMatchObject({
      accepted: 3,
      delivered: 1,
      superseded: 2,
      balanced: true,
    });
  });

  it('wait for what came between them', async () => {
    const scene = await openScene();
    const made = resourceOf(await scene.write('modern'));
    await scene.write('modern', { resource: appointment('p-1', 'between') });
    await scene.write('modern', {
      interaction: 'update',
      id: made.id!,
      resource: { ...made, comment: 'second' },
    });
    expect(scene.writes.outbox.list()).toHaveLength(3);
    scene.writes.start();
    await scene.clock.advance(10);
    const sent = scene.legacy.asked.map(({ interaction, resource }) => [interaction, resource?.['comment']]);
    expect(sent).toEqual([
      ['create', 'first'],
      ['create', 'between'],
      ['update', 'second'],
    ]);
  });

  it('never make a second one of a create that may have arrived', async () => {
    const scene = await openScene();
    let lost = true;
    scene.legacy.after = () => {
      if (lost) throw new FicusError('outcome-unknown', 'the answer was lost');
    };
    const made = resourceOf(await scene.write('modern'));
    scene.writes.start();
    await scene.clock.advance(10);
    expect(only(scene)).toMatchObject({ state: 'pending', sent: true, attempts: 1 });
    await scene.write('modern', {
      interaction: 'update',
      id: made.id!,
      resource: { ...made, comment: 'second' },
    });
    expect(scene.writes.outbox.list()).toHaveLength(2);
    lost = false;
    await scene.clock.advance(5_000);
    expect(scene.writes.outbox.list()).toEqual([]);
    expect([...scene.legacy.held.values()]).toMatchObject([{ comment: 'second' }]);
    expect(scene.stores.crosswalk.assignedId('Appointment', 'L1')).toBe(made.id);
  });
});

describe('what legacy accepted', () => {
  it('is sent as legacy holds it when it is sent, not as it was', async () => {
    const scene = await openScene();
    const made = resourceOf(await scene.write('legacy'));
    scene.legacy.held.set(made.id!, {
      ...made,
      comment: 'as the core made it',
      meta: { versionId: 'x', lastUpdated: 'y' },
    });
    scene.writes.start();
    await scene.clock.advance(10);
    const [copy] = scene.modern.held.values();
    expect(copy).toEqual({ ...made, comment: 'as the core made it' });
  });

  it('is sent as it was where legacy cannot be read', async () => {
    const scene = await openScene();
    scene.legacy.before = ({ interaction }) => {
      if (interaction === 'read') throw new FicusError('not-implemented', 'no');
      return undefined;
    };
    await scene.write('legacy');
    scene.writes.start();
    await scene.clock.advance(10);
    expect([...scene.modern.held.values()]).toMatchObject([{ comment: 'first' }]);
  });
});

describe('a reference to something that legacy is still to be told of', () => {
  it('is waited for, also when it belongs to another patient', async () => {
    const scene = await openScene();
    const first = resourceOf(await scene.write('modern', { resource: appointment('p-1', 'first') }));
    const supportingInformation = [{ reference: `Appointment/${first.id}` }];
    await scene.write('modern', { resource: { ...appointment('p-2', 'second'), supportingInformation } });
    let down = true;
    scene.legacy.before = ({ resource }) => {
      if (resource?.['comment'] === 'first' && down) throw unavailable();
      if (
        resource?.['comment'] === 'second' &&
        scene.stores.crosswalk.assignedKey('Appointment', first.id!) === undefined
      )
        throw new FicusError('value-invalid', 'The reference points at nothing here.');
      return undefined;
    };
    scene.writes.start();
    await scene.clock.advance(20_000);
    expect(scene.writes.outbox.list().map(({ state }) => state)).toEqual(['pending', 'pending']);
    down = false;
    await scene.clock.advance(3_000);
    expect([...scene.legacy.held.values()].map(({ comment }) => comment)).toEqual(['first', 'second']);
  });
});
