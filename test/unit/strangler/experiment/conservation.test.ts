import { array, assert, asyncProperty, constantFrom, integer, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../../src/errors.ts';
import { query, read, search } from '../../resilience/support.ts';
import { hung, person, piped, rig } from './support.ts';
import type { Script } from './support.ts';

const tally = ({ evidence }: ReturnType<typeof rig>) => ({
  compared: evidence.comparisons.length,
  skipped: Object.fromEntries(Map.groupBy(evidence.skips, (why) => why)
    .entries()
    .map(([why, all]) => [why, all.length])),
}); // prettier-ignore

describe('the budgets', () => {
  it('let so many be in flight, skip the rest at once, and count each', async () => {
    const lab = rig({ modern: hung }, { limits: { concurrency: 2 } });
    for (let nth = 0; nth < 10; nth++) lab.tell();
    expect(lab.evidence.skips).toEqual(Array.from({ length: 8 }, () => 'concurrency'));
    await lab.end();
    expect(lab.modern.asked).toHaveLength(2);
    expect(tally(lab)).toEqual({ compared: 2, skipped: { concurrency: 8 } });
    lab.tell();
    await lab.end();
    expect(lab.modern.asked).toHaveLength(3);
  });

  it('let so many go in a second, skip the rest, and count each', async () => {
    const lab = rig({}, { limits: { concurrency: 50, perSecond: 5 } });
    for (let nth = 0; nth < 12; nth++) lab.tell();
    await lab.end(1_000);
    for (let nth = 0; nth < 12; nth++) lab.tell();
    await lab.end();
    expect(lab.modern.asked).toHaveLength(10);
    expect(tally(lab)).toEqual({ compared: 10, skipped: { rate: 14 } });
  });

  it('hold a place for a backend that does not notice that it was given up', async () => {
    const lab = rig({ modern: () => new Promise(() => {}) }, { limits: { concurrency: 1 } });
    lab.tell();
    await lab.end();
    expect(lab.evidence.comparisons).toMatchObject([{ why: 'modern-failed' }]);
    lab.tell();
    expect(lab.evidence.skips).toEqual(['concurrency']);
  });

  it('let an answer that comes too late go, and its place with it', async () => {
    const late = piped(person());
    let give: (response: typeof late) => void = () => {};
    const lab = rig(
      { modern: (_request, _context, nth) => (nth === 1 ? new Promise((resolve) => (give = resolve)) : piped(person())) },
      { limits: { concurrency: 1 } },
    ); // prettier-ignore
    lab.tell();
    await lab.end();
    give(late);
    await lab.end(1_000);
    expect(late.discarded).toBe(true);
    lab.tell();
    await lab.end();
    expect(lab.evidence.comparisons.map(({ verdict }) => verdict)).toEqual(['not-comparable', 'match']);
  });

  it('end a body that never ends, though it does not notice that it was given up', async () => {
    const endless = { ...piped(person()), body: { kind: 'pipe', pipe: () => new Promise<void>(() => {}), discard: () => {} } } as const; // prettier-ignore
    const lab = rig({ modern: () => endless });
    lab.tell();
    await lab.end();
    expect(lab.evidence.comparisons).toMatchObject([{ why: 'modern-failed' }]);
    expect(lab.evidence.calls).toMatchObject([{ ok: false }]);
  });

  it('get back what a fault of ours has not used', async () => {
    let faults = 1;
    const behind = () => {
      if (faults-- > 0) throw new Error('a fault');
      return false;
    };
    const lab = rig({}, { pins: { behind }, limits: { concurrency: 1 } });
    lab.tell();
    await lab.end(1_000);
    lab.tell();
    await lab.end();
    expect(lab.evidence.comparisons.map(({ verdict, why }) => why ?? verdict)).toEqual(['internal', 'match']);
  });

  it('take nothing of legacy for an answer of legacy that matches', async () => {
    const lab = rig({}, { limits: { concurrency: 50, perSecond: 1_000 } });
    for (let nth = 0; nth < 200; nth++) {
      lab.tell();
      await lab.end(500);
    }
    expect([lab.legacy.asked.length, lab.modern.asked.length]).toEqual([0, 200]);
  });

  it('take neither side when one of the two is used up', async () => {
    const lab = rig({ legacy: hung, modern: () => piped(person()) }, { limits: { concurrency: 1 } });
    const both = { side: 'modern', outcome: { response: piped(person()) } } as const;
    lab.tell(both);
    await lab.end(1_000);
    lab.tell(both);
    await lab.end();
    expect([lab.legacy.asked.length, lab.modern.asked.length]).toEqual([1, 1]);
    expect(tally(lab)).toEqual({ compared: 1, skipped: { concurrency: 1 } });
  });

  it('bound what is under way, differences that wait to be read again included', async () => {
    const lab = rig(
      { modern: () => piped(person({ status: 'x' })) },
      { limits: { concurrency: 50, perSecond: 1_000 }, maxRunning: 5 },
    );
    for (let nth = 0; nth < 9; nth++) lab.tell();
    expect(lab.experiment.running).toBe(5);
    await lab.end();
    expect(tally(lab)).toEqual({ compared: 5, skipped: { concurrency: 4 } });
  });

  it('make second reads wait for their turn, and end them when it does not come', async () => {
    const legacy: Script = () => new Promise(() => {});
    const lab = rig(
      { legacy, modern: () => piped(person({ status: 'x' })) },
      { limits: { concurrency: 1, rereadMs: 100 } },
    );
    lab.tell();
    await lab.end(1_000);
    lab.tell();
    await lab.end(200_000);
    expect(lab.evidence.comparisons.map(({ why }) => why)).toEqual(['legacy-failed', 'budget']);
    expect(lab.experiment.running).toBe(0);
  });
});

describe('stopping', () => {
  it('counts what comes after it, and what it interrupts', async () => {
    const lab = rig({ modern: hung }, { graceMs: 300 });
    lab.tell();
    await lab.clock.advance(10);
    const stopped = lab.experiment.stop();
    lab.tell();
    expect(lab.evidence.skips).toEqual(['stopping']);
    await lab.end(2_000);
    await stopped;
    expect(tally(lab)).toEqual({ compared: 0, skipped: { stopping: 2 } });
    // An interrupted call says nothing of modern.
    expect(lab.evidence.calls).toEqual([]);
  });

  it('interrupts what waits to be read again', async () => {
    const lab = rig({ modern: () => piped(person({ status: 'x' })) }, { limits: { rereadMs: 60_000 } });
    lab.tell();
    await lab.end(1_000);
    const stopped = lab.experiment.stop();
    await lab.end(2_000);
    await stopped;
    expect(tally(lab)).toEqual({ compared: 0, skipped: { stopping: 1 } });
  });

  it('lets what is nearly done end', async () => {
    const lab = rig();
    lab.tell();
    const stopped = lab.experiment.stop();
    await lab.end(2_000);
    await stopped;
    expect(tally(lab)).toEqual({ compared: 1, skipped: {} });
  });
});

describe('conservation', () => {
  const behaviour = constantFrom('right', 'wrong', 'hung', 'failing', 'large', 'garbage', 'flapping');
  const SCRIPTS: Readonly<Record<string, Script>> = {
    right: () => piped(person()),
    wrong: () => piped(person({ status: 'x' })),
    hung,
    failing: () => Promise.reject(new FicusError('unavailable', 'down')),
    large: () => piped({ ...person(), text: 'x'.repeat(20_000) }),
    garbage: () => piped(Buffer.from('{"resourceType":')),
    flapping: (_request, _context, nth) => piped(person(nth % 2 === 0 ? {} : { status: 'x' })),
  };
  const request = constantFrom('read', 'page', 'vread', 'search');
  const REQUESTS = {
    read: read('p1'),
    page: search({ ...query('Patient'), page: 't' }),
    vread: read('p1', { interaction: 'vread' }),
    search: search(query('Patient')),
  };

  it('holds whatever modern does, however much is asked, and whenever it is stopped', async () => {
    const step = record({ request, modern: behaviour, pause: constantFrom(0, 0, 500, 3_000) });
    await assert(
      asyncProperty(
        array(step, { minLength: 1, maxLength: 30 }),
        integer({ min: 1, max: 3 }),
        integer({ min: 0, max: 30 }),
        async (steps, concurrency, stopAt) => {
          let now: string = 'right';
          const lab = rig(
            { modern: (...call) => SCRIPTS[now]!(...call) },
            { limits: { concurrency, perSecond: 8 }, maxRunning: 6 },
          );
          let stopped: Promise<void> | undefined;
          for (const [nth, one] of steps.entries()) {
            now = one.modern;
            if (nth === stopAt) stopped = lab.experiment.stop();
            lab.tell({ request: REQUESTS[one.request] });
            if (one.pause > 0) await lab.end(one.pause);
          }
          await lab.end(130_000);
          await stopped;
          const { comparisons, skips } = lab.evidence;
          expect(comparisons.length + skips.length).toBe(steps.length);
          expect(lab.experiment.running).toBe(0);
        },
      ),
      { numRuns: 25 },
    );
  });
});
