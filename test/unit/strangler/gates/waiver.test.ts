import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../../src/errors.ts';
import type { Gate, GateName, GateVerdict } from '../../../../src/strangler/gates/gate.ts';
import { checkedWaiver, withWaiver } from '../../../../src/strangler/gates/waiver.ts';
import type { Waiver } from '../../../../src/strangler/gates/waiver.ts';
import { DAY, ROUTE, START } from './support.ts';

const until = '2026-03-08T08:00:00.000Z';
const wanted = { gate: 'latency', by: 'ana', reason: 'the link is upgraded on Friday', until };
const waived: Waiver = {
  ...wanted,
  gate: 'latency',
  endpoint: 'Observation.search',
  at: new Date(START).toISOString(),
};
const gate = (name: GateName, verdict: GateVerdict): Gate => ({
  name,
  verdict,
  threshold: '',
  value: '',
  evidence: '',
  words: 'It is slow.',
  figures: {},
});

const problemOf = (more: Partial<typeof wanted>, route = ROUTE): string => {
  try {
    checkedWaiver({ ...wanted, ...more }, route, START);
    return 'none';
  } catch (error) {
    return error instanceof FicusError ? error.code : 'a fault';
  }
};

describe('a waiver', () => {
  it.each([
    ['as it should be', {}, 'none'],
    ['of no gate', { gate: 'luck' }, 'value-invalid'],
    ['of a hold', { gate: 'hold' }, 'unprocessable'],
    ['of the owners', { gate: 'owners' }, 'unprocessable'],
    ['by nobody', { by: ' ' }, 'value-required'],
    ['without a reason', { reason: '' }, 'value-required'],
    ['without an end', { until: 'some day' }, 'value-invalid'],
    ['for a year', { until: '2027-03-01T00:00:00.000Z' }, 'value-invalid'],
    ['of critical differences by just anybody', { gate: 'criticals' }, 'forbidden'],
    ['of critical differences by the technical owner', { gate: 'criticals', by: 'labs team' }, 'forbidden'],
    [
      'of critical differences by the clinical owner',
      { gate: 'criticals', by: 'chief of pathology' },
      'none',
    ],
  ])('%s', (_name, more, problem) => {
    expect(problemOf(more)).toBe(problem);
  });

  it('of critical differences is refused where no clinical owner is named', () => {
    const { owners: _none, ...unowned } = ROUTE;
    expect(problemOf({ gate: 'criticals', by: '' + ROUTE.owners?.clinical }, unowned)).toBe('forbidden');
  });

  it('lets its gate through, and says by whom, until when and instead of what', () => {
    expect(withWaiver(gate('latency', 'fail'), [waived], ROUTE, START)).toMatchObject({
      verdict: 'waived',
      words: `Waived by ana until ${until}: the link is upgraded on Friday. Without that: It is slow.`,
      waiver: { by: 'ana', insteadOf: 'fail' },
    });
  });

  it.each([
    ['expired', gate('latency', 'fail'), [waived], START + 7 * DAY, 'fail'],
    ['of another gate', gate('errors', 'fail'), [waived], START, 'fail'],
    [
      'taken back by a newer one',
      gate('latency', 'fail'),
      [waived, { ...waived, until: new Date(START).toISOString() }],
      START,
      'fail',
    ],
    [
      'of another endpoint',
      gate('latency', 'stale'),
      [{ ...waived, endpoint: 'Patient.read' as const }],
      START,
      'stale',
    ],
    ['not needed', gate('latency', 'pass'), [waived], START, 'pass'],
    [
      'of one who is not the clinical owner any more',
      gate('criticals', 'fail'),
      [{ ...waived, gate: 'criticals' as const, by: 'somebody' }],
      START,
      'fail',
    ],
  ] as const)('does nothing when it is %s', (_name, before, waivers, now, verdict) => {
    expect(withWaiver(before, waivers, ROUTE, now).verdict).toBe(verdict);
  });
});
