import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, expect, it } from 'vitest';
import { verifyTrail } from '../../src/audit/verify.ts';
import { openAuditStore } from '../../src/store/sqlite-audit.ts';

const folder = mkdtempSync(join(tmpdir(), 'ficus-audit-kill-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('keeps the event of every request that was answered when the process is killed, again and again', async () => {
  const file = join(folder, 'audit.sqlite');
  const answered: string[] = [];
  for (let round = 0; round < 3; round++) {
    const child = fork(new URL('./audit-under-kill.ts', import.meta.url), [file], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    const exited = once(child, 'exit');
    const lines = createInterface({ input: child.stdout! });
    const [port] = (await once(lines, 'line')) as [string];
    const before = answered.length;
    const caller = async (name: string): Promise<void> => {
      for (let n = 0; ; n++) {
        const requestId = `${round}-${name}-${n}`;
        try {
          const response = await fetch(`http://127.0.0.1:${port}/`, {
            headers: { 'x-request-id': requestId },
          });
          answered.push(await response.text());
        } catch {
          return;
        }
        if (answered.length - before === 60) child.kill('SIGKILL');
      }
    };
    await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(caller));
    await exited;
  }
  expect(answered.length).toBeGreaterThanOrEqual(180);
  const store = openAuditStore(file, { durability: 'full' });
  const kept = new Set(store.after(0, 10_000).map(({ keys }) => keys.requestId));
  expect(answered.filter((requestId) => !kept.has(requestId))).toEqual([]);
  expect(verifyTrail(store)).toMatchObject({ holds: true });
  store.close();
});
