import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { factOf } from '../../../src/audit/chain.ts';
import { createRefusals } from '../../../src/audit/refusals.ts';
import type { Refused } from '../../../src/audit/refusals.ts';
import { createKeeper } from '../../../src/audit/keeper.ts';
import type { AuditKeeper } from '../../../src/audit/keeper.ts';
import { createAuditTrail } from '../../../src/audit/trail.ts';
import type { TrailOptions } from '../../../src/audit/trail.ts';
import { verifyTrail } from '../../../src/audit/verify.ts';
import type { AuditStore } from '../../../src/audit-ports.ts';
import { systemClock } from '../../../src/clock.ts';
import { FicusError } from '../../../src/errors.ts';
import type { ErrorCode } from '../../../src/errors.ts';
import type { Logger } from '../../../src/ports.ts';
import type { AuditEntry } from '../../../src/security-ports.ts';
import { createMemoryAuditStore } from '../../../src/store/memory-audit.ts';
import { entry } from './entries.ts';

const DAY = 86_400_000;
let lines: string[];
const line = (message: string): void => void lines.push(message);
const log: Logger = { debug: line, info: line, warn: line, error: line, child: () => log };

beforeEach(() => {
  lines = [];
  vi.useFakeTimers({ now: Date.parse('2026-03-01T10:00:00Z') });
});
afterEach(() => vi.useRealTimers());

/** A store that can be made to fail, and counts its transactions. */
function fragile() {
  const store = createMemoryAuditStore();
  const state = { fails: false, commits: 0 };
  const append: AuditStore['append'] = (make) => {
    if (state.fails) throw new Error('disk full');
    state.commits += 1;
    store.append(make);
  };
  return { store: { ...store, append }, state };
}

function trailOf(
  store: AuditStore,
  { forgetMost, ...options }: Partial<TrailOptions> & { forgetMost?: number } = {},
) {
  return createAuditTrail({
    keeper: createKeeper(store, forgetMost),
    head: () => store.head(),
    clock: systemClock,
    log,
    whenUnavailable: 'refuse',
    keepMs: 2_192 * DAY,
    ...options,
  });
}

const factsIn = (store: AuditStore) => store.after(0, 100).map(factOf);

describe('the audit trail', () => {
  it('keeps at once what comes alone, then what comes within a few milliseconds in one transaction, and says so when it is kept', async () => {
    const { store, state } = fragile();
    const trail = trailOf(store);
    let kept = 0;
    for (const patient of ['p1', 'p2', 'p3'])
      void trail.write([entry({ patients: [patient] })]).then(() => (kept += 1));
    await vi.advanceTimersByTimeAsync(1);
    expect([kept, state.commits]).toEqual([1, 1]);
    await vi.advanceTimersByTimeAsync(1);
    expect([kept, state.commits]).toEqual([3, 2]);
    expect(factsIn(store).map(({ patient }) => patient)).toEqual(['p1', 'p2', 'p3']);
    expect(trail.figures()).toMatchObject({ written: 3, failed: 0, failing: false, head: { sequence: 3 } });
    expect(verifyTrail(store)).toMatchObject({ holds: true, records: 3 });
  });

  it('keeps a crowd in fewer transactions, and what comes alone afterwards at once', async () => {
    const { store, state } = fragile();
    const trail = trailOf(store);
    let kept = 0;
    const come = (count: number) => {
      for (let n = 0; n < count; n += 1) void trail.write([entry()]).then(() => (kept += 1));
    };
    trail.coming.begin();
    come(17);
    await vi.advanceTimersByTimeAsync(2);
    expect([kept, state.commits]).toEqual([17, 2]);
    come(1);
    await vi.advanceTimersByTimeAsync(7);
    expect([kept, state.commits]).toEqual([17, 2]);
    await vi.advanceTimersByTimeAsync(1);
    expect([kept, state.commits]).toEqual([18, 3]);
    await vi.advanceTimersByTimeAsync(2);
    come(1);
    await vi.advanceTimersByTimeAsync(0);
    expect([kept, state.commits]).toEqual([19, 4]);
  });

  it('waits for a crowd no longer than somebody is coming', async () => {
    const { store, state } = fragile();
    const trail = trailOf(store);
    let kept = 0;
    const come = () => void trail.write([entry()]).then(() => (kept += 1));
    for (let n = 0; n < 18; n += 1) trail.coming.begin();
    for (let n = 0; n < 17; n += 1) {
      trail.coming.end();
      come();
    }
    await vi.advanceTimersByTimeAsync(2);
    expect([kept, state.commits]).toEqual([17, 2]);
    trail.coming.begin();
    trail.coming.end();
    come();
    await vi.advanceTimersByTimeAsync(5);
    expect([kept, state.commits]).toEqual([17, 2]);
    trail.coming.end();
    come();
    await vi.advanceTimersByTimeAsync(0);
    expect([kept, state.commits]).toEqual([19, 3]);
  });

  it('refuses what it cannot keep where the deployment wants that, and tells afterwards how much is missing', async () => {
    const { store, state } = fragile();
    const trail = trailOf(store);
    state.fails = true;
    const refused = trail.write([entry({ patients: ['p1', 'p2'] })]);
    const settled = expect(refused).rejects.toMatchObject({
      code: 'unavailable',
      status: 503,
      retryAfter: 5,
    });
    await vi.advanceTimersByTimeAsync(2);
    await settled;
    expect(trail.figures()).toMatchObject({ failed: 2, failing: true });
    expect(lines).toEqual(['the audit trail cannot be written: requests are refused']);
    state.fails = false;
    const kept = trail.write([entry()]);
    await vi.advanceTimersByTimeAsync(2);
    await kept;
    expect(trail.figures()).toMatchObject({ failing: false });
    expect(factsIn(store)).toMatchObject([
      { kind: 'admin', action: 'audit.lost', outcome: 'failed', details: { events: '2' } },
      { kind: 'read' },
    ]);
  });

  it('lets it pass where the deployment wants that, counts it and says so', async () => {
    const { store, state } = fragile();
    const trail = trailOf(store, { whenUnavailable: 'serve' });
    state.fails = true;
    const served = trail.write([entry()]);
    await vi.advanceTimersByTimeAsync(2);
    await expect(served).resolves.toBeUndefined();
    expect(trail.figures()).toMatchObject({ failed: 1, failing: true });
    expect(lines).toEqual(['the audit trail cannot be written: requests are served without it']);
  });

  it('keeps an entry about very many patients', async () => {
    const { store } = fragile();
    let kept = 0;
    const add: AuditKeeper['add'] = async (facts) => void (kept += facts.length);
    const trail = trailOf(store, { keeper: { ...createKeeper(store), add } });
    const patients = Array.from({ length: 200_000 }, (_, nth) => `p${nth}`);
    await trail.write([entry({ patients })]);
    expect(kept).toBe(patients.length);
  });

  it('writes what waits when it is closed', async () => {
    const { store } = fragile();
    const trail = trailOf(store);
    const waiting = trail.write([entry()]);
    await trail.close();
    await waiting;
    expect(store.count()).toBe(1);
  });

  it('lets go of what is older than it must be kept, and of nothing else, and the chain goes on', async () => {
    const { store } = fragile();
    const trail = trailOf(store, { keepMs: 10 * DAY });
    for (let day = 0; day < 15; day++) {
      void trail.write([entry({ requestId: `day-${day}` })]);
      await vi.advanceTimersByTimeAsync(2);
      vi.setSystemTime(Date.now() + DAY);
    }
    await trail.forget();
    const facts = factsIn(store);
    expect(facts[0]?.requestId).toBe('day-6');
    expect(facts.at(-1)).toMatchObject({ action: 'audit.forget', details: { upTo: '6' } });
    const [anchor] = store.anchors();
    expect(facts.at(-1)?.details?.['hash']).toBe(anchor?.hash);
    expect(verifyTrail(store)).toMatchObject({ holds: true, records: 10, first: 7 });
    expect(await trail.forget()).toBe(false);
    expect(store.anchors()).toHaveLength(1);
  });

  it('lets go of much in parts, an anchor each', async () => {
    const { store } = fragile();
    const trail = trailOf(store, { keepMs: DAY, forgetMost: 4 });
    void trail.write([entry({ patients: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'] })]);
    await vi.advanceTimersByTimeAsync(2);
    vi.setSystemTime(Date.now() + 2 * DAY);
    const more: boolean[] = [];
    for (let n = 0; n < 4; n++) more.push(await trail.forget());
    expect(more).toEqual([true, true, false, false]);
    expect(store.anchors().map(({ count }) => count)).toEqual([4, 4, 2]);
    expect(verifyTrail(store)).toMatchObject({ holds: true, first: 11, records: 3 });
  });
});

describe('refusals', () => {
  const refusal = (changes: Partial<Refused> = {}, code: ErrorCode = 'unauthenticated'): Refused => ({
    principal: { key: 'anonymous' },
    address: '192.0.2.7',
    requestId: 'request-1',
    action: 'Patient.read',
    failure: new FicusError(code, 'no'),
    ...changes,
  });

  function kept() {
    const entries: AuditEntry[] = [];
    let fails = false;
    const write = async (more: readonly AuditEntry[]): Promise<void> => {
      if (fails) throw new FicusError('unavailable', 'not now');
      entries.push(...more);
    };
    return { entries, sink: { write }, fail: (now: boolean) => (fails = now) };
  }

  it('are written at once, and those that are alike counted together', async () => {
    const { entries, sink } = kept();
    const refusals = createRefusals({ sink, clock: systemClock });
    await refusals.refused(refusal());
    expect(entries).toMatchObject([
      { kind: 'refused', outcome: 'refused', errorCode: 'unauthenticated', action: 'Patient.read' },
    ]);
    for (let n = 0; n < 5_000; n++) await refusals.refused(refusal({ requestId: `r${n}` }));
    await refusals.refused(refusal({ address: '192.0.2.8' }));
    await refusals.refused(refusal({}, 'throttled'));
    expect(entries).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(entries).toHaveLength(4);
    expect(entries[3]).toMatchObject({ agent: { address: '192.0.2.7' }, details: { repeated: '5000' } });
    await refusals.refused(refusal());
    expect(entries).toHaveLength(5);
  });

  it('of many callers are counted together beyond a number, never left out', async () => {
    const { entries, sink } = kept();
    const refusals = createRefusals({ sink, clock: systemClock, most: 10 });
    for (let n = 0; n < 100; n++) await refusals.refused(refusal({ address: `192.0.2.${n}` }));
    expect(entries).toHaveLength(11);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(entries[11]).toMatchObject({ agent: { subject: 'many' }, details: { repeated: '89' } });
  });

  it('that could not be counted are counted in the next window, and at the end', async () => {
    const { entries, sink, fail } = kept();
    const refusals = createRefusals({ sink, clock: systemClock });
    await refusals.refused(refusal());
    await refusals.refused(refusal());
    fail(true);
    await vi.advanceTimersByTimeAsync(10_000);
    fail(false);
    await refusals.refused(refusal());
    await refusals.close();
    expect(entries).toHaveLength(2);
    expect(entries[1]?.details).toEqual({ repeated: '2' });
  });

  it('that cannot be written are answered as the sink wants it', async () => {
    const { sink, fail } = kept();
    const refusals = createRefusals({ sink, clock: systemClock });
    fail(true);
    await expect(refusals.refused(refusal())).rejects.toMatchObject({ code: 'unavailable' });
  });
});
