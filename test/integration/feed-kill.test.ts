import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import type { Receipt } from '../../src/feed-ports.ts';
import { createRandom } from '../../src/mapping/laws/random.ts';
import type { Random } from '../../src/mapping/laws/random.ts';
import { createProjectionLog } from '../../src/projection/event-log.ts';
import { PROJECTION_MIGRATIONS } from '../../src/projection/schema.ts';
import { createReading } from '../../src/projection/search/reading.ts';
import { openDatabase } from '../../src/store/database.ts';
import { openInboxLedger } from '../../src/store/inbox-ledger.ts';
import { messageOf, openTestProjection } from '../unit/events/feed/support.ts';
import type { TestMessage } from '../unit/events/feed/support.ts';
import { filed } from '../unit/store/inbox-support.ts';
import type { Offer } from './feed-under-kill.ts';

/** How often the feed is killed: `FICUS_KILLS=2000` for a long run. */
const KILLS = Number(process.env['FICUS_KILLS'] ?? 200);
/** `FICUS_SEED=...` repeats the choices of a run (not the moments of the disk). */
const SEED = Number(process.env['FICUS_SEED'] ?? Date.now() % 1_000_000);
/** Feeds that are killed side by side: with a projection that counts whatever is done to it, and with the one that Ficus has. */
const LANES = ['counting', 'real'] as const;
/** Connections of one feed: each has one message in flight. */
const SENDERS = 6;

const folder = mkdtempSync(join(tmpdir(), 'ficus-kill-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One connection, as MLLP senders are: a message that was not acknowledged is sent again, as it was, before the next one. */
interface Sender {
  readonly name: string;
  sent: number;
  offer: Omit<Offer, 'nth'> | undefined;
}

interface Acknowledged {
  readonly controlId: string;
  readonly said: TestMessage;
  readonly receipt: Receipt;
}

/** The next thing that a sender has to say: mostly news; now and then what it said before, or other words under an old control id. */
function nextOffer(sender: Sender, random: Random): Omit<Offer, 'nth'> {
  const nth = ++sender.sent;
  const old = random.int(nth);
  const said: TestMessage = { patient: sender.name, value: `${nth}`, eventAt: nth };
  if (random.chance(0.1) && old > 0)
    return { controlId: `${sender.name}-${old}`, said: { ...said, value: `${old}x` } };
  const fails = random.chance(0.1) ? random.pick(['read', 'apply', 'mapping-needed'] as const) : undefined;
  return { controlId: `${sender.name}-${nth}`, said: fails ? { ...said, fails } : said };
}

/** A feed with its senders; its process comes and goes. */
function createFeed(place: string, projection: string, random: Random) {
  const senders: Sender[] = Array.from({ length: SENDERS }, (_, nth) => ({
    name: `s${nth}`,
    sent: 0,
    offer: undefined,
  }));
  const acknowledged: Acknowledged[] = [];
  const offered = new Map<number, { readonly sender: Sender; readonly offer: Omit<Offer, 'nth'> }>();
  let current: ChildProcess | undefined;
  let ending = false;
  let troubles = 0;

  function send(sender: Sender, child: ChildProcess): void {
    sender.offer ??= nextOffer(sender, random);
    const nth = offered.size;
    offered.set(nth, { sender, offer: sender.offer });
    if (child.connected) child.send({ nth, ...sender.offer }, () => {});
  }

  function acknowledge(nth: number, receipt: Receipt, child: ChildProcess): void {
    const { sender, offer } = offered.get(nth)!;
    acknowledged.push({ ...offer, receipt });
    if (child !== current) return;
    // Now and then an acknowledgement gets lost on its way: the sender says the same thing once more.
    if (ending || !random.chance(0.1)) sender.offer = undefined;
    if (!ending) send(sender, child);
  }

  /** Starts the process. `ready`: it takes messages. */
  function start() {
    const child = fork(join(import.meta.dirname, 'feed-under-kill.ts'), [place, projection], {
      env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'cache') },
      execArgv: [],
    });
    current = child;
    const exited = once(child, 'exit');
    const ready = new Promise<void>((resolve, reject) => {
      child.on('message', (message: { nth?: number; receipt?: Receipt; ready?: true }) => {
        if (message.ready) {
          resolve();
          for (const sender of senders) send(sender, child);
        } else if (message.receipt) acknowledge(message.nth!, message.receipt, child);
        else troubles += 1;
      });
      void exited.then(([code]) => {
        if (code !== null) reject(new Error(`the process ended by itself, with ${String(code)}`));
        else resolve();
      });
    });
    const kill = async (): Promise<void> => {
      child.kill('SIGKILL');
      await exited;
    };
    return { ready, kill };
  }

  /** So many acknowledgements more, whatever the speed of the machine. */
  async function receipts(more: number): Promise<void> {
    const enough = acknowledged.length + more;
    while (acknowledged.length < enough) await sleep(1);
  }

  return {
    acknowledged,
    troubles: () => troubles,
    async killOften(kills: number): Promise<void> {
      for (let nth = 0; nth < kills; nth++) {
        const { ready, kill } = start();
        // A third of the kills hit it while it starts, and finds what the one before left.
        if (random.chance(0.3)) await Promise.race([ready, sleep(random.int(400))]);
        else await ready.then(() => receipts(random.int(40))).then(() => sleep(random.int(8)));
        await kill();
      }
    },
    /** Lets a last process come to an end with everything. */
    async finish(): Promise<void> {
      const { ready, kill } = start();
      await ready;
      ending = true;
      const ledger = openInboxLedger(join(place, 'inbox.sqlite'));
      const looking = new DatabaseSync(join(place, 'inbox.sqlite'), { readOnly: true, timeout: 5_000 });
      while (senders.some(({ offer }) => offer)) await sleep(20);
      for (const { receipt } of acknowledged) await filed(looking, receipt);
      while (ledger.counts().waiting > 0) await sleep(20);
      looking.close();
      ledger.close();
      await kill();
    },
  };
}
type Feed = ReturnType<typeof createFeed>;

describe(`a feed that is killed ${KILLS} times (FICUS_KILLS), seed ${SEED} (FICUS_SEED)`, () => {
  it.concurrent.each(LANES)(
    'loses nothing that it acknowledged, and does nothing twice (%s projection)',
    { timeout: 180_000 + KILLS * 3_000 },
    async (lane) => {
      const place = join(folder, lane);
      mkdirSync(place);
      const feed = createFeed(place, lane, createRandom(SEED + LANES.indexOf(lane)));
      await feed.killOften(Math.ceil(KILLS / LANES.length));
      await feed.finish();
      const seen = lane === 'real' ? seenInReal(place) : seenInCounting(place);
      check(feed, place, seen);
    },
  );
});

/** What a projection was told and knows. */
interface Seen {
  /** How often each message changed it. */
  readonly effects: ReadonlyMap<number, number>;
  readonly values: ReadonlyMap<string, string>;
}

function seenInCounting(place: string): Seen {
  const { database } = openTestProjection(join(place, 'projection.sqlite'));
  const effects = database.prepare('SELECT seq, count(*) AS count FROM effect GROUP BY seq').all();
  const values = database.prepare('SELECT id, value FROM patient').all();
  database.close();
  return {
    effects: new Map(effects.map(({ seq, count }) => [Number(seq), Number(count)])),
    values: new Map(values.map(({ id, value }) => [String(id), String(value)])),
  };
}

function seenInReal(place: string): Seen {
  const database = openDatabase(join(place, 'projection.sqlite'), PROJECTION_MIGRATIONS);
  const events = createProjectionLog(database).events(0, 1_000_000);
  expect(events.map(({ number }) => number)).toEqual(events.map((_, nth) => nth + 1));
  const reading = createReading(database);
  const ids = [...new Set(events.map(({ id }) => id))];
  const values = ids.map((id): [string, string] => {
    const patient = reading.read('Patient', id)!.resource as unknown as {
      readonly name: readonly [{ readonly family: string }];
    };
    return [id, patient.name[0].family];
  });
  database.close();
  const byMessage = Map.groupBy(events, ({ message }) => message);
  return {
    effects: new Map([...byMessage].map(([message, of]) => [message, of.length])),
    values: new Map(values),
  };
}

function check(feed: Feed, place: string, seen: Seen): void {
  const ledger = openInboxLedger(join(place, 'inbox.sqlite'));
  const records = ledger.list({ limit: 1_000_000 });
  expect(feed.troubles()).toBe(0);
  expect(feed.acknowledged.length).toBeGreaterThan(5 * (KILLS / LANES.length));

  // Every acknowledged message is kept, with the bytes that were acknowledged.
  for (const { controlId, said, receipt } of feed.acknowledged) {
    const found = ledger.find(receipt.kind === 'duplicate' ? receipt.of : receipt.seq);
    expect(found?.record.controlId).toBe(controlId);
    expect(Buffer.from(found!.bytes!)).toEqual(messageOf(controlId, said).bytes);
  }

  // Numbers without gaps; one message of each control id, the others are conflicts.
  expect(records.map(({ seq }) => seq)).toEqual(records.map((_, nth) => nth + 1));
  const taken = records.filter(({ reason }) => reason !== 'control-id-reused');
  expect(new Set(taken.map(({ controlId }) => controlId)).size).toBe(taken.length);

  // Applied: exactly what ended well, exactly once.
  const well = records.filter(({ state }) => state === 'processed');
  expect(seen.effects).toEqual(new Map(well.map(({ seq }) => [seq, 1])));
  // In the order of receipt: each patient has the value of its last message that ended well.
  for (const { patient, last } of lastValues(well, ledger)) expect(seen.values.get(patient)).toBe(last);

  // The law.
  const { holds, counts } = ledger.audit();
  expect(holds).toBe(true);
  expect(counts.waiting).toBe(0);
  expect(counts.received).toBe(
    counts.processed + counts.duplicate + counts.superseded + counts.parked + counts.rejected,
  );
  expect(counts.received).toBeGreaterThanOrEqual(feed.acknowledged.length);
  expect(counts.duplicate).toBeGreaterThan(0);
  expect(counts.parked).toBeGreaterThan(0);
  ledger.close();
}

function lastValues(
  records: readonly { readonly seq: number }[],
  ledger: ReturnType<typeof openInboxLedger>,
): readonly { readonly patient: string; readonly last: string }[] {
  const values = new Map<string, string>();
  for (const { seq } of records) {
    const { patient, value } = JSON.parse(Buffer.from(ledger.find(seq)!.bytes!).toString()) as TestMessage;
    values.set(patient, value);
  }
  return [...values].map(([patient, last]) => ({ patient, last }));
}
