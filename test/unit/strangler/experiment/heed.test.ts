import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../../src/errors.ts';
import type { FhirResponse } from '../../../../src/ports.ts';
import { createBackOff } from '../../../../src/strangler/experiment/back-off.ts';
import { restOf } from '../../../../src/strangler/experiment/settled.ts';
import { answer, createFakeClock, read } from '../../resilience/support.ts';
import { person, piped, rig, route } from './support.ts';
import type { Rig } from './support.ts';

const large = () => piped({ ...person(), text: 'x'.repeat(20_000) });
const announced = (): FhirResponse & { discarded: boolean } => {
  const response = piped(person());
  return Object.assign(response, { body: { ...response.body, bytes: 50_000_000 } });
};

/** Tells of an answer a second, for so many seconds. */
async function seconds(lab: Rig, count: number): Promise<void> {
  for (let nth = 0; nth < count; nth += 1) {
    lab.tell();
    await lab.end(1_000);
  }
}

const skips = ({ evidence }: Rig, why: string) => evidence.skips.filter((it) => it === why).length;

describe('answers that are too large', () => {
  it('are asked for ever more rarely, and all that is left out is counted', async () => {
    const lab = rig({ modern: large });
    await seconds(lab, 64);
    // At 0, 1, 3, 7, 15, 31 and 63 seconds.
    expect([lab.modern.asked.length, skips(lab, 'too-large'), skips(lab, 'backing-off')]).toEqual([7, 7, 57]);
  });

  it('leave the other endpoints of the backend alone', async () => {
    const lab = rig({ modern: ({ id }) => (id === 'large' ? large() : piped(person())) });
    lab.tell({ route: route({ endpoint: 'Binary.read' }), request: read('large') });
    await lab.end(500);
    lab.tell({ route: route({ endpoint: 'Binary.read' }), request: read('large') });
    lab.tell();
    await lab.end(500);
    expect(lab.evidence.skips).toEqual(['too-large', 'backing-off']);
    expect(lab.evidence.comparisons.map(({ verdict }) => verdict)).toEqual(['match']);
  });

  it('are asked for at the full rate again once one fits', async () => {
    const lab = rig({ modern: (_request, _context, nth) => (nth <= 3 ? large() : piped(person())) });
    await seconds(lab, 20);
    // Asked at 0, 1 and 3 seconds in vain, at 7 with success, and from then on each second.
    expect([skips(lab, 'too-large'), skips(lab, 'backing-off'), lab.evidence.comparisons.length]).toEqual([3, 4, 13]);
  }); // prettier-ignore

  it('are not begun when they are announced', async () => {
    const response = announced();
    const lab = rig({ modern: () => response });
    lab.tell();
    await lab.end(1_000);
    expect([response.discarded, lab.evidence.skips]).toEqual([true, ['too-large']]);
  });
});

describe('the pause after answers that are of no use', () => {
  it('doubles up to five minutes, and counts those at one time once', async () => {
    const clock = createFakeClock();
    const backOff = createBackOff(clock);
    const pauses: number[] = [];
    for (let nth = 0; nth < 11; nth += 1) {
      backOff.failed();
      backOff.failed();
      let waited = 0;
      for (; backOff.resting; waited += 1) await clock.advance(1_000);
      pauses.push(waited);
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  });
});

describe('a modern service that has no time', () => {
  const busy = (status: number, retryAfter?: string) => {
    const response = piped({ resourceType: 'OperationOutcome', issue: [{ code: 'throttled' }] }, status);
    return retryAfter === undefined
      ? response
      : { ...response, headers: { ...response.headers, 'retry-after': retryAfter } };
  };

  it.each([429, 503])('has failed technically, and is left alone for as long as it says (%s)', async (status) => {
    const lab = rig({ modern: (_request, _context, nth) => (nth === 1 ? busy(status, '10') : piped(person())) });
    await seconds(lab, 12);
    expect(lab.evidence.calls.map(({ ok }) => ok)).toEqual([false, true, true]);
    expect(skips(lab, 'backing-off')).toBe(9);
    expect(lab.evidence.comparisons.map(({ verdict, why }) => why ?? verdict)).toEqual(['modern-failed', 'match', 'match']);
  }); // prettier-ignore

  it('is not read again before that either', async () => {
    const lab = rig({
      modern: (_request, _context, nth) => (nth === 2 ? busy(429, '30') : piped(person({ status: 'wrong' }))),
    });
    lab.tell();
    lab.tell({ request: read('p2') });
    await lab.end(25_000);
    expect(lab.modern.asked).toHaveLength(2);
    await lab.end(30_000);
    expect(lab.evidence.comparisons.map(({ verdict, why }) => why ?? verdict)).toEqual(['modern-failed', 'different']); // prettier-ignore
  });

  it.each([
    ['seconds', { 'retry-after': '7' }, 7_000],
    ['a date', { 'retry-after': 'Thu, 01 Jan 1970 00:00:30 GMT' }, 29_000],
    ['a date that has passed', { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 0],
    ['neither', { 'retry-after': 'soon' }, 0],
    ['nothing', {}, 0],
  ])('says %s', (_name, headers, ms) => {
    const error = new FicusError('unavailable', 'words', { retryAfter: 5, headers });
    expect(restOf({ error }, 1_000)).toBe(ms);
  });
});

describe('the budget for second reads', () => {
  const wrong = () => piped(person({ status: 'wrong' }));

  it('bounds what differing answers cost legacy, and counts what was not read again', async () => {
    const lab = rig(
      { modern: wrong },
      { limits: { rereadsPerSecond: 1, concurrency: 50 } },
    ); // prettier-ignore
    for (let nth = 0; nth < 100; nth += 1) {
      lab.tell();
      await lab.clock.advance(100);
    }
    await lab.end();
    const whys = lab.evidence.comparisons.map(({ verdict, why }) => why ?? verdict);
    expect(whys).toHaveLength(100);
    // One a second, and the first five of their kind.
    expect(whys.filter((it) => it === 'different')).toHaveLength(15);
    expect(whys.filter((it) => it === 'unconfirmed')).toHaveLength(85);
    // Each that is counted costs legacy one read again and one for the noise floor.
    expect(lab.legacy.asked).toHaveLength(30);
  });

  it('tells apart what would not have counted against parity', async () => {
    const lab = rig(
      { modern: () => piped(person({ display: 'Other' })) },
      { limits: { rereadsPerSecond: 0.1, concurrency: 50 } },
    );
    for (let nth = 0; nth < 8; nth += 1) lab.tell();
    await lab.end();
    // The first five of their kind, one within the budget, and two over it.
    const whys = lab.evidence.comparisons.map(({ verdict, why }) => why ?? verdict);
    expect(whys.toSorted()).toEqual([
      ...Array(6).fill('different'),
      'unconfirmed-minor',
      'unconfirmed-minor',
    ]);
  });

  it('makes whoever waits for a comparison wait', async () => {
    const lab = rig({ legacy: () => answer(person()), modern: wrong }, { limits: { rereadsPerSecond: 0.5 } });
    const { signal } = new AbortController();
    const question = { route: route(), request: read('p1'), principal: { key: 'ana' }, requestId: 'r1', shape: 'read' }; // prettier-ignore
    const both = Promise.all([1, 2].map(() => lab.experiment.compareBoth(question, signal)));
    await lab.end();
    expect((await both).map((it) => it?.verdict)).toEqual(['different', 'different']);
  });
});
