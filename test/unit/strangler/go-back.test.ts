import { beforeEach, describe, expect, it } from 'vitest';
import { createPinBoard } from '../../../src/events/pins.ts';
import type { PinBoard } from '../../../src/events/pins.ts';
import type { FicusError } from '../../../src/errors.ts';
import type { OutboxHead } from '../../../src/replica-ports.ts';
import type { Backend, Cohort, FhirRequest, Route } from '../../../src/ports.ts';
import { idempotency } from '../../../src/resilience/idempotency.ts';
import { createMemoryIdempotencyStore } from '../../../src/store/memory.ts';
import { goBack } from '../../../src/strangler/go-back.ts';
import { backendNameOf, createRouter } from '../../../src/strangler/router.ts';
import { answer, create, createContext, createFakeClock, patient, read, settled, update } from '../resilience/support.ts'; // prettier-ignore
import type { FakeClock } from '../resilience/support.ts';
import { createScriptedBackend, route } from './support.ts';

/** What becomes of writes right after a roll back, while legacy is still owed what modern has accepted. */
const OWED: OutboxHead = {
  id: 'w1',
  sequence: 1,
  endpoint: 'Observation.create',
  type: 'Observation',
  resourceId: 'o1',
  patient: 'p1',
  from: 'modern',
  toward: 'legacy',
  backend: 'labs',
  lossy: false,
  state: 'pending',
  accepted: true,
  sent: false,
  acceptedAt: 0,
  nextAttemptAt: 0,
  attempts: 0,
};
const change = update('o1', { type: 'Observation' });
/** Of a request that has 30 s, a quarter. */
const LONGEST_MS = 7_500;

let clock: FakeClock;
let pins: PinBoard;
let now: Route;
let router: Backend;

beforeEach(() => {
  clock = createFakeClock();
  pins = createPinBoard(clock);
  now = route({ stage: 'legacy' });
  const served = (name: string) =>
    createScriptedBackend(async () => ({ ...answer(patient('1')), servedBy: name }));
  const migration = { clock, cohortKey: new Uint8Array(32), pins };
  const table = { get: () => now };
  const backends = new Map([
    ['core', served('core')],
    ['labs', served('labs')],
  ]);
  const once = idempotency({
    store: createMemoryIdempotencyStore(),
    clock,
    backendOf: (request, { principal }) => backendNameOf(table, request, principal, migration),
  });
  router = goBack(table, migration)(once(createRouter({ table, backends, migration })));
});

/** Asks, and tells who answered as soon as somebody did. */
function asked(request: FhirRequest, context = createContext(clock, { within: 30_000 })) {
  const one: { by?: string } = {};
  void router.handle(request, context).then(
    ({ servedBy }) => (one.by = servedBy),
    (error: FicusError) => (one.by = error.code),
  );
  return one;
}

const put = (changes: Partial<OutboxHead> = {}) => {
  pins.put({ ...OWED, ...changes });
  pins.changed();
};
const arrive = (changes: Partial<OutboxHead> = {}) => {
  pins.take({ ...OWED, ...changes });
  pins.changed();
};

describe('a write after a roll back', () => {
  it('waits until legacy has the writes before it, and then is legacy’s', async () => {
    put();
    const one = asked(change);
    await clock.advance(LONGEST_MS - 1);
    expect(one.by).toBeUndefined();
    arrive();
    await settled();
    expect(one.by).toBe('core');
    expect(clock.pending).toBe(0);
  });

  it('waits for each of them', async () => {
    put();
    put({ id: 'w2' });
    const one = asked(change);
    arrive();
    await settled();
    expect(one.by).toBeUndefined();
    arrive({ id: 'w2' });
    await settled();
    expect(one.by).toBe('core');
  });

  it('is modern’s like them when they take too long', async () => {
    put();
    const one = asked(change);
    await clock.advance(LONGEST_MS);
    expect(one.by).toBe('labs');
  });

  it.each<Partial<OutboxHead>>([{ state: 'dead' }, { state: 'doubtful' }, { lastError: 'legacy is down' }])(
    'does not wait for what nobody can say the arrival of: %o',
    async (held) => {
      put(held);
      const one = asked(change);
      await settled();
      expect(one.by).toBe('labs');
    },
  );

  it('waits no longer when a delivery fails meanwhile', async () => {
    put();
    const one = asked(change);
    await settled();
    pins.take(OWED);
    put({ lastError: 'legacy is down' });
    await settled();
    expect(one.by).toBe('labs');
  });

  it('goes where its endpoint has gone meanwhile', async () => {
    put();
    const one = asked(change);
    await settled();
    now = route({ stage: 'modern' });
    arrive();
    await settled();
    expect(one.by).toBe('labs');
  });

  it('is legacy’s with an Idempotency-Key, too: its side is recorded after the wait; a repeat has its answer', async () => {
    const keyed = { ...change, idempotencyKey: 'k1' };
    put();
    const one = asked(keyed);
    const twin = asked(keyed);
    await settled();
    expect([one.by, twin.by]).toEqual([undefined, undefined]);
    arrive();
    await settled();
    const again = asked(keyed);
    await settled();
    expect([one.by, twin.by, again.by]).toEqual(['core', 'core', 'core']);
  });

  it('by criteria without a patient waits for all of its type, and gives up none of them', async () => {
    const query = { type: 'Observation', filters: [], applied: [], ignored: [], sort: [], include: [] };
    put();
    const one = asked({ ...create({ type: 'Observation' }), ifNoneExist: query });
    await clock.advance(LONGEST_MS);
    expect(one.by).toBe('labs');
    const other = asked(change);
    await settled();
    expect(other.by).toBeUndefined();
    arrive();
    await settled();
    expect(other.by).toBe('core');
  });

  it('waits in vain once only: those after it do not, until something is heard of what they would wait for', async () => {
    put();
    const first = asked(change);
    await clock.advance(LONGEST_MS / 2);
    const meanwhile = asked(change);
    await clock.advance(LONGEST_MS / 2);
    const after = asked(change);
    await settled();
    expect([first.by, meanwhile.by, after.by]).toEqual(['labs', 'labs', 'labs']);
    expect(clock.pending).toBe(0);
    arrive();
    put({ id: 'w2' });
    const next = asked(change);
    await settled();
    expect(next.by).toBeUndefined();
    arrive({ id: 'w2' });
    await settled();
    expect(next.by).toBe('core');
  });

  it('does not wait for the writes of others, and a new resource of nobody waits for none', async () => {
    put();
    const others = asked(update('o2', { type: 'Observation' }));
    const nobodys = asked(create({ type: 'Observation' }));
    await settled();
    expect([others.by, nobodys.by]).toEqual(['core', 'core']);
  });

  it('waits no longer when its client has left, and leaves no timer behind', async () => {
    put();
    const context = createContext(clock, { within: 30_000 });
    const one = asked(change, context);
    await settled();
    expect([one.by, clock.pending]).toEqual([undefined, 1]);
    context.abort();
    await settled();
    expect([one.by, clock.pending]).toEqual(['labs', 0]);
  });
});

describe('a write of a patient whom the cohort of a canary has lost', () => {
  /** As `change`, about the patient of what is owed. */
  const aboutPatient = update('o1', {
    type: 'Observation',
    resource: { resourceType: 'Observation', id: 'o1', subject: { reference: 'Patient/p1' } },
  });

  /** Written about again before the last write has arrived, over and over. */
  async function often(cohort: Cohort): Promise<(string | undefined)[]> {
    now = route({ stage: 'canary', cohort });
    const by: (string | undefined)[] = [];
    put({ id: 'w0' });
    for (let nth = 0; nth < 5; nth += 1) {
      const one = asked(aboutPatient);
      await settled();
      // What went to modern at once is owed to legacy in its turn.
      if (one.by === 'labs') put({ id: `w${nth + 1}` });
      arrive({ id: `w${nth}` });
      await settled();
      by.push(one.by);
      if (one.by === 'core') break;
    }
    return by;
  }

  it.each<Cohort>([
    { percent: 0 },
    { percent: 0, patients: ['p2'] },
    { percent: 0, within: { facilities: ['EAST'] } },
    { percent: 0.01 },
  ])('is legacy’s as soon as legacy has those before it: %o', async (cohort) => {
    expect(await often(cohort)).toEqual(['core']);
  });

  it.each<Cohort>([
    { percent: 0, facilities: ['EAST'] },
    { percent: 0, clients: ['kiosk'] },
    { percent: 0.01, within: { facilities: ['EAST'] } },
  ])('waits for nobody where callers differ in their side: %o', async (cohort) => {
    expect(await often(cohort)).toEqual(['labs', 'labs', 'labs', 'labs', 'labs']);
  });

  it('is modern’s at once while the patient is in', async () => {
    put();
    now = route({ stage: 'canary', cohort: { percent: 0, patients: ['p1'] } });
    const one = asked(aboutPatient);
    await settled();
    expect(one.by).toBe('labs');
  });

  it('does not wait for a tester, who chose a side', async () => {
    put();
    now = route({ stage: 'canary', cohort: { percent: 0 } });
    const context = createContext(clock, { within: 30_000 });
    const one = asked(aboutPatient, { ...context, principal: { ...context.principal, side: 'legacy' } });
    await settled();
    expect(one.by).toBe('labs');
  });

  it('does not wait where no patient is named: a share is then one of clients', async () => {
    put();
    now = route({ stage: 'canary', cohort: { percent: 0.01 } });
    const resource = { resourceType: 'Observation', id: 'o1' };
    const one = asked(update('o1', { type: 'Observation', resource }));
    await settled();
    expect(one.by).toBe('labs');
  });
});

describe('nothing waits', () => {
  it('in modern: the patient stays where the writes are', async () => {
    put();
    now = route({ stage: 'modern' });
    const one = asked(change);
    await settled();
    expect(one.by).toBe('labs');
  });

  it('to read: modern has all', async () => {
    put();
    const one = asked(read('o1', { type: 'Observation' }));
    await settled();
    expect(one.by).toBe('labs');
  });
});
