import { describe, expect, it } from 'vitest';
import { createMemoryEvidenceStore } from '../../../../src/store/memory-evidence.ts';
import { sizeOf } from '../../../../src/strangler/gates/bounded-set.ts';
import type { EvidenceStore } from '../../../../src/strangler/gates/evidence-store.ts';
import { createEvidenceRecorder } from '../../../../src/strangler/gates/recorder.ts';
import { runOf } from '../../../../src/strangler/gates/stored.ts';
import { createWatch } from '../../../../src/strangler/gates/watch.ts';
import { createFakeClock, createTestLogger, settled } from '../../resilience/support.ts';
import { call, comparison, difference, different, ROUTE, START } from './support.ts';

const search = 'Observation.search';

function recording(store: EvidenceStore = createMemoryEvidenceStore(), watched = false) {
  const clock = createFakeClock(START);
  const log = createTestLogger();
  const told: string[] = [];
  const watch = createWatch({
    limits: { automatic: true, criticals: 1, errorRate: 0.01, alpha: 0.001 },
    route: () => ({ ...ROUTE, stage: 'canary', cohort: { percent: 10 } }),
    onHold: () => {},
    onRollback: ({ words }) => void told.push(words),
    clock,
    log,
  });
  const recorder = createEvidenceRecorder({ store, clock, log, ...(watched ? { watch } : {}) });
  return { store, clock, log, told, recorder };
}

/** A store that fails as often as it is told to. */
function failing(times: number): EvidenceStore & { readonly saves: () => number } {
  const store = createMemoryEvidenceStore();
  let saves = 0;
  return {
    ...store,
    saves: () => saves,
    async save(...changes) {
      saves += 1;
      if (saves <= times) throw new Error('disk full');
      await store.save(...changes);
    },
  };
}

describe('the evidence recorder', () => {
  it('keeps that a side was asked for a write, through a failure, before anything is known of it', async () => {
    const { store, clock, recorder } = recording(failing(1));
    recorder.writing('Observation.create', 'modern', START);
    expect(recorder.traffic('Observation.create')?.lastAsked).toEqual({ modern: START });
    await clock.advance(2_000);
    const again = recording(store).recorder;
    await again.start([{ ...ROUTE, endpoint: 'Observation.create' }]);
    const { lastAsked, shapes } = again.traffic('Observation.create')!;
    expect([lastAsked, shapes.size]).toEqual([{ modern: START }, 0]);
    expect(await store.run('Observation.create', ROUTE.run)).toBeUndefined();
  });

  it('keeps what it has counted within a second, not before', async () => {
    const { store, clock, recorder } = recording();
    recorder.call(call());
    recorder.compared(comparison());
    recorder.skipped(search, 2, 'rate');
    await clock.advance(900);
    expect(await store.run(search, 2)).toBeUndefined();
    await clock.advance(100);
    const kept = await store.run(search, 2);
    expect(kept?.hashes).toMatchObject({ patients: ['p-0001'], requests: ['r-0001'] });
    const { tally } = runOf(kept!.body);
    expect(tally.trials.count).toBe(1);
    expect(tally.skipped.get('rate')).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('keeps a critical difference at once', async () => {
    const { store, recorder } = recording();
    recorder.compared(comparison(different(difference())));
    await settled();
    expect(runOf((await store.run(search, 2))!.body).tally.trials.critical).toBe(1);
  });

  it('goes on from what was stored when it starts', async () => {
    const first = recording();
    for (let index = 0; index < 20; index += 1) {
      first.recorder.call(call({ at: START + index }));
      first.recorder.compared(comparison({ patient: `p-${index}`, request: `r-${index}` }));
    }
    await first.recorder.stop();
    const second = recording(first.store);
    await second.recorder.start([{ endpoint: search, run: 2 }]);
    second.recorder.compared(comparison({ patient: 'p-3', request: 'r-new' }));
    const tally = second.recorder.tally(search, 2)!;
    expect(tally.trials.count).toBe(21);
    expect([sizeOf(tally.patients), sizeOf(tally.requests)]).toEqual([20, 21]);
    expect(tally.calls.legacy.client.count).toBe(20);
    expect(second.recorder.traffic(search)?.shapes.get('code,patient')?.seen).toBe(20);
  });

  it('begins a new run with nothing, and keeps the one before', async () => {
    const { store, clock, recorder } = recording();
    recorder.compared(comparison());
    recorder.compared(comparison({ run: 5 }));
    recorder.compared(comparison({ run: 5, request: 'r-2' }));
    // One that was under way when the run ended.
    recorder.compared(comparison({ request: 'r-3' }));
    await clock.advance(1_000);
    expect((await store.runs(search)).map(({ run, body }) => [run, runOf(body).tally.trials.count])).toEqual([
      [2, 2],
      [5, 2],
    ]);
    expect(recorder.tally(search, 5)?.trials.count).toBe(2);
  });

  it('never writes over a run that it has not read, and counts what it could not count', async () => {
    const { store, recorder } = recording();
    await store.save(
      [{ endpoint: search, run: 1, body: 'old', added: { patients: [], requests: [], replayed: [] } }],
      [],
      true,
    );
    recorder.call(call({ run: 2 }));
    recorder.call(call({ run: 1 }));
    await recorder.stop();
    expect((await store.run(search, 1))?.body).toBe('old');
    expect(recorder.lost).toEqual({ failed: 0, late: 1 });
  });

  it('loses nothing when the store fails: it says so, and tries again', async () => {
    const store = failing(2);
    const { clock, log, recorder } = recording(store);
    recorder.compared(comparison(different(difference())));
    recorder.call(call());
    await settled();
    await clock.advance(1_000);
    expect(recorder.lost.failed).toBe(2);
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(2);
    await clock.advance(1_000);
    const kept = await store.run(search, 2);
    expect(kept?.hashes.patients).toEqual(['p-0001']);
    expect(runOf(kept!.body).tally.trials.critical).toBe(1);
    expect(await store.traffic(search)).toBeDefined();
  });

  it('never throws at whoever tells it', () => {
    const { recorder, log } = recording();
    expect(() => recorder.call({ ...call(), side: 'neither' as 'legacy' })).not.toThrow();
    expect(recorder.lost.failed).toBe(1);
    expect(log.lines[0]).toMatchObject({ level: 'error', message: 'evidence could not be counted' });
  });

  it('saves one after the other, and not when nothing has changed', async () => {
    const store = failing(0);
    const { recorder } = recording(store);
    recorder.call(call());
    await Promise.all([recorder.flush(), recorder.flush(), recorder.flush()]);
    expect(store.saves()).toBe(1);
    await recorder.stop();
    expect(store.saves()).toBe(1);
  });

  it('has the watch told within the call, and its memory kept', async () => {
    const { store, told, recorder } = recording(undefined, true);
    for (let index = 0; index < 4; index += 1)
      recorder.call(call({ side: 'modern', ok: false, fellBack: true }));
    expect(told).toEqual([]);
    await recorder.stop();
    const again = recording(store, true);
    await again.recorder.start([{ endpoint: search, run: 2 }]);
    again.recorder.call(call({ side: 'modern', ok: false, fellBack: true }));
    expect(again.told).toEqual([
      'Rolled back Observation.search from canary 10 % to shadow: error rate 100.0 % > 1.0 % over 5 calls',
    ]);
  });
});
