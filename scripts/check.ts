/** `npm run check`: everything that can be said about the tree without running it. All checks run; the worst decides. */
import { spawnSync } from 'node:child_process';

const CHECKS: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['types', 'tsc', '--noEmit'],
  ['lint', 'oxlint', '--type-aware', '--deny-warnings'],
  ['format', 'oxfmt', '--check', '.'],
  ['dead code', 'knip', '--no-progress'],
  ['contract', 'node', 'bin/ficus.js', 'check', '--contract'],
  ['mappings', 'node', 'bin/ficus.js', 'map', 'check'],
];

let failed = 0;
for (const [name, command, ...args] of CHECKS) {
  const started = performance.now();
  const run = spawnSync(command, args, { encoding: 'utf8' });
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  const ok = run.status === 0;
  process.stdout.write(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)\n`);
  if (!ok) {
    failed++;
    process.stdout.write(`${run.error ? `${run.error.message}\n` : ''}${run.stdout}${run.stderr}\n`);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
