import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startSandbox } from '../../sandbox/index.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import type { Side } from '../../src/ports.ts';
import { openTwoSides, placesOf, textAt } from '../support/two-sides.ts';

let sandbox: Sandbox;
let folder: string;
beforeAll(async () => {
  sandbox = await startSandbox({ mllpPort: 0, soapPort: 0, modernPort: 0, controlPort: 0 });
  folder = mkdtempSync(join(tmpdir(), 'ficus-write-kill-'));
});
afterAll(async () => {
  await sandbox.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Four clients that make and change appointments without end, each on its side, and say aloud what they were told is done. */
const WRITER = `
  const { openTwoSides, appointment } = await import(process.argv[1]);
  const { file, places, from } = JSON.parse(process.argv[2]);
  const sides = await openTwoSides(places, file);
  sides.writes.start();
  const say = (line) => new Promise((resolve) => process.stdout.write(JSON.stringify(line) + '\\n', resolve));
  const client = async (nth) => {
    const side = nth % 2 === 0 ? 'legacy' : 'modern';
    const patient = sides.patientId(String(100030 + nth));
    for (let turn = from; ; turn += 1) {
      const mark = nth + '.' + turn + '.';
      const made = await sides.write({ interaction: 'create', resource: appointment(patient, turn, { comment: mark + ' made' }) }, side);
      await say({ mark, comment: mark + ' made' });
      const { meta, ...resource } = made.body.resource;
      const changed = { ...resource, comment: mark + ' changed' };
      await sides.write({ interaction: 'update', id: resource.id, resource: changed }, side);
      await say({ mark, comment: mark + ' changed' });
    }
  };
  await Promise.all([0, 1, 2, 3].map(client));
`;

const CLIENTS = [0, 1, 2, 3];

/** Runs writers until so much has been said, kills them, and gives what they said. */
async function killed(
  file: string,
  from: number,
  lines: number,
): Promise<readonly { mark: string; comment: string }[]> {
  const module = new URL('../support/two-sides.ts', import.meta.url).href;
  const given = JSON.stringify({ file, from, places: placesOf(sandbox) });
  const child = spawn(process.execPath, ['--input-type=module', '--eval', WRITER, module, given], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: join(import.meta.dirname, '../..'),
  });
  const said: { mark: string; comment: string }[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => {
    said.push(JSON.parse(line) as { mark: string; comment: string });
    if (said.length === lines) child.kill('SIGKILL');
  });
  await Promise.all([once(child, 'exit'), once(reader, 'close')]);
  return said;
}

it('loses no write and doubles none, on either side, when the process is killed under load again and again', async () => {
  const file = join(folder, 'ficus.sqlite');
  const said: { mark: string; comment: string }[] = [];
  for (const [round, lines] of [7, 22, 13].entries()) said.push(...(await killed(file, round * 100, lines)));
  expect(said.length).toBeGreaterThanOrEqual(42);

  const sides = await openTwoSides(placesOf(sandbox), file, { settleMs: 300 });
  sides.writes.start();
  const signal = AbortSignal.timeout(20_000);
  expect(await sides.writes.recovery.settled(signal)).toBe(true);
  expect(await sides.writes.delivery.drain(signal)).toBe(true);
  expect(sides.writes.outbox.list()).toEqual([]);
  const { accepted, balanced, refused } = await sides.writes.outbox.ledger();
  expect(balanced).toBe(true);
  // Whoever was killed may have been about to tell.
  expect(accepted + refused).toBeGreaterThanOrEqual(said.length);

  const held = async (side: Side): Promise<Map<string, string[]>> => {
    const found = new Map<string, string[]>();
    for (const nth of CLIENTS) {
      for (const resource of await sides.held(side, sides.patientId(String(100_030 + nth)))) {
        const comment = textAt(resource, 'comment');
        const [, mark] = /^(\d+\.\d+\.) (?:made|changed)$/.exec(comment) ?? [];
        if (mark !== undefined) found.set(mark, [...(found.get(mark) ?? []), `${resource.id} ${comment}`]);
      }
    }
    return found;
  };
  const [legacy, modern] = [await held('legacy'), await held('modern')];
  expect(modern).toEqual(legacy);
  for (const copies of legacy.values()) expect(copies).toHaveLength(1);
  const told = new Map(said.map(({ mark, comment }) => [mark, comment]));
  for (const [mark, comment] of told) {
    const [copy = ''] = legacy.get(mark) ?? [];
    // What was told last is there, or the change after it, which was about to be told.
    expect(copy.endsWith(comment) || copy.endsWith(`${mark} changed`)).toBe(true);
  }
  await sides.close();
});
