import { describe, expect, it } from 'vitest';
import type { MappingRelease, ReleaseStep } from '../../../src/mapping/release.ts';
import { openDatabase } from '../../../src/store/database.ts';
import { createMemoryReleaseStore, createSqliteReleaseStore } from '../../../src/store/releases.ts';

const step = (act: ReleaseStep['act'], by: string): ReleaseStep => ({ act, by, reason: 'test', at: '2026-01-01T00:00:00Z' }); // prettier-ignore
const first: MappingRelease = {
  number: 1,
  files: [{ path: 'zpi.yaml', text: 'overlay: PID <-> Patient' }],
  steps: [step('propose', 'ada')],
};
const signed: MappingRelease = { ...first, steps: [...first.steps, step('sign', 'eve')] };

describe.each([
  ['memory', createMemoryReleaseStore],
  ['sqlite', () => createSqliteReleaseStore(openDatabase(':memory:'))],
])('releases in %s', (_kind, create) => {
  it('are kept with all that was done with them', async () => {
    const store = create();
    expect(await store.load()).toEqual([]);
    expect(await store.keep(first)).toBe(true);
    expect(await store.keep(signed)).toBe(true);
    expect(await store.keep({ ...first, number: 2 })).toBe(true);
    expect(await store.load()).toEqual([signed, { ...first, number: 2 }]);
  });

  it('take one of two steps at the same time', async () => {
    const store = create();
    await store.keep(first);
    await store.keep(signed);
    expect(await store.keep({ ...first, steps: [...first.steps, step('revert', 'ada')] })).toBe(false);
    expect(await store.keep({ ...first, steps: [step('propose', 'somebody else')] })).toBe(false);
    expect(await store.load()).toEqual([signed]);
  });
});

it('what was released stays as it was in the file', async () => {
  const database = openDatabase(':memory:');
  await createSqliteReleaseStore(database).keep(first);
  expect(() => database.exec("UPDATE mapping_release SET files = '[]'")).toThrow('stays as it was');
  expect(() => database.exec('DELETE FROM mapping_release')).toThrow('releases are kept');
});
