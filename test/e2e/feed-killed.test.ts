import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, expect, it } from 'vitest';
import { createDay } from '../../sandbox/feed/day.ts';
import { feedOf } from '../../sandbox/feed/disturb.ts';
import { feedFiles } from '../../src/compose/feed/files.ts';
import { HOME } from '../../src/compose.ts';
import { unusedPort } from '../integration/mllp-core.ts';
import { contentsOf, fedConfig, makeHome, reach, startFed, versionsOf, writeConfig } from '../support/fed.ts';
import type { Home } from '../support/fed.ts';

/** `ficus serve` is killed between receiving and mapping, and in the middle of everything: what was acknowledged is there once. */
const homes: Home[] = [makeHome()];
const undo: (() => void)[] = [];
afterEach(() => undo.splice(0).forEach((step) => step()));
afterAll(() => homes.forEach((home) => home.remove()));

const DAY = feedOf(createDay({ patients: 30, seed: 5 }), {}, 5).map(({ bytes, event }) => ({
  bytes,
  lane: event.lane,
}));

/** A Ficus in a process of its own, on the same ports whenever it is started. */
async function makeServer(home: Home) {
  const ports = { feed: await unusedPort(), fhir: await unusedPort(), admin: await unusedPort() };
  const file = writeConfig(fedConfig(home, [], ports), home);
  const address = (port: number): string => `http://127.0.0.1:${port}`;
  const reached = reach(`${address(ports.fhir)}/fhir/r4`, address(ports.admin), { hospix: ports.feed });
  let child: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    const exited = once(child!, 'exit');
    child!.kill('SIGKILL');
    await exited;
  };
  const start = async (): Promise<void> => {
    child = spawn(process.execPath, [join(HOME, 'bin/ficus.js'), 'serve', '--config', file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    undo.push(() => void child?.kill('SIGKILL'));
    let log = '';
    for await (const chunk of child.stdout!) if ((log += String(chunk)).includes('Ficus is ready')) break;
  };
  return { ...reached, start, kill };
}

/** How the day ends when nothing goes wrong. */
async function cleanDay() {
  const home = homes[0]!;
  const fed = await startFed(home);
  await fed.send(DAY, 'hospix', { connections: 4 });
  await fed.settled();
  await fed.stop();
  return { contents: contentsOf(home), versions: versionsOf(home) };
}

it('kills it between receive and map: everything acknowledged is mapped after the restart, and nothing twice', async () => {
  const clean = await cleanDay();
  const home = makeHome(homes[0]);
  homes.push(home);
  const server = await makeServer(home);

  await server.start();
  // Nobody else can write to the projection: what is received waits.
  const lock = new DatabaseSync(feedFiles(home.state).projection);
  undo.push(() => void (lock.isOpen && lock.close()));
  lock.exec('BEGIN IMMEDIATE');
  const half = Math.floor(DAY.length / 2);
  const answers = await server.send(DAY.slice(0, half), 'hospix', { connections: 4 });
  expect(answers).toEqual(Array(half).fill('AA'));
  await server.kill();
  lock.exec('ROLLBACK');
  lock.close();

  // The rest: killed while it receives and maps; the sender sends again what nobody acknowledged.
  await server.start();
  let acknowledged = 0;
  let restarted: Promise<void> | undefined;
  await server.send(DAY.slice(half), 'hospix', {
    connections: 4,
    onAcknowledged: () => {
      acknowledged += 1;
      if (acknowledged === 30) restarted = server.kill().then(() => server.start());
    },
  });
  await restarted;
  // What was sent again is counted too: so the sum alone does not say that all is counted.
  await expect.poll(async () => (await server.settled()).processed, { timeout: 10_000 }).toBe(DAY.length);
  const counts = await server.settled();
  expect(counts).toMatchObject({ waiting: 0, processed: DAY.length, parked: 0, rejected: 0, superseded: 0 });
  expect(counts.received - counts.duplicate).toBe(DAY.length);
  const recount = await server.admin('/feed/recount', { by: 'test', reason: 'after a kill' });
  expect(recount).toMatchObject({ holds: true });
  await server.kill();
  expect(contentsOf(home)).toEqual(clean.contents);
  expect(versionsOf(home)).toEqual(clean.versions);
}, 60_000);
