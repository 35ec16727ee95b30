import { describe, expect, it } from 'vitest';
import type { Route } from '../../../../src/ports.ts';
import { judge } from '../../../../src/strangler/gates/gates.ts';
import type { GateInput } from '../../../../src/strangler/gates/gates.ts';
import type { GateName } from '../../../../src/strangler/gates/gate.ts';
import { addCall, addComparison } from '../../../../src/strangler/gates/tally.ts';
import { addTraffic } from '../../../../src/strangler/gates/traffic.ts';
import { gateOf, GREEN, input, NONE, verdicts } from './judging.ts';
import { call, comparison, DAY, difference, different, HOUR, observed, ROUTE, START } from './support.ts';

describe('the gates of a step', () => {
  it('let an endpoint go with everything in order', () => {
    const report = judge(input(observed(1_100, DAY), START + DAY));
    expect(verdicts(report)).toEqual({
      owners: 'pass',
      hold: 'pass',
      contract: 'pass',
      criticals: 'pass',
      parity: 'pass',
      shapes: 'pass',
      patients: 'pass',
      latency: 'pass',
      errors: 'pass',
      outbox: 'pass',
    });
    expect(report).toMatchObject({ open: true, blocking: [], from: { stage: 'shadow' }, run: 2 });
  });

  it('are never green without data', () => {
    const report = judge(input(undefined, START + DAY, { contract: undefined, replicated: true }));
    expect(verdicts(report)).toMatchObject({
      contract: 'insufficient',
      criticals: 'insufficient',
      parity: 'insufficient',
      shapes: 'insufficient',
      patients: 'insufficient',
      latency: 'insufficient',
      errors: 'insufficient',
      drift: 'insufficient',
    });
    expect(report.open).toBe(false);
  });

  it('say at 20 calls a day when the evidence will be enough', () => {
    const report = judge(input(observed(782, 39.1 * DAY), START + 39.1 * DAY));
    expect(gateOf(report, 'criticals')).toMatchObject({
      verdict: 'insufficient',
      words: 'About 12 days at 20 comparisons a day: 231 more comparisons without a critical difference.',
      figures: { comparisons: 782, critical: 0, needed: 231 },
    });
    expect(gateOf(report, 'parity').verdict).toBe('pass');
  });

  it('do not take what was replayed for the pace of clients', () => {
    const seen = observed(782, 39.1 * DAY);
    for (let index = 0; index < 100; index += 1) {
      const request = `again-${index}`;
      addComparison(seen.tally, comparison({ source: 'replay', request, at: START + 39 * DAY }));
    }
    const report = judge(input(seen, START + 39.1 * DAY));
    expect(gateOf(report, 'criticals')).toMatchObject({
      words: 'About 7 days at 20 comparisons a day: 131 more comparisons without a critical difference.',
      figures: { comparisons: 882 },
    });
  });

  it('count against parity what differed and was not read again', () => {
    const seen = observed(500, 10 * DAY);
    const at = START + 10 * DAY;
    for (let index = 0; index < 10; index += 1) {
      addComparison(seen.tally, comparison({ verdict: 'not-comparable', why: 'unconfirmed', at }));
      addComparison(seen.tally, comparison({ verdict: 'not-comparable', why: 'unconfirmed-minor', at }));
    }
    expect(gateOf(judge(input(seen, at)), 'parity')).toMatchObject({
      verdict: 'fail',
      value: '98.0 % of 510',
      words: '10 comparisons of 510 with a critical or major difference (10 of them not read again): 98.0 % parity, 99.0 % is asked for.',
      figures: { comparisons: 500, unconfirmed: 10 },
    }); // prettier-ignore
  });

  it('give a pace in the unit that can be read', () => {
    const words = (count: number, length: number): string =>
      gateOf(judge(input(observed(count, length), START + length)), 'criticals').words;
    expect(words(500, 2 * HOUR)).toContain('at 6,000 comparisons a day');
    expect(words(500, HOUR / 2)).toContain('at 1,000 comparisons an hour');
    expect(words(500, 60_000)).toContain('at 500 comparisons a minute');
  });

  it('do not hold modern against a legacy side that there never was', () => {
    const { legacy: _, ...route } = { ...ROUTE, stage: 'modern' as const };
    const gates = (endpoint: Route['endpoint']) =>
      Object.keys(
        verdicts(judge(input(undefined, START, { route: { ...route, endpoint }, to: { stage: 'retired' } }))),
      );
    expect(gates('Observation.search')).toEqual([
      'owners',
      'hold',
      'contract',
      'errors',
      'outbox',
      'legacy-calls',
      'long-tail',
    ]);
    expect(gates('Observation.create')).toEqual([
      'owners',
      'hold',
      'contract',
      'calls',
      'errors',
      'outbox',
      'legacy-calls',
      'long-tail',
    ]);
  });

  it('tell search shapes apart, which are lists themselves', () => {
    const seen = observed(1_100, DAY);
    for (const shape of ['code,date', 'patient']) addTraffic(seen.traffic, call({ shape, at: START + DAY }));
    expect(gateOf(judge(input(seen, START + DAY)), 'shapes').words).toBe(
      'Not compared yet: code,date; patient.',
    );
  });

  it('say insufficient, not 100 %, after twelve comparisons', () => {
    const report = judge(input(observed(12, HOUR), START + HOUR));
    expect(verdicts(report)).toMatchObject({
      criticals: 'insufficient',
      parity: 'insufficient',
      latency: 'insufficient',
    });
  });

  it('fail on a critical difference, whatever else was right, and name it', () => {
    const seen = observed(5_000, DAY);
    addComparison(seen.tally, comparison({ ...different(difference()), at: START + DAY }));
    const gate = gateOf(judge(input(seen, START + DAY)), 'criticals');
    expect(gate.verdict).toBe('fail');
    expect(gate.words).toContain('changed Observation.valueQuantity.unit (1)');
  });

  it('fail parity when more differ than may, also before there are enough to pass', () => {
    const seen = observed(40, HOUR, different(difference({ severity: 'major' })));
    expect(gateOf(judge(input(seen, START + HOUR)), 'parity').verdict).toBe('fail');
    const one = observed(40, HOUR);
    addComparison(one.tally, comparison({ ...different(difference({ severity: 'major' })) }));
    expect(gateOf(judge(input(one, START + HOUR)), 'parity').verdict).toBe('insufficient');
  });

  it('turn stale when traffic has been off for more than an hour', () => {
    const seen = observed(1_100, DAY);
    const last = seen.tally.trials.last!;
    expect(verdicts(judge(input(seen, last + HOUR)))).toMatchObject({
      criticals: 'pass',
      parity: 'pass',
      errors: 'pass',
    });
    const later = judge(input(seen, last + HOUR + 60_000));
    expect(verdicts(later)).toMatchObject({
      criticals: 'stale',
      parity: 'stale',
      shapes: 'stale',
      latency: 'stale',
      errors: 'stale',
    });
    expect(gateOf(later, 'parity').words).toContain('No comparison for 61 minutes');
    expect(later.open).toBe(false);
  });

  it('wait twenty usual gaps before they call an endpoint with few calls stale', () => {
    const seen = observed(1_100, 55 * DAY);
    const last = seen.tally.trials.last!;
    expect(gateOf(judge(input(seen, last + 23 * HOUR)), 'parity').verdict).toBe('pass');
    expect(gateOf(judge(input(seen, last + 25 * HOUR)), 'parity').verdict).toBe('stale');
  });

  it('ask for every search shape that clients used in the last thirty days', () => {
    const seen = observed(1_100, DAY);
    addTraffic(seen.traffic, call({ shape: 'category,date', at: START - 10 * DAY }));
    addTraffic(seen.traffic, call({ shape: 'encounter', at: START - 40 * DAY }));
    const gate = gateOf(judge(input(seen, START + DAY)), 'shapes');
    expect(gate).toMatchObject({
      verdict: 'insufficient',
      value: '1 of 2',
      words: 'Not compared yet: category,date.',
    });
  });

  it('count what was seen in another run for nothing', () => {
    const report = judge(input(observed(1_100, DAY), START + DAY, { route: { ...ROUTE, run: 3 } }));
    expect(verdicts(report)).toMatchObject({
      criticals: 'insufficient',
      parity: 'insufficient',
      errors: 'insufficient',
    });
  });

  it.each([
    { legacy: 100, modern: 145, verdict: 'pass' },
    { legacy: 100, modern: 165, verdict: 'fail' },
    { legacy: 1_000, modern: 1_150, verdict: 'pass' },
    { legacy: 1_000, modern: 1_300, verdict: 'fail' },
  ])('judge a p95 of $modern ms beside $legacy ms: $verdict', ({ legacy, modern, verdict }) => {
    const seen = observed(0, DAY);
    for (let index = 0; index < 100; index += 1) {
      addCall(seen.tally, call({ ms: legacy }));
      addCall(seen.tally, call({ ms: modern, side: 'modern', path: 'shadow' }));
    }
    expect(gateOf(judge(input(seen, START + 1)), 'latency').verdict).toBe(verdict);
  });

  it.each([
    { count: 100, failed: 1, verdict: 'pass' },
    { count: 100, failed: 2, verdict: 'fail' },
    { count: 50, failed: 0, verdict: 'insufficient' },
    { count: 50, failed: 2, verdict: 'fail' },
  ])('judge $failed failures in $count calls of modern: $verdict', ({ count, failed, verdict }) => {
    const seen = observed(0, DAY);
    for (let index = 0; index < count; index += 1)
      addCall(seen.tally, call({ side: 'modern', path: 'shadow', ok: index >= failed }));
    expect(gateOf(judge(input(seen, START + 1)), 'errors').verdict).toBe(verdict);
  });

  const states: readonly (readonly [string, Partial<GateInput>, GateName, string])[] = [
    ['no clinical owner', { route: { ...ROUTE, owners: { technical: 'labs' } } }, 'owners', 'fail'],
    [
      'a hold',
      { route: { ...ROUTE, hold: { by: 'ana', at: '2026-03-01T09:00:00.000Z', reason: 'looking' } } },
      'hold',
      'fail',
    ],
    [
      'a failed contract test',
      { contract: { ...GREEN, failed: [{ name: 'a', words: 'b' }] } },
      'contract',
      'fail',
    ],
    [
      'contract tests of another backend',
      { contract: { ...GREEN, backend: 'other' } },
      'contract',
      'insufficient',
    ],
    [
      'contract tests of other endpoints',
      { contract: { ...GREEN, endpoints: ['Patient.read'] } },
      'contract',
      'insufficient',
    ],
    ['old contract tests', { contract: { ...GREEN, at: START - 40 * DAY } }, 'contract', 'stale'],
    [
      'a dead write',
      { owed: { legacy: { count: 1, dead: 1, oldestMs: 5 }, modern: NONE } },
      'outbox',
      'fail',
    ],
    [
      'an old write',
      { owed: { legacy: NONE, modern: { count: 3, dead: 0, oldestMs: 300_001 } } },
      'outbox',
      'fail',
    ],
    [
      'a young write',
      { owed: { legacy: NONE, modern: { count: 3, dead: 0, oldestMs: 900 } } },
      'outbox',
      'pass',
    ],
    ['drift', { replicated: true, drift: { at: START, checked: 9, differences: 1 } }, 'drift', 'fail'],
    [
      'an old drift report',
      { replicated: true, drift: { at: START - 2 * DAY, checked: 9, differences: 0 } },
      'drift',
      'stale',
    ],
    [
      'a drift report that compared nothing',
      { replicated: true, drift: { at: START + HOUR, checked: 0, differences: 0 } },
      'drift',
      'insufficient',
    ],
    [
      'a clean drift report',
      { replicated: true, drift: { at: START + HOUR, checked: 9, differences: 0 } },
      'drift',
      'pass',
    ],
  ];
  it.each(states)('judge %s', (_name, more, name, verdict) => {
    expect(gateOf(judge(input(observed(1_100, DAY), START + DAY, more)), name).verdict).toBe(verdict);
  });
});
