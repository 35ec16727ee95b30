import * as fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createProcessor } from '../../../../src/events/feed/processor.ts';
import type { Arrival, InboxLedger, Receipt } from '../../../../src/feed-ports.ts';
import { openInboxLedger } from '../../../../src/store/inbox-ledger.ts';
import { createNewness } from '../../../../src/store/inbox-newness.ts';
import { createMemoryInbox } from '../../../../src/store/memory-inbox.ts';
import { openCommitter } from '../../store/inbox-support.ts';
import { messageOf, openTestProjection, readTestMessage } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'ficus-law-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

/** What may happen to a feed. */
type Event =
  | { readonly kind: 'receive'; readonly arrivals: readonly Arrival[]; readonly killed: boolean }
  | { readonly kind: 'step'; readonly limit: number; readonly stopped: boolean }
  | { readonly kind: 'requeue'; readonly seqs: readonly number[] }
  | { readonly kind: 'forget'; readonly before: number; readonly limit: number }
  | { readonly kind: 'restart' };

const verdicts = [
  undefined,
  undefined,
  undefined,
  { state: 'rejected', reason: 'not-supported', detail: 'MSH-9' },
  { state: 'parked', reason: 'decode-error', detail: 'byte 3' },
] as const;

/** Few names and few contents, so that duplicates and conflicts are common. */
const anArrival: fc.Arbitrary<Arrival> = fc
  .record({
    controlId: fc.constantFrom('', 'a', 'b', 'c', 'd'),
    source: fc.constantFrom('adt', 'lab'),
    sender: fc.constantFrom('A|1', 'A|2'),
    said: fc.record({
      patient: fc.constantFrom('p', 'q'),
      value: fc.constantFrom('x', 'y'),
      eventAt: fc.integer({ min: 0, max: 3 }),
      fails: fc.constantFrom(undefined, undefined, undefined, 'read', 'apply', 'mapping-needed'),
    }),
    verdict: fc.constantFrom(...verdicts),
    sequence: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
  })
  .map(({ controlId, source, sender, said: { fails, ...said }, verdict, sequence }) =>
    messageOf(controlId, fails ? { ...said, fails } : said, {
      source,
      sender,
      ...(verdict ? { verdict } : {}),
      ...(sequence === undefined ? {} : { sequence }),
    }),
  );

const events: fc.Arbitrary<readonly Event[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('receive' as const),
        arrivals: fc.array(anArrival, { minLength: 1, maxLength: 6 }),
        killed: fc.boolean(),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('step' as const),
        limit: fc.integer({ min: 1, max: 5 }),
        stopped: fc.boolean(),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('requeue' as const),
        seqs: fc.array(fc.integer({ min: 1, max: 20 })),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('forget' as const),
        before: fc.integer({ min: 1_000, max: 1_030 }),
        limit: fc.integer({ min: 1, max: 9 }),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  ),
  { minLength: 1, maxLength: 25 },
);

/** A feed that can be stopped and started again. */
interface Feed {
  readonly ledger: InboxLedger;
  /** `killed`: it is stopped as soon as they are safe, and started again. */
  receive(arrivals: readonly Arrival[], killed: boolean): Promise<readonly Receipt[]>;
  restart(): void;
  close(): void;
}

function onDisk(): Feed {
  const file = join(folder, `${++files}.sqlite`);
  let inbox = openCommitter(file, {});
  let newness = createNewness(file);
  let ledger = openInboxLedger(file);
  const close = (): void => {
    newness.close();
    ledger.close();
    inbox.close();
  };
  const restart = (): void => {
    close();
    inbox = openCommitter(file, {});
    newness = createNewness(file);
    ledger = openInboxLedger(file);
  };
  return {
    get ledger() {
      return ledger;
    },
    async receive(arrivals, killed) {
      const { committer } = inbox;
      if (!newness.namesIfNew(arrivals)) {
        const { receipts } = committer.commit([], arrivals);
        newness.allFiled();
        if (killed) restart();
        return receipts;
      }
      const first = committer.beginning.last + 1;
      const region = inbox.append(first, ...arrivals);
      // Safe, whether it is filed now, or found when it is started again.
      if (killed) restart();
      else {
        committer.commit([region], []);
        newness.allFiled();
      }
      return arrivals.map((_, nth) => ({ kind: 'stored', seq: first + nth }));
    },
    restart,
    close,
  };
}

function inMemory(): Feed {
  const { intake, ledger } = createMemoryInbox({ owners: {} });
  return {
    ledger,
    receive: (arrivals) => Promise.all(arrivals.map((arrival) => intake.receive(arrival))),
    restart: () => {},
    close: () => {},
  };
}

/** Lives through the events; what was seen after each of them. */
async function live(feed: Feed, history: readonly Event[]): Promise<readonly unknown[]> {
  const projection = openTestProjection();
  const seen: unknown[] = [];
  let now = 1_000;
  let offered = 0;
  const step = (limit: number, stopped: boolean): number => {
    const processor = createProcessor({
      ledger: {
        waiting: (most) => feed.ledger.waiting(most),
        settle(outcomes, at) {
          if (stopped) throw new Error('stopped');
          feed.ledger.settle(outcomes, at);
        },
      },
      writer: projection,
      read: readTestMessage,
      ownerOf: () => 'somebody',
      clock: { now: () => now },
    });
    try {
      return processor.step(limit);
    } catch (error) {
      expect((error as Error).message).toBe('stopped');
      return -1;
    }
  };
  const happen = async (event: Event): Promise<unknown> => {
    if (event.kind === 'receive') {
      offered += event.arrivals.length;
      return feed.receive(
        event.arrivals.map((arrival) => ({ ...arrival, at: now })),
        event.killed,
      );
    }
    if (event.kind === 'step') return step(event.limit, event.stopped);
    if (event.kind === 'requeue') return feed.ledger.requeue(event.seqs, now);
    return event.kind === 'forget' ? feed.ledger.forget(event.before, event.limit) : feed.restart();
  };
  for (const event of history) {
    now += 1;
    seen.push([event.kind, await happen(event), feed.ledger.list({ limit: 999 }), feed.ledger.figures()]);
    const { holds, counts } = feed.ledger.audit();
    expect(holds).toBe(true);
    expect(counts).toEqual(feed.ledger.counts());
    expect(counts.received).toBe(offered);
  }
  while (step(3, false) > 0);
  const { waiting, processed, duplicate, superseded, parked, rejected } = feed.ledger.counts();
  expect(waiting).toBe(0);
  expect(processed + duplicate + superseded + parked + rejected).toBe(offered);
  // What ended well was applied once for each time that it was put back; nothing was applied twice.
  for (const times of projection.effects().values()) expect(times).toBe(1);
  for (const { seq, state, replays } of feed.ledger.list({ limit: 999 })) {
    const applied = projection.effects().has(`${seq}/${replays}`);
    if (state === 'processed' || state === 'superseded') expect(applied).toBe(true);
    if (state === 'parked' || state === 'rejected') expect(applied).toBe(false);
  }
  projection.close();
  feed.close();
  return seen;
}

describe('whatever happens to a feed', () => {
  it('keeps the conservation law, loses nothing, does nothing twice, and is told alike on disk and in memory', async () => {
    await fc.assert(
      fc.asyncProperty(events, async (history) => {
        expect(await live(onDisk(), history)).toEqual(await live(inMemory(), history));
      }),
      { numRuns: Number(process.env['FICUS_RUNS'] ?? 60) },
    );
  });
});
