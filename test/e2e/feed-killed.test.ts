import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDay } from '../../sandbox/feed/day.ts';
import { feedOf } from '../../sandbox/feed/disturb.ts';
import { feedFiles } from '../../src/compose/feed/files.ts';
import { contentsOf, makeHome, startFed, versionsOf } from '../support/fed.ts';
import { makeServer } from '../support/fed-server.ts';
import type { FedServer } from '../support/fed-server.ts';

/** `ficus serve` is killed between receiving and mapping, and in the middle of everything: what was acknowledged is there once. */
const undisturbed = makeHome();
const home = makeHome(undisturbed);
let clean: Awaited<ReturnType<typeof cleanDay>>;
let server: FedServer;
let lock: DatabaseSync | undefined;

beforeAll(async () => {
  clean = await cleanDay();
  server = await makeServer(home);
  await server.start();
});
afterAll(() => {
  if (lock?.isOpen) lock.close();
  server.end();
  for (const one of [home, undisturbed]) one.remove();
});

const DAY = feedOf(createDay({ patients: 30, seed: 5 }), {}, 5).map(({ bytes, event }) => ({
  bytes,
  lane: event.lane,
}));

/** How the day ends when nothing goes wrong. */
async function cleanDay() {
  const fed = await startFed(undisturbed);
  await fed.send(DAY, 'hospix', { connections: 4 });
  await fed.settled();
  await fed.stop();
  return { contents: contentsOf(undisturbed), versions: versionsOf(undisturbed) };
}

it('kills it between receive and map: everything acknowledged is mapped after the restart, and nothing twice', async () => {
  // Nobody else can write to the projection: what is received waits.
  lock = new DatabaseSync(feedFiles(home.state).projection);
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
  const restarted = Promise.withResolvers<boolean>();
  const sent = server.send(DAY.slice(half), 'hospix', {
    connections: 4,
    onAcknowledged: () => {
      acknowledged += 1;
      if (acknowledged === 30) restarted.resolve(server.kill().then(() => server.start()));
    },
  });
  await Promise.all([sent, restarted.promise]);
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
});
