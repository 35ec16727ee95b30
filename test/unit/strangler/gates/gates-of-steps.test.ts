import { describe, expect, it } from 'vitest';
import type { Route } from '../../../../src/ports.ts';
import { judge } from '../../../../src/strangler/gates/gates.ts';
import type { GateInput } from '../../../../src/strangler/gates/gates.ts';
import type { GateName } from '../../../../src/strangler/gates/gate.ts';
import { addTraffic } from '../../../../src/strangler/gates/traffic.ts';
import { gateOf, input } from './judging.ts';
import { call, DAY, HOUR, observed, ROUTE, START } from './support.ts';
import type { Seen } from './support.ts';

describe('the gates that belong to a step', () => {
  const write: Route = { ...ROUTE, endpoint: 'Appointment.create' };
  const steps: readonly (readonly [string, Partial<GateInput>, readonly GateName[]])[] = [
    [
      'into the shadow',
      { route: { ...ROUTE, stage: 'legacy' }, to: { stage: 'shadow' } },
      ['owners', 'hold', 'contract'],
    ],
    ['back', { route: { ...ROUTE, stage: 'modern' }, to: { stage: 'shadow' } }, []],
    ['a canary made smaller', { route: { ...ROUTE, stage: 'canary', cohort: { percent: 25 } } }, []],
    ['of a write', { route: write }, ['owners', 'hold', 'contract', 'calls', 'outbox', 'drift']],
    [
      'of a write in canary',
      { route: { ...write, stage: 'canary' }, to: { stage: 'modern' } },
      ['owners', 'hold', 'contract', 'calls', 'errors', 'outbox', 'drift'],
    ],
    [
      'of what belongs to no patient',
      { route: { ...ROUTE, endpoint: 'Practitioner.read' } },
      ['owners', 'hold', 'contract', 'criticals', 'parity', 'latency', 'errors', 'outbox'],
    ],
  ];
  it.each(steps)('%s', (_name, more, names) => {
    expect(judge(input(undefined, START, more)).gates.map(({ name }) => name)).toEqual(names);
  });

  it('to a wider canary are all of them', () => {
    const route: Route = { ...ROUTE, stage: 'canary', cohort: { percent: 5 } };
    const report = judge(
      input(observed(1_100, DAY), START + DAY, { route, to: { stage: 'canary', percent: 25 } }),
    );
    expect(report).toMatchObject({
      from: { stage: 'canary', percent: 5 },
      to: { stage: 'canary', percent: 25 },
      open: true,
    });
    expect(report.gates).toHaveLength(10);
  });
});

describe('the gates into retired', () => {
  const route: Route = { ...ROUTE, stage: 'modern', since: new Date(START).toISOString() };
  const retire = (seen: Seen, now: number) => judge(input(seen, now, { route, to: { stage: 'retired' } }));

  it('ask for thirty days in which no client’s call has reached legacy', () => {
    const seen = observed(0, DAY);
    addTraffic(seen.traffic, call({ at: START - HOUR }));
    addTraffic(seen.traffic, call({ at: START + HOUR, side: 'modern' }));
    expect(gateOf(retire(seen, START + 12 * DAY), 'legacy-calls')).toMatchObject({
      verdict: 'insufficient',
      words: 'It takes about 18 days more.',
    });
    expect(gateOf(retire(seen, START + 30 * DAY), 'legacy-calls').verdict).toBe('pass');
    addTraffic(seen.traffic, call({ at: START + 28 * DAY }));
    expect(gateOf(retire(seen, START + 30 * DAY), 'legacy-calls').verdict).toBe('fail');
  });

  it('ask that modern has answered the month-end job too', () => {
    const seen = observed(0, DAY);
    addTraffic(seen.traffic, call({ at: START - 28 * DAY, shape: 'category,date' }));
    addTraffic(seen.traffic, call({ at: START + HOUR, side: 'modern' }));
    const gate = gateOf(retire(seen, START + 30 * DAY), 'long-tail');
    expect(gate.verdict).toBe('insufficient');
    expect(gate.words).toContain('category,date (last used 2026-02-01T08:00:00.000Z)');
    addTraffic(seen.traffic, call({ at: START + 2 * DAY, side: 'modern', shape: 'category,date' }));
    expect(gateOf(retire(seen, START + 30 * DAY), 'long-tail').verdict).toBe('pass');
  });
});
