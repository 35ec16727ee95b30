import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/**
 * Files that share a process, and the modules in it. One that replaces a module is named `*.alone.test.ts`: another
 * file may have loaded what it replaces (test/architecture/tests.test.ts).
 */
const SHARING = 'test/{unit,golden}/**/!(*.alone).test.ts';

export default defineConfig({
  test: {
    pool: 'forks',
    // Vitest keeps a core for itself otherwise: of two, half the machine.
    maxWorkers: '100%',
    // Threads and processes that tests start, by the hundred, take the code compiled by those before: a quarter of the CPU.
    env: { NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(tmpdir(), 'node-compile-cache') },
    // How long something may take is said where it is asserted: these end what hangs, on a machine however slow.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 20_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'sharing',
          include: [SHARING],
          isolate: false,
          setupFiles: ['test/support/leaves-nothing.ts'],
        },
      },
      { extends: true, test: { name: 'alone', include: ['test/**/*.test.ts'], exclude: [SHARING] } },
    ],
  },
});
