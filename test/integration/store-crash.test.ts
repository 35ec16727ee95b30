import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, expect, it } from 'vitest';
import { openSqliteStores } from '../../src/store/stores.ts';

const folder = mkdtempSync(join(tmpdir(), 'ficus-crash-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Claims and settles keys without end, and says each one aloud as soon as the store has promised it. */
const WRITER = `
  const { openSqliteStores } = await import(process.argv[1]);
  const stores = openSqliteStores(process.argv[2]);
  for (let n = 0; ; n++) {
    const record = { fingerprint: 'f' + n, state: 'running', runningUntil: 1, expiresAt: 9e15 };
    await stores.idempotency.claim('k' + n, record, 0);
    if (n % 2) await stores.idempotency.settle('k' + n, { ...record, state: 'done', outcome: '{}' });
    await new Promise((resolve) => process.stdout.write(n + '\\n', resolve));
  }
`;

it('keeps every record that it promised when the process is killed', async () => {
  const file = join(folder, 'ficus.sqlite');
  const module = new URL('../../src/store/stores.ts', import.meta.url).href;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', WRITER, module, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let last = -1;
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    last = Number(line);
    if (last === 40) child.kill('SIGKILL');
  });
  await Promise.all([once(child, 'exit'), once(lines, 'close')]);
  expect(last).toBeGreaterThanOrEqual(40);

  const stores = openSqliteStores(file);
  const probe = { fingerprint: 'probe', state: 'running', runningUntil: 1, expiresAt: 9e15 } as const;
  for (let n = 0; n <= last; n++) {
    expect(await stores.idempotency.claim(`k${n}`, probe, 0)).toMatchObject({
      fingerprint: `f${n}`,
      state: n % 2 ? 'done' : 'running',
    });
  }
  stores.close();
});
