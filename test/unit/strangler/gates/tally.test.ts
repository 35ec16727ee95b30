import { describe, expect, it } from 'vitest';
import { sizeOf } from '../../../../src/strangler/gates/bounded-set.ts';
import { createHistogram, merge, quantile, record } from '../../../../src/strangler/gates/histogram.ts';
import { runOf, runText, trafficOf, trafficText } from '../../../../src/strangler/gates/stored.ts';
import {
  addCall,
  addComparison,
  addSkipped,
  createTally,
  OTHER_SIGNATURES,
} from '../../../../src/strangler/gates/tally.ts';
import { addTraffic, createTraffic } from '../../../../src/strangler/gates/traffic.ts';
import { call, comparison, createRandom, DAY, difference, different, START } from './support.ts';

const fresh = () => createTally('Observation.search', 2);

describe('a tally', () => {
  it('counts comparisons by verdict, live and replayed apart', () => {
    const tally = fresh();
    addComparison(tally, comparison());
    addComparison(
      tally,
      comparison({ ...different(difference(), difference({ severity: 'minor' })), request: 'r-2' }),
    );
    addComparison(
      tally,
      comparison({ ...different(difference({ severity: 'noise' })), source: 'replay', request: 'r-3' }),
    );
    addComparison(tally, comparison({ verdict: 'in-flight' }));
    addComparison(tally, comparison({ verdict: 'not-comparable', why: 'too-large' }));
    addComparison(tally, comparison({ verdict: 'not-comparable', why: 'too-large' }));
    expect(tally.verdicts.live).toEqual({
      match: 1,
      inFlight: 1,
      notComparable: new Map([['too-large', 2]]),
      worst: { critical: 1, major: 0, minor: 0, noise: 0 },
    });
    expect(tally.verdicts.replay).toMatchObject({ match: 0, worst: { noise: 1 } });
    expect(tally.trials).toMatchObject({ count: 3, critical: 1, major: 0 });
  });

  it('takes neither what was in flight nor what cannot be compared for a trial', () => {
    const tally = fresh();
    addComparison(tally, comparison({ verdict: 'in-flight', differences: [difference()] }));
    addComparison(tally, comparison({ verdict: 'not-comparable', why: 'modern failed' }));
    expect(tally.trials).toEqual({ count: 0, critical: 0, major: 0 });
    expect(sizeOf(tally.patients)).toBe(0);
    expect(tally.shapes.size).toBe(0);
  });

  it('takes a request that is replayed again for no new trial, unless it is bad news', () => {
    const tally = fresh();
    for (let again = 0; again < 10; again += 1) addComparison(tally, comparison({ source: 'replay' }));
    expect(tally.trials.count).toBe(1);
    addComparison(tally, comparison({ source: 'replay', ...different(difference()) }));
    expect(tally.trials).toMatchObject({ count: 2, critical: 1 });
    for (let again = 0; again < 10; again += 1) addComparison(tally, comparison());
    expect(tally.trials.count).toBe(12);
  });

  it('groups differences by severity and signature, once for each comparison', () => {
    const tally = fresh();
    const floor = ['changed Observation.valueQuantity.unit'];
    addComparison(
      tally,
      comparison({ ...different(difference(), difference(), difference()), sample: 's-1' }),
    );
    addComparison(tally, comparison({ ...different(difference()), floor, sample: 's-2', at: START + DAY }));
    addComparison(tally, comparison(different(difference({ severity: 'noise', rule: 'rule-7' }))));
    expect([...tally.signatures.values()]).toEqual([
      {
        signature: 'changed Observation.valueQuantity.unit',
        severity: 'critical',
        kind: 'changed',
        path: 'Observation.valueQuantity.unit',
        count: 2,
        floor: 1,
        first: START,
        last: START + DAY,
        samples: ['s-1', 's-2'],
      },
      expect.objectContaining({ severity: 'noise', rule: 'rule-7', count: 1, samples: [] }),
    ]);
  });

  it('keeps counting past a thousand signatures, no longer telling them apart', () => {
    const tally = fresh();
    for (let index = 0; index < 1_010; index += 1)
      addComparison(
        tally,
        comparison({ ...different(difference({ signature: `s${index}` })), request: `r${index}` }),
      );
    expect(tally.trials.critical).toBe(1_010);
    expect(tally.signatures.get(`critical ${OTHER_SIGNATURES}`)?.count).toBe(10);
  });

  it('counts different patients and requests', () => {
    const tally = fresh();
    for (let index = 0; index < 30; index += 1)
      addComparison(tally, comparison({ patient: `p-${index % 3}`, request: `r-${index % 10}` }));
    const { patient: _none, ...unnamed } = comparison();
    addComparison(tally, unnamed);
    expect([sizeOf(tally.patients), sizeOf(tally.requests), tally.patients.full]).toEqual([3, 11, false]);
  });

  it('counts calls by side and path, what failed and what fell back', () => {
    const tally = fresh();
    addCall(tally, call({ side: 'modern', ok: false, fellBack: true, ms: 5_000 }));
    addCall(tally, call({ ms: 40 }));
    addCall(tally, call({ side: 'modern', path: 'shadow', ms: 20 }));
    expect(tally.calls.modern.client).toMatchObject({
      count: 1,
      failed: 1,
      fellBack: 1,
      latency: { count: 0 },
    });
    expect(tally.calls.legacy.client).toMatchObject({
      count: 1,
      failed: 0,
      fellBack: 0,
      latency: { count: 1 },
    });
    expect(tally.calls.modern.shadow).toMatchObject({ count: 1, first: START, last: START });
    // One call of a client, although two sides were asked for it.
    expect([...tally.days.values()]).toEqual([{ calls: 1, trials: 0 }]);
  });

  it('counts by day, and forgets days after 400 of them', () => {
    const tally = fresh();
    for (let day = 0; day < 450; day += 1) addComparison(tally, comparison({ at: START + day * DAY }));
    expect(tally.days.size).toBe(400);
    expect(tally.trials.count).toBe(450);
  });

  it('is the same after it was stored, its hashes known by number', () => {
    const tally = fresh();
    const random = createRandom(1);
    for (let index = 0; index < 300; index += 1) {
      addCall(tally, call({ at: START + index * 60_000, ms: random() * 500, ok: random() > 0.1 }));
      const bad = random() > 0.9 ? different(difference()) : {};
      addComparison(tally, comparison({ ...bad, patient: `p-${index}`, request: `r-${index}` }));
    }
    addSkipped(tally, 'concurrency');
    const text = runText(tally, undefined);
    const again = runOf(text).tally;
    expect(runText(again, undefined)).toBe(text);
    expect(again.calls).toEqual(tally.calls);
    expect(again.signatures).toEqual(tally.signatures);
    expect(sizeOf(again.patients)).toBe(300);
  });

  it('is not read from a form that is not known', () => {
    expect(() => runOf('{"format":99,"value":{}}')).toThrow(/format 99/);
  });
});

describe('the traffic of an endpoint', () => {
  it('learns shapes from calls of clients only, and which of them modern has answered', () => {
    const traffic = createTraffic('Observation.search');
    addTraffic(traffic, call({ shape: 'patient' }));
    addTraffic(traffic, call({ shape: 'patient', side: 'modern', at: START + 1 }));
    addTraffic(traffic, call({ shape: 'patient', side: 'modern', at: START + 2, ok: false, fellBack: true }));
    addTraffic(traffic, call({ shape: 'patient', at: START + 3 }));
    addTraffic(traffic, call({ shape: 'date', path: 'shadow', side: 'modern' }));
    expect([...traffic.shapes]).toEqual([
      ['patient', { seen: 3, first: START, last: START + 3, modern: START + 1 }],
    ]);
    expect(traffic.lastAsked).toEqual({ legacy: START + 3, modern: START + 2 });
    expect(trafficOf(trafficText(traffic))).toEqual(traffic);
  });

  it('says so when there are more shapes than it can tell apart', () => {
    const traffic = createTraffic('Observation.search');
    for (let index = 0; index < 1_001; index += 1) addTraffic(traffic, call({ shape: `s${index}` }));
    expect([traffic.shapes.size, traffic.untold]).toEqual([1_000, START]);
  });
});

describe('a histogram', () => {
  it.each([0.5, 0.95, 0.99, 1])('gives the %d quantile to within 2.5 %%', (share) => {
    const random = createRandom(2);
    const values = Array.from({ length: 5_000 }, () => 0.05 + 2_000 * random() ** 4);
    const histogram = createHistogram();
    for (const value of values) record(histogram, value);
    const exact = values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1]!;
    expect(Math.abs(quantile(histogram, share)! / exact - 1)).toBeLessThan(0.025);
  });

  it('adds up with another', () => {
    const [one, other, both] = [createHistogram(), createHistogram(), createHistogram()];
    for (let ms = 1; ms < 500; ms += 1) {
      record(ms % 2 === 0 ? one : other, ms);
      record(both, ms);
    }
    merge(one, other);
    expect(one).toEqual(both);
  });

  it('has room for what takes no time and for what takes for ever', () => {
    const histogram = createHistogram();
    for (const ms of [0, 1e-9, 1e12]) record(histogram, ms);
    expect(histogram.count).toBe(3);
    expect(quantile(histogram, 1)).toBeGreaterThan(500_000);
    expect(quantile(createHistogram(), 0.5)).toBeUndefined();
  });
});
