import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDay } from '../../sandbox/feed/day.ts';
import { feedOf } from '../../sandbox/feed/disturb.ts';
import type { Disturbances } from '../../sandbox/feed/disturb.ts';
import { contentsOf, fixture, makeHome, startFed, versionsOf } from '../support/fed.ts';
import type { Fed, Home } from '../support/fed.ts';

/** The morning of a bad feed: duplicates, a late event, broken messages, a foreign character set. */
interface Found<T> {
  readonly total?: number;
  readonly entry?: readonly { readonly resource: T }[];
}
interface Read {
  readonly id: string;
  readonly meta: { readonly versionId: string };
  readonly name?: readonly { readonly family?: string }[];
}

const homes: Home[] = [];
afterAll(() => homes.forEach((home) => home.remove()));
function home(beside = homes[0]): Home {
  const made = makeHome(beside);
  homes.push(made);
  return made;
}

describe('a bad morning', () => {
  let fed: Fed;
  /** Milliseconds that two good messages take on this machine. */
  let usual: number;
  beforeAll(async () => void (fed = await startFed(home())));
  afterAll(() => fed.stop());

  const patient = async () => (await fed.get<Read>(`Patient/${await fed.patientId('300001')}`)).body;
  const visit = 'Encounter?identifier=urn:oid:2.999.1.1%7CV300001';

  it('acknowledges a message that comes twice, and applies it once', async () => {
    expect(await fed.send([fixture('adt/a01')])).toEqual(['AA']);
    await fed.settled();
    const before = await fed.get<Found<Read>>(visit);
    expect(await fed.send([fixture('adt/a01')])).toEqual(['AA']);
    expect(await fed.settled()).toMatchObject({ received: 2, processed: 1, duplicate: 1 });
    const after = await fed.get<Found<Read>>(visit);
    expect(after.body.total).toBe(1);
    expect(after.body.entry).toEqual(before.body.entry);
    expect(await fed.messages('state=duplicate')).toMatchObject([{ controlId: 'F-A01-1', repeats: 1 }]);
  });

  it('keeps the name of the newer event, and shows the late one as superseded', async () => {
    const before = performance.now();
    expect(await fed.send([fixture('adt/a08'), fixture('adt/a04-late')])).toEqual(['AA', 'AA']);
    await fed.settled();
    usual = performance.now() - before;
    expect((await patient()).name?.[0]?.family).toBe('Korn-Weiß');
    const [late] = await fed.messages('state=superseded');
    expect(late).toMatchObject({ controlId: 'F-A04-1', type: 'ADT^A04' });
    expect(late!.detail).toMatch(/^\d+ of \d+ resources left alone: something newer is known of them$/);
  });

  it('refuses broken messages naming segment and field, and takes the next good one of that connection at once', async () => {
    const before = performance.now();
    const answers = await fed.send([fixture('adt/broken'), fixture('adt/broken-no-pid'), fixture('oru/r01')]);
    expect(answers).toEqual([
      expect.stringMatching(/^AR ERR\|\|MSH\^1\^2\|102\^/),
      expect.stringMatching(/^AE ERR\|\|PID\^1\|100\^/),
      'AA',
    ]);
    await fed.settled();
    expect(performance.now() - before).toBeLessThan(1_000 + 10 * usual);
    const result = await fed.get<Found<{ subject: { reference: string } }>>(
      `Observation?patient=${(await patient()).id}&code=http://loinc.org%7C14749-6`,
    );
    expect(result.body.total).toBe(1);
    expect(result.body.entry?.[0]?.resource.subject.reference).toBe(`Patient/${(await patient()).id}`);
    const refused = await fed.messages('state=rejected');
    const owner = 'sender HOSPIX|MAIN';
    expect(refused).toMatchObject([
      { controlId: 'F-BAD-1', reason: 'malformed', owner },
      { controlId: 'F-BAD-2', reason: 'malformed', owner },
    ]);
  });

  it('reads Latin-1 where the interface declares it, and parks it elsewhere: nothing is ever replaced', async () => {
    const bytes = fixture('adt/a01-latin1');
    const [answer] = await fed.send([bytes]);
    expect(answer).toMatch(/^AE ERR\|\|PID\^1\^5\|102\^.*decode-error/);
    await fed.settled();
    const parked = await fed.messages('state=parked');
    expect(parked).toMatchObject([
      { controlId: 'F-L1-1', reason: 'decode-error', owner: expect.any(String) as string },
    ]);
    expect(Date.parse(parked[0]!.receivedAt)).toBeLessThanOrEqual(Date.now());
    expect(await fed.send([bytes], 'latin')).toEqual(['AA']);
    await fed.settled('latin');
    const { body } = await fed.get<Read>(`Patient/${await fed.patientId('300002')}`);
    expect(body.name?.[0]).toMatchObject({ family: 'Müller', given: ['Jörg'] });
    expect(JSON.stringify([...contentsOf(fed.home).values()])).not.toContain('\uFFFD');
  });

  it('accounts for every message', async () => {
    const { holds } = await fed.admin<{ holds: boolean }>('/feed/recount', { by: 'test', reason: 'test' });
    expect(holds).toBe(true);
    // The one that does not decode keeps nobody from looking at the others, or at itself.
    const coverage = await fed.admin<{ messages: number }>('/feed/coverage');
    expect(coverage.messages).toBeGreaterThanOrEqual(4);
    const [parked] = await fed.messages('state=parked');
    const opened = await fed.admin<object>(`/feed/messages/${parked!.seq}/explain`, {
      by: 'test',
      reason: 'test',
    });
    expect(opened).toEqual({ message: parked });
    expect(await fed.settled()).toEqual({
      received: 8,
      waiting: 0,
      processed: 3,
      duplicate: 1,
      superseded: 1,
      parked: 1,
      rejected: 2,
    });
  });
});

describe('a burst of a day', () => {
  const CLEAN = home();
  let clean: Map<string, object>;

  async function run(at: Home, disturbances: Disturbances, rate?: number) {
    const fed = await startFed(at);
    try {
      const messages = feedOf(createDay({ patients: 60, seed: 3 }), disturbances, 3);
      const answers = await fed.send(
        messages.map(({ bytes, event }) => ({ bytes, lane: event.lane })),
        'hospix',
        { connections: 8, ...(rate === undefined ? {} : { rate }) },
      );
      const counts = await fed.settled();
      return { messages, answers, counts, states: await fed.messages() };
    } finally {
      await fed.stop();
    }
  }

  beforeAll(async () => {
    const { counts } = await run(CLEAN, {});
    expect(counts.processed).toBe(counts.received);
    clean = contentsOf(CLEAN);
  });

  it('ends with everybody discharged: letters and appointments that come after say nothing of the stay', () => {
    const stays = [...clean].flatMap(([key, said]) => (key.startsWith('Encounter/') ? [said] : []));
    expect(stays.length).toBeGreaterThan(50);
    for (const stay of stays)
      expect(stay).toMatchObject({ status: 'finished', period: { end: expect.anything() as string } });
  });

  it('of 200 messages a second with a fifth sent twice ends as the clean day does', async () => {
    const at = home(CLEAN);
    const { counts, messages, answers } = await run(at, { duplicates: 20 }, 200);
    const twice = messages.filter(({ disturbed }) => disturbed.includes('duplicates')).length;
    expect(answers.every((code) => code === 'AA')).toBe(true);
    expect(counts).toMatchObject({
      received: messages.length,
      duplicate: twice,
      processed: messages.length - twice,
    });
    expect(twice).toBeGreaterThan(messages.length / 10);
    expect(contentsOf(at)).toEqual(clean);
    expect(versionsOf(at)).toEqual(versionsOf(CLEAN));
  });

  it('out of order ends with the same resources, less what only an older event said', async () => {
    const at = home(CLEAN);
    const { counts, messages } = await run(at, { disorder: 30, late: 3 });
    expect(counts.processed + counts.superseded).toBe(messages.length);
    expect(counts.superseded).toBeGreaterThan(0);
    const disturbed = contentsOf(at);
    expect([...disturbed.keys()].toSorted()).toEqual([...clean.keys()].toSorted());
    const other = [...clean].filter(
      ([key, said]) => JSON.stringify(disturbed.get(key)) !== JSON.stringify(said),
    );
    // An older event is never applied to a resource that a newer one has changed, not even what it alone said: that is the only difference there may be.
    expect(other.length).toBeLessThanOrEqual(counts.superseded);
    for (const [key, said] of other) expect(said).toMatchObject(disturbed.get(key)!);
  });
});
