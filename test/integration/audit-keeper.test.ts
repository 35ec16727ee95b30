import { copyFileSync, mkdirSync, mkdtempSync, rmSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { factOf } from '../../src/audit/chain.ts';
import { ownFact } from '../../src/audit/keeper.ts';
import type { AuditKeeper } from '../../src/audit/keeper.ts';
import { verifyTrail } from '../../src/audit/verify.ts';
import { createThreadedKeeper } from '../../src/compose/audit/keeper.ts';
import { readAuditStore } from '../../src/store/sqlite-audit.ts';

const MARCH = Date.parse('2026-03-01T10:00:00Z');
const DAY = 86_400_000;
let folder: string;
let file: string;
let keeper: AuditKeeper | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ficus-audit-'));
  file = join(folder, 'audit.sqlite');
});
afterEach(async () => {
  await keeper?.close();
  keeper = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/** Actions of the trail as it is in the file, which must hold. */
function actionsKept(): readonly string[] {
  const store = readAuditStore(file);
  try {
    expect(verifyTrail(store)).toMatchObject({ holds: true });
    return store.after(0, 5_000).map((record) => factOf(record).action);
  } finally {
    store.close();
  }
}

/** Records that are in the file by itself. */
function countWithoutLog(): number {
  const copy = join(folder, 'copy.sqlite');
  copyFileSync(file, copy);
  const store = readAuditStore(copy);
  try {
    return store.count();
  } finally {
    store.close();
  }
}

describe('a trail that a thread writes', () => {
  it('has what was added, in the order in which it was, as soon as that is said', async () => {
    keeper = createThreadedKeeper({ file, durability: 'full' });
    const actions = Array.from({ length: 200 }, (_, n) => `step-${n}`);
    await Promise.all(actions.map((action) => keeper!.add([ownFact(action, { note: 'é – 字' })], MARCH)));
    expect(actionsKept()).toEqual(actions);
  });

  it('lets go of what is old, and says so in itself', async () => {
    keeper = createThreadedKeeper({ file, durability: 'normal' });
    for (let day = 0; day < 5; day += 1) await keeper.add([ownFact(`day-${day}`, {})], MARCH + day * DAY);
    expect(await keeper.forget(MARCH + 3 * DAY, MARCH + 5 * DAY)).toEqual({ count: 3, more: false });
    expect(actionsKept()).toEqual(['day-3', 'day-4', 'audit.forget']);
  });

  it('is moved from the log into the file while it goes on', async () => {
    keeper = createThreadedKeeper({ file, durability: 'normal' });
    for (let n = 0; n < 2_000; n += 1) await keeper.add([ownFact(`step-${n}`, {})], MARCH);
    await expect.poll(countWithoutLog).toBeGreaterThanOrEqual(1_800);
    await keeper.add([ownFact('last', {})], MARCH);
    expect(actionsKept()).toHaveLength(2_001);
  });

  it('fails what a thread that has ended did not answer, and goes on with another', async () => {
    mkdirSync(file);
    keeper = createThreadedKeeper({ file, durability: 'normal' });
    const lost = [keeper.add([ownFact('one', {})], MARCH), keeper.add([ownFact('two', {})], MARCH)];
    for (const one of lost) await expect(one).rejects.toThrow('has ended');
    rmdirSync(file);
    await keeper.add([ownFact('three', {})], MARCH);
    expect(actionsKept()).toEqual(['three']);
  });

  it('has everything when it is closed', async () => {
    keeper = createThreadedKeeper({ file, durability: 'normal' });
    const added = keeper.add([ownFact('last', {})], MARCH);
    await keeper.close();
    await added;
    expect(actionsKept()).toEqual(['last']);
  });
});
