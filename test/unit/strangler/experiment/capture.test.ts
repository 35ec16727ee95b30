import { beforeEach, describe, expect, it } from 'vitest';
import { createMemoryCaptureStore } from '../../../../src/store/captures.ts';
import type { CaptureStore } from '../../../../src/strangler/experiment/capture-store.ts';
import { createCapture } from '../../../../src/strangler/experiment/capture.ts';
import type { Capture } from '../../../../src/strangler/experiment/capture.ts';
import { createFakeClock, createTestLogger, query, read, search } from '../../resilience/support.ts';
import type { FakeClock } from '../../resilience/support.ts';
import { KEY } from './support.ts';

const ENDPOINT = 'Patient.search';
const DAY = 86_400_000;

let clock: FakeClock;
let store: CaptureStore;
const log = createTestLogger();

const open = (more: { days?: number; perShape?: number; key?: Uint8Array } = {}): Promise<Capture> =>
  createCapture({ store, key: KEY, days: 7, perShape: 100, clock, log, ...more });

const byName = (name: string) => search({ ...query('Patient'), applied: [['name', name]] });

const names = async (capture: Capture): Promise<string[]> =>
  (await capture.list(ENDPOINT)).map(({ asked }) => asked.pairs[0]?.[1] ?? '');

beforeEach(() => {
  clock = createFakeClock();
  store = createMemoryCaptureStore();
  log.lines.length = 0;
});

describe('capture', () => {
  it('keeps the parameters of reads and searches, and gives them back', async () => {
    const capture = await open();
    capture.seen(ENDPOINT, 'name', byName('Müller'));
    capture.seen('Patient.read', 'read', read('p1', { ifNoneMatch: '3', handling: 'strict' }));
    expect(await capture.list(ENDPOINT)).toEqual([
      {
        shape: 'name',
        asked: { interaction: 'search', type: 'Patient', pairs: [['name', 'Müller']], handling: 'lenient' },
      },
    ]);
    expect((await capture.list('Patient.read')).map(({ asked }) => asked)).toEqual([
      { interaction: 'read', type: 'Patient', id: 'p1', pairs: [], handling: 'strict' },
    ]);
  });

  it('holds nothing readable in the store', async () => {
    const capture = await open();
    capture.seen(ENDPOINT, 'name', byName('Mustermann'));
    await capture.stop();
    const [kept] = await store.list(ENDPOINT, clock.now());
    expect(Buffer.from(kept!.sealed).toString('latin1')).not.toMatch(/Mustermann|name/);
    expect(JSON.stringify({ ...kept, sealed: '' })).not.toContain('Mustermann');
  });

  it('keeps nothing when it has no days, and of no later page, version or write', async () => {
    const [off, on] = [await open({ days: 0 }), await open()];
    off.seen(ENDPOINT, 'name', byName('x'));
    on.seen(ENDPOINT, 'name', search({ ...query('Patient'), page: 'token' }));
    on.seen('Patient.read', 'vread', read('p1', { interaction: 'vread', versionId: '1' }));
    on.seen('Patient.update', 'update', read('p1', { interaction: 'update' }));
    await Promise.all([off.stop(), on.stop()]);
    expect(await store.labels(clock.now())).toEqual([]);
  });

  it('keeps the same question once, in whatever order its parameters come', async () => {
    const capture = await open();
    const pairs = [
      ['name', 'x'],
      ['active', 'true'],
    ] as const;
    capture.seen(ENDPOINT, 's', search({ ...query('Patient'), applied: pairs }));
    capture.seen(ENDPOINT, 's', search({ ...query('Patient'), applied: pairs.toReversed() }));
    expect(await capture.list(ENDPOINT)).toHaveLength(1);
  });

  it('keeps so many of one shape, the same ones whatever the order and however often they come', async () => {
    const all = Array.from({ length: 300 }, (_, nth) => byName(`n${nth}`));
    const one = await open({ perShape: 20 });
    for (const request of [...all, ...all]) one.seen(ENDPOINT, 'name', request);
    const first = await names(one);
    store = createMemoryCaptureStore();
    const other = await open({ perShape: 20 });
    for (const [nth, request] of all.toReversed().entries()) {
      other.seen(ENDPOINT, 'name', request);
      if (nth % 50 === 0) await clock.advance(2_000);
    }
    expect(first).toHaveLength(20);
    expect((await names(other)).toSorted()).toEqual(first.toSorted());
    expect(await store.labels(clock.now())).toHaveLength(20);
  });

  it('keeps an even sample: early and late requests alike', async () => {
    const capture = await open({ perShape: 200 });
    for (let nth = 0; nth < 4_000; nth++) capture.seen(ENDPOINT, 'name', byName(String(nth)));
    const early = (await names(capture)).filter((name) => Number(name) < 2_000).length;
    // 100 are expected; the key is fixed, and 60 or 140 would be almost six standard deviations away.
    expect(early).toBeGreaterThan(60);
    expect(early).toBeLessThan(140);
  });

  it('goes on after a restart where it was', async () => {
    const first = await open({ perShape: 10 });
    for (let nth = 0; nth < 50; nth++) first.seen(ENDPOINT, 'name', byName(`a${nth}`));
    await first.stop();
    const second = await open({ perShape: 10 });
    for (let nth = 0; nth < 50; nth++) second.seen(ENDPOINT, 'name', byName(`b${nth}`));
    const kept = await names(second);
    expect(kept).toHaveLength(10);
    expect(new Set(kept.map((name) => name[0]))).toEqual(new Set(['a', 'b']));
  });

  it('forgets a request at the end of its life, and keeps it again when it is asked again', async () => {
    const capture = await open({ perShape: 1 });
    capture.seen(ENDPOINT, 'name', byName('x'));
    expect(await names(capture)).toEqual(['x']);
    await clock.advance(7 * DAY);
    expect(await names(capture)).toEqual([]);
    capture.seen(ENDPOINT, 'name', byName('x'));
    expect(await names(capture)).toEqual(['x']);
  });

  it('makes room by what has expired before it refuses anybody', async () => {
    const capture = await open({ perShape: 5 });
    for (let nth = 0; nth < 50; nth++) capture.seen(ENDPOINT, 'name', byName(`a${nth}`));
    await clock.advance(7 * DAY);
    for (let nth = 0; nth < 5; nth++) capture.seen(ENDPOINT, 'name', byName(`b${nth}`));
    expect((await names(capture)).toSorted()).toEqual(['b0', 'b1', 'b2', 'b3', 'b4']);
  });

  it('writes once a second, all in one step', async () => {
    const steps: number[] = [];
    const inner = store;
    store = { ...inner };
    store.replace = (added, removed) => {
      steps.push(added.length);
      return inner.replace(added, removed);
    };
    const capture = await open();
    for (let nth = 0; nth < 30; nth++) capture.seen(ENDPOINT, 'name', byName(`a${nth}`));
    await clock.advance(999);
    expect(steps).toEqual([]);
    await clock.advance(1);
    expect(steps).toEqual([30]);
    await capture.stop();
    expect([steps, clock.pending]).toEqual([[30], 0]);
  });

  it('captures again what could not be written', async () => {
    const inner = store;
    store = { ...inner };
    store.replace = () => Promise.reject(new Error('disk full'));
    const capture = await open();
    capture.seen(ENDPOINT, 'name', byName('x'));
    expect(await names(capture)).toEqual([]);
    store.replace = (added, removed) => inner.replace(added, removed);
    capture.seen(ENDPOINT, 'name', byName('x'));
    expect(await names(capture)).toEqual(['x']);
    expect(log.lines.map(({ level }) => level)).toEqual(['error']);
  });

  it('takes from every shape in turn', async () => {
    const capture = await open();
    for (const [nth, shape] of ['a', 'a', 'a', 'b', 'c', 'c'].entries()) {
      capture.seen(ENDPOINT, shape, byName(`${shape}${nth}`));
    }
    const shapes = (await capture.list(ENDPOINT)).map(({ shape }) => shape);
    const rounds = [shapes.slice(0, 3), shapes.slice(3, 5), shapes.slice(5)];
    expect(rounds.map((round) => round.toSorted().join(''))).toEqual(['abc', 'ac', 'a']);
  });

  it('leaves out what another key has sealed', async () => {
    const before = await open({ key: new Uint8Array(32).fill(1) });
    before.seen(ENDPOINT, 'name', byName('x'));
    await before.stop();
    expect(await names(await open())).toEqual([]);
    expect(log.lines.map(({ level }) => level)).toEqual(['warn']);
  });
});
