import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const FILES = globSync('test/**/*.test.ts');
/** Replaces what other modules import. */
const replaces = (file: string): boolean => /^\s*vi\.(do)?[mM]ock\(/m.test(readFileSync(file, 'utf8'));

describe('a test that replaces a module', () => {
  it('has a process of its own', () => {
    const replacing = FILES.filter(replaces);
    expect(replacing).not.toEqual([]);
    expect(replacing.filter((file) => !file.endsWith('.alone.test.ts'))).toEqual([]);
  });
});
