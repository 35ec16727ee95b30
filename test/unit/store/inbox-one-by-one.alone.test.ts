import type * as nodeFs from 'node:fs';
import { expect, it, vi } from 'vitest';
import { openInboxIntake } from '../../../src/store/inbox-intake.ts';
import { OWNERS, arrival, newInboxFile } from './inbox-support.ts';

const disk = vi.hoisted(() => ({ waits: 0 }));
vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof nodeFs>();
  const writeSync = (...all: unknown[]): number => {
    disk.waits += 1;
    return (fs.writeSync as (...all: unknown[]) => number)(...all);
  };
  return { ...fs, writeSync };
});
// However slow the disk is.
vi.mock('../../../src/store/inbox-pace.ts', () => ({
  createPace: () => ({ quick: () => true, took: () => undefined }),
}));

it('waits for the disk where messages come one by one, and not where several come at once', async () => {
  const intake = await openInboxIntake({ file: newInboxFile(), owners: OWNERS });
  const waitsFor = async (...ids: readonly string[]): Promise<number> => {
    const before = disk.waits;
    await Promise.all(ids.map((id) => intake.receive(arrival(id))));
    return disk.waits - before;
  };
  // Of a sender that is not known.
  await waitsFor('first');
  expect(await waitsFor('a')).toBe(1);
  expect(await waitsFor('b', 'c')).toBe(0);
  expect(await waitsFor('d')).toBe(0);
  expect(await waitsFor('e')).toBe(1);
  await intake.close();
});
