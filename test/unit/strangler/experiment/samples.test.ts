import { beforeEach, describe, expect, it } from 'vitest';
import { decimalJson } from '../../../../src/fhir/json.ts';
import type { Difference, Severity } from '../../../../src/migration-ports.ts';
import { createMemorySampleStore } from '../../../../src/store/samples.ts';
import type { SampleStore } from '../../../../src/strangler/experiment/sample-store.ts';
import { createSamples, ownersMayOpen } from '../../../../src/strangler/experiment/samples.ts';
import type { SamplePair, Samples } from '../../../../src/strangler/experiment/samples.ts';
import { createFakeClock, createTestLogger } from '../../resilience/support.ts';
import type { FakeClock } from '../../resilience/support.ts';
import { KEY, route } from './support.ts';

const difference = (path: string, severity: Severity): Difference => ({
  path,
  severity,
  kind: 'changed',
  signature: `changed ${path}`,
});

const pair = (...differences: Difference[]): SamplePair => ({
  asked: { interaction: 'search', type: 'Observation', pairs: [['patient', 'p1']], handling: 'strict' },
  legacy: { kind: 'resource', resource: { resourceType: 'Observation', value: decimalJson('5.40') } },
  modern: { kind: 'resource', resource: { resourceType: 'Observation', value: 'Müller' } },
  differences,
});

const UNIT = difference('Observation.unit', 'critical');
const clara = { by: 'clara', role: 'clinical', reason: 'glucose' };

let clock: FakeClock;
let store: SampleStore;
let samples: Samples;
const log = createTestLogger();

const open = (more: Partial<Parameters<typeof createSamples>[0]> = {}): Samples =>
  createSamples({
    store,
    key: KEY,
    hours: 24,
    perSignature: 2,
    mayOpen: ownersMayOpen((endpoint) => (endpoint === 'Observation.search' ? route() : undefined)),
    clock,
    log,
    ...more,
  });

beforeEach(() => {
  clock = createFakeClock();
  store = createMemorySampleStore();
  log.lines.length = 0;
  samples = open();
});

describe('a sample', () => {
  it('is opened as it was taken, every digit kept, and says for what it stands', async () => {
    const taken = pair(difference('Observation.text', 'minor'), UNIT);
    const id = await samples.take('Observation.search', taken);
    const opened = await samples.open(id!, clara);
    expect(opened).toEqual({
      id,
      endpoint: 'Observation.search',
      signature: UNIT.signature,
      takenAt: clock.now(),
      expiresAt: clock.now() + 24 * 3_600_000,
      ...taken,
    });
    expect(JSON.stringify(opened.legacy)).toContain('5.40');
  });

  it('is not readable in the store', async () => {
    const id = await samples.take('Observation.search', pair(UNIT));
    const { sealed } = (await store.find(id!, clock.now()))!;
    const text = Buffer.from(sealed!).toString('latin1');
    expect(text).not.toMatch(/Observation|patient|ller/);
  });

  it('is taken for the gravest signature of which there are too few, never for noise', async () => {
    const minor = difference('Observation.text', 'minor');
    const take = () => samples.take('Observation.search', pair(minor, UNIT));
    for (let nth = 0; nth < 6; nth++) await take();
    const kept = (await samples.list('Observation.search')).map(({ signature }) => signature);
    expect(kept.toSorted()).toEqual([UNIT, UNIT, minor, minor].map(({ signature }) => signature).toSorted());
    expect(await take()).toBeUndefined();
    const noise = pair(difference('Observation.note', 'noise'));
    expect(await samples.take('Observation.search', noise)).toBeUndefined();
  });

  it.each([{ hours: 0 }, { perSignature: 0 }])('is not taken with %o', async (more) => {
    expect(await open(more).take('Observation.search', pair(UNIT))).toBeUndefined();
  });

  it.each([
    ['the clinical owner, as such', clara, 'opened'],
    ['the technical owner, as such', { ...clara, by: 'tess', role: 'technical' }, 'opened'],
    ['the technical owner as the clinical one', { ...clara, by: 'tess' }, 'forbidden'],
    ['another in that role', { ...clara, by: 'ana' }, 'forbidden'],
    ['the owner in a role that is none', { ...clara, role: 'admin' }, 'forbidden'],
    ['one without a reason', { ...clara, reason: ' ' }, 'value-required'],
    ['one without a name', { ...clara, by: '' }, 'value-required'],
  ])('is asked for by %s', async (_name, opening, outcome) => {
    const id = await samples.take('Observation.search', pair(UNIT));
    const got = await samples.open(id!, opening).then(
      () => 'opened',
      (error: { code: string }) => error.code,
    );
    expect(got).toBe(outcome);
    const state = { opened: 'opened', forbidden: 'refused' }[got];
    expect(await samples.accesses(id)).toEqual(
      state === undefined ? [] : [{ sample: id, at: clock.now(), ...opening, outcome: state }],
    );
    expect(log.lines.map(({ fields }) => [fields['by'], fields['state']])).toEqual(
      state === undefined ? [] : [[opening.by, state]],
    );
  });

  it('is not shown when the access cannot be put on record', async () => {
    const id = await samples.take('Observation.search', pair(UNIT));
    store.record = () => Promise.reject(new Error('disk full'));
    await expect(samples.open(id!, clara)).rejects.toThrow('disk full');
  });

  it('is gone for good at the end of its life, and says so', async () => {
    const id = await samples.take('Observation.search', pair(UNIT));
    await clock.advance(24 * 3_600_000);
    // It goes by itself.
    const kept = await store.find(id!, 0);
    expect(kept).not.toHaveProperty('sealed');
    await expect(samples.open(id!, clara)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(/expired at .*Z; it is deleted for good/) as string,
    });
    await expect(samples.open('nothing', clara)).rejects.toMatchObject({ code: 'not-found' });
    expect((await samples.accesses()).map(({ outcome }) => outcome)).toEqual(['expired', 'unknown']);
  });

  it.each([
    ['another key', (it: object) => it, new Uint8Array(32).fill(8)],
    ['another signature', (it: object) => ({ ...it, signature: 'changed Observation.text' }), KEY],
    ['another endpoint', (it: object) => ({ ...it, endpoint: 'Observation.read' }), KEY],
    ['a longer life', (it: object) => ({ ...it, expiresAt: clock.now() * 2 }), KEY],
  ])('does not open with %s', async (_name, change, key) => {
    const id = await samples.take('Observation.search', pair(UNIT));
    const kept = (await store.find(id!, clock.now()))!;
    const find = async () => change(kept) as typeof kept;
    const forger = open({ store: { ...store, find }, key, mayOpen: () => true });
    await expect(forger.open(id!, clara)).rejects.toMatchObject({ code: 'internal' });
  });
});
