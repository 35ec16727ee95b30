/**
 * `npm run check`: everything that can be said about the tree without running it, as many checks at once as there are
 * processors, the longest first. All of them run; the worst decides.
 */
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';

const CHECKS: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['mappings', 'node', 'bin/ficus.js', 'map', 'check'],
  ['types', 'tsc', '--noEmit'],
  ['lint', 'oxlint', '--type-aware', '--deny-warnings'],
  ['format', 'oxfmt', '--check', '.'],
  ['dead code', 'knip', '--no-progress'],
  ['contract', 'node', 'bin/ficus.js', 'check', '--contract'],
];

interface Run {
  readonly ok: boolean;
  readonly seconds: number;
  readonly output: string;
}

function run(command: string, args: readonly string[]): Promise<Run> {
  const started = performance.now();
  return new Promise((resolve) => {
    execFile(command, args, { maxBuffer: Infinity }, (error, stdout, stderr) => {
      const seconds = (performance.now() - started) / 1_000;
      // A command that could not be started says nothing itself.
      const notStarted = typeof error?.code === 'string' ? `${error.message}\n` : '';
      resolve({ ok: !error, seconds, output: `${notStarted}${stdout}${stderr}` });
    });
  });
}

const waiting = [...CHECKS];

/** Does what waits, one check after the other. */
async function lane(): Promise<void> {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const [name, command, ...args] = next;
    const { ok, seconds, output } = await run(command, args);
    process.stdout.write(
      `${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)\n${ok ? '' : `${output}\n`}`,
    );
    if (!ok) process.exitCode = 1;
  }
}

await Promise.all(Array.from({ length: availableParallelism() }, lane));
