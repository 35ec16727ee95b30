import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeFolder, makeStateDir } from '../../../src/store/folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'ficus-state-dir-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the folder of the state', () => {
  it('is made with those above it, for this user only; one that is there is left as it is', () => {
    const dir = join(folder, 'var', 'ficus');
    makeStateDir(dir);
    makeStateDir(dir);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });

  it.each(['', 'below/it'])('is refused where a file stands in its way (%s)', (below) => {
    const file = join(folder, 'file');
    writeFileSync(file, 'kept');
    const dir = join(file, below);
    expect(() => makeStateDir(dir)).toThrow(`stateDir: ${dir} is no folder that can be written`);
  });

  it.skipIf(!existsSync('/proc/self'))(
    'is refused, and not tried for ever, where nobody makes folders',
    () => {
      for (const dir of ['/proc/ficus', '/proc/ficus/state'])
        expect(() => makeStateDir(dir)).toThrow(`stateDir: ${dir} is no folder that can be written (ENOENT)`);
    },
  );

  it.skipIf(!existsSync('/proc/self'))('of a report, too', () => {
    makeFolder(join(folder, 'reports', '2026'));
    expect(existsSync(join(folder, 'reports', '2026'))).toBe(true);
    expect(() => makeFolder('/proc/ficus/reports')).toThrow('ENOENT');
  });
});
