import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import { appointment, openScene, resourceOf } from './support.ts';
import type { FakeSide, Scene } from './support.ts';

/** The write is done, and its answer lost. */
const lose = (side: FakeSide) =>
  (side.after = () => {
    throw new FicusError('outcome-unknown', 'the answer was lost');
  });
/** The write is lost on the way. */
const lack = (side: FakeSide) =>
  (side.before = ({ interaction }) => {
    if (interaction !== 'read') throw new FicusError('outcome-unknown', 'it may have left');
    return undefined;
  });
const heal = (scene: Scene) => {
  for (const side of [scene.legacy, scene.modern])
    Object.assign(side, { before: () => undefined, after: () => {} });
};
const unknown = { code: 'outcome-unknown' };
const writesOf = ({ asked }: FakeSide) =>
  asked.filter(({ interaction, attempt }) => interaction !== 'read' && attempt?.doubtful !== 'ask-only');

describe.each(['legacy', 'modern'] as const)('a create by %s of unknown outcome', (side) => {
  const other = side === 'legacy' ? 'modern' : 'legacy';

  it('pins its patient until it is found, and is then owed to the other side', async () => {
    const scene = await openScene();
    lose(scene[side]);
    await expect(scene.write(side)).rejects.toMatchObject(unknown);
    expect(scene.writes.outbox.list()).toMatchObject([{ state: 'doubtful', accepted: false }]);
    expect(scene.writes.pins.behind(other, { type: 'Appointment', patient: 'p-1' })).toBe(true);
    expect(await scene.writes.outbox.ledger()).toMatchObject({ accepted: 0, doubtful: 1, balanced: true });
    heal(scene);
    scene.writes.start();
    await scene.clock.advance(2_000);
    expect(scene.writes.outbox.list()).toEqual([]);
    expect([scene.legacy.held.size, scene.modern.held.size]).toEqual([1, 1]);
    expect(writesOf(scene[side])).toHaveLength(1);
    expect(await scene.writes.outbox.ledger()).toMatchObject({ accepted: 1, delivered: 1, balanced: true });
  });

  it('is given up only when it can come no more', async () => {
    const scene = await openScene();
    lack(scene[side]);
    await expect(scene.write(side)).rejects.toMatchObject(unknown);
    heal(scene);
    scene.writes.start();
    await scene.clock.advance(4_900);
    expect(scene.writes.outbox.list()).toMatchObject([{ state: 'doubtful' }]);
    await scene.clock.advance(200);
    expect(scene.writes.outbox.list()).toEqual([]);
    expect([scene.legacy.held.size, scene.modern.held.size]).toEqual([0, 0]);
    expect(writesOf(scene[side])).toHaveLength(1);
    expect(await scene.writes.outbox.ledger()).toMatchObject({ accepted: 0, refused: 1, balanced: true });
  });

  it('is found by the next process, which takes what was under way for doubtful', async () => {
    const scene = await openScene();
    let killed = (): void => {};
    scene[side].after = () => killed();
    const death = new Promise<void>((resolve) => (killed = resolve));
    // The first process goes no further.
    const { outbox } = scene.stores;
    const change = outbox.change.bind(outbox);
    Object.assign(outbox, { change: () => new Promise(() => {}) });
    void scene.write(side);
    await death;
    Object.assign(outbox, { change });
    const next = await scene.again();
    expect(next.writes.outbox.list()).toMatchObject([{ state: 'doubtful' }]);
    next.writes.start();
    await scene.clock.advance(10_000);
    expect(next.writes.outbox.list()).toEqual([]);
    expect([scene.legacy.held.size, scene.modern.held.size]).toEqual([1, 1]);
  });

  it('that nobody can tell has an owner in the end, and is asked after again when that one says so', async () => {
    const scene = await openScene();
    lose(scene[side]);
    await expect(scene.write(side)).rejects.toMatchObject(unknown);
    scene[side].before = () => {
      throw new FicusError('legacy-malformed', 'what came back cannot be read');
    };
    scene.writes.start();
    await scene.clock.advance(60_000);
    const [entry] = scene.writes.outbox.list();
    expect(entry).toMatchObject({ state: 'dead', accepted: false, owner: 'bookings team', attempts: 3 });
    expect(await scene.writes.outbox.ledger()).toMatchObject({ dead: 0, unanswered: 1, balanced: true });
    heal(scene);
    await scene.writes.outbox.retry(entry!.id, { by: 'ana', reason: 'the core is whole again' });
    await scene.clock.advance(2_000);
    expect(scene.writes.outbox.list()).toEqual([]);
    expect([scene.legacy.held.size, scene.modern.held.size]).toEqual([1, 1]);
    expect(writesOf(scene[side])).toHaveLength(1);
  });

  it('waits for as long as the side is down', async () => {
    const scene = await openScene();
    lose(scene[side]);
    await expect(scene.write(side)).rejects.toMatchObject(unknown);
    scene[side].before = () => {
      throw new FicusError('unavailable', 'the side is down');
    };
    scene.writes.start();
    await scene.clock.advance(120_000);
    expect(scene.writes.outbox.list()).toMatchObject([{ state: 'doubtful', attempts: 0 }]);
  });
});

describe.each(['legacy', 'modern'] as const)('an update by %s of unknown outcome', (side) => {
  it.each([
    ['done', lose, 'second'],
    ['not done', lack, 'first'],
  ] as const)(
    'that was %s: both sides hold the same, and nothing is sent twice',
    async (_how, fail, comment) => {
      const scene = await openScene();
      const made = resourceOf(await scene.write(side));
      scene.writes.start();
      await scene.clock.advance(10);
      fail(scene[side]);
      const before = writesOf(scene[side]).length;
      const resource = { ...made, comment: 'second' };
      await expect(
        scene.write(side, { interaction: 'update', id: made.id!, resource }),
      ).rejects.toMatchObject(unknown);
      heal(scene);
      await scene.clock.advance(20_000);
      expect(scene.writes.outbox.list()).toEqual([]);
      expect([...scene.legacy.held.values()]).toMatchObject([{ comment }]);
      expect([...scene.modern.held.values()]).toMatchObject([{ comment }]);
      expect(writesOf(scene[side])).toHaveLength(before + 1);
    },
  );
});

describe.each(['legacy', 'modern'] as const)('a repeat, by its key, of a write by %s', (side) => {
  const attempt = { writeId: 'w-1', backend: side === 'legacy' ? 'clinical' : 'bookings' };
  const again = { attempt: { ...attempt, doubtful: 'ask-then-send' } } as const;

  it('finds what was done, whether it is doubtful, on its way, or delivered', async () => {
    const scene = await openScene();
    lose(scene[side]);
    await expect(scene.write(side, { attempt })).rejects.toMatchObject(unknown);
    heal(scene);
    const doubtful = await scene.write(side, again);
    expect(doubtful.status).toBe(201);
    const pending = await scene.write(side, again);
    scene.writes.start();
    await scene.clock.advance(2_000);
    expect(scene.writes.outbox.list()).toEqual([]);
    const delivered = await scene.write(side, again);
    for (const answer of [pending, delivered]) {
      expect([answer.status, resourceOf(answer).id]).toEqual([201, resourceOf(doubtful).id]);
    }
    expect(scene.writes.outbox.list()).toEqual([]);
    expect([scene.legacy.held.size, scene.modern.held.size]).toEqual([1, 1]);
    expect(await scene.writes.outbox.ledger()).toMatchObject({ accepted: 1, delivered: 1, balanced: true });
  });

  it('sends what was given up', async () => {
    const scene = await openScene();
    lack(scene[side]);
    await expect(scene.write(side, { attempt })).rejects.toMatchObject(unknown);
    heal(scene);
    scene.writes.start();
    await scene.clock.advance(6_000);
    expect(scene.writes.outbox.list()).toEqual([]);
    expect((await scene.write(side, again)).status).toBe(201);
    await scene.clock.advance(10);
    expect([scene.legacy.held.size, scene.modern.held.size]).toEqual([1, 1]);
  });

  it('never takes an older state for the newest: what was done stays done', async () => {
    const scene = await openScene();
    const made = resourceOf(await scene.write(side));
    const named = { interaction: 'update', id: made.id! } as const;
    const older = { ...made, comment: 'older' };
    await scene.write(side, { ...named, resource: older, attempt });
    scene.writes.start();
    await scene.clock.advance(100);
    await scene.write(side, { ...named, resource: { ...made, comment: 'newer' } });
    expect((await scene.write(side, { ...named, resource: older, ...again })).status).toBe(200);
    await scene.clock.advance(100);
    expect([...scene.legacy.held.values()]).toMatchObject([{ comment: 'newer' }]);
    expect([...scene.modern.held.values()]).toMatchObject([{ comment: 'newer' }]);
  });
});

it('is not owed what the client was refused', async () => {
  const scene = await openScene();
  scene.legacy.before = () => {
    throw new FicusError('conflict', 'no');
  };
  await expect(scene.write('legacy', { resource: appointment('p-9') })).rejects.toMatchObject({
    code: 'conflict',
  });
  expect(scene.writes.outbox.list()).toEqual([]);
});
