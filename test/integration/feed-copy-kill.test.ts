import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createModernService } from '../../sandbox/modern/index.ts';
import type { CopyStatus } from '../../src/events/feed/copy/copy.ts';
import { PROJECTION_MIGRATIONS } from '../../src/projection/schema.ts';
import { createProjectionWriter } from '../../src/projection/writer.ts';
import { createTimeZone } from '../../src/search/time-zone.ts';
import { openDatabase } from '../../src/store/database.ts';

/** Processes that are killed by the system, in the middle of whatever they do, one after another. */
const KILLS = 6;
const PATIENTS = 12;

/** A process that copies, and what it last said. */
function startCopying(
  folder: string,
  url: string,
): { child: ChildProcess; said: () => CopyStatus | undefined } {
  let said: CopyStatus | undefined;
  const child = fork(new URL('./feed-copy-under-kill.ts', import.meta.url), [folder, url]);
  child.on('message', (status) => (said = status as CopyStatus));
  return { child, said: () => said };
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

async function when(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

it('a copy that is killed again and again ends with what the projection has', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ficus-copy-kill-'));
  const service = await createModernService({ port: 0 });
  const database = openDatabase(join(folder, 'projection.sqlite'), PROJECTION_MIGRATIONS);
  const writer = createProjectionWriter(database, { zone: createTimeZone('UTC'), base: service.base });
  let seq = 0;
  /** Every patient, and two of their results, in a new version. */
  function tell(round: number): void {
    for (let nth = 0; nth < PATIENTS; nth += 1) {
      const id = `p${nth}`;
      const value = {
        code: { text: `round ${round}` },
        status: 'final',
        subject: { reference: `Patient/${id}` },
      };
      const changes = [
        {
          mode: 'update' as const,
          resource: { resourceType: 'Patient', id, name: [{ text: `Round ${round}` }] },
        },
        ...[1, 2].map((one) => ({
          mode: 'update' as const,
          resource: { resourceType: 'Observation', id: `o${nth}-${one}`, ...value },
        })),
      ];
      seq += 1;
      const content = { patient: id, eventAt: seq * 1_000, changes, identity: [], hashed: [] };
      writer.apply([{ seq, replay: 0, content }], seq * 1_000);
    }
  }
  try {
    let sent = 0;
    for (let round = 1; round <= KILLS; round += 1) {
      tell(round);
      const { child, said } = startCopying(folder, service.base);
      await when(() => (said()?.sent ?? 0) > 0);
      tell(round + 100);
      await new Promise((resolve) => setTimeout(resolve, round * 4));
      sent += said()?.sent ?? 0;
      await kill(child);
    }
    expect(sent).toBeGreaterThan(0);
    const { child, said } = startCopying(folder, service.base);
    await when(() => said()?.waiting === 0 && said()?.position === said()?.last);
    await kill(child);
    for (let nth = 0; nth < PATIENTS; nth += 1) {
      for (const name of [`Patient/p${nth}`, `Observation/o${nth}-1`, `Observation/o${nth}-2`]) {
        const held = await (await fetch(`${service.base}/${name}`)).text();
        expect(held, name).toContain(`ound ${KILLS + 100}`);
      }
    }
  } finally {
    writer.close();
    await service.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
