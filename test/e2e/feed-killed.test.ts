import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, expect, it } from 'vitest';
import { createDay } from '../../sandbox/feed/day.ts';
import { feedOf } from '../../sandbox/feed/disturb.ts';
import { feedFiles } from '../../src/compose/feed/files.ts';
import { contentsOf, makeHome, startFed, versionsOf } from '../support/fed.ts';
import type { Home } from '../support/fed.ts';
import { makeServer } from '../support/fed-server.ts';

/** `ficus serve` is killed between receiving and mapping, and in the middle of everything: what was acknowledged is there once. */
const homes: Home[] = [makeHome()];
const undo: (() => void)[] = [];
afterEach(() => undo.splice(0).forEach((step) => step()));
afterAll(() => homes.forEach((home) => home.remove()));

const DAY = feedOf(createDay({ patients: 30, seed: 5 }), {}, 5).map(({ bytes, event }) => ({
  bytes,
  lane: event.lane,
}));

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
  undo.push(() => server.end());

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
  let restarted: Promise<unknown> | undefined;
  await server.send(DAY.slice(half), 'hospix', {
    connections: 4,
    onAcknowledged: () => {
      acknowledged += 1;
      if (acknowledged === 30) restarted = server.kill().then(() => server.start());
    },
  });
  await restarted;
  // What was sent again is counted too: so the sum alone does not say that all is counted.
  await expect.poll(async () => (await server.settled()).processed, { timeout: 60_000 }).toBe(DAY.length);
  const counts = await server.settled();
  expect(counts).toMatchObject({ waiting: 0, processed: DAY.length, parked: 0, rejected: 0, superseded: 0 });
  expect(counts.received - counts.duplicate).toBe(DAY.length);
  const recount = await server.admin('/feed/recount', { by: 'test', reason: 'after a kill' });
  expect(recount).toMatchObject({ holds: true });
  await server.kill();
  expect(contentsOf(home)).toEqual(clean.contents);
  expect(versionsOf(home)).toEqual(clean.versions);
}, 240_000);
