import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../../src/errors.ts';
import type { DifferenceRule } from '../../../../src/migration-ports.ts';
import type { FhirResponse } from '../../../../src/ports.ts';
import { answer, read } from '../../resilience/support.ts';
import { person, piped, rig } from './support.ts';
import type { Script } from './support.ts';

/** Answers in turn; the last one for ever. */
const inTurn =
  (...answers: (() => FhirResponse)[]): Script =>
  (_request, _context, nth) =>
    answers[Math.min(nth, answers.length) - 1]!();

const right = () => piped(person());
const wrong = () => piped(person({ status: 'wrong' }));

describe('a difference', () => {
  it('is read again on both sides after a pause, and legacy once more for the noise floor', async () => {
    const lab = rig({ modern: wrong });
    lab.tell();
    await lab.end(1_500);
    expect([lab.legacy.asked.length, lab.modern.asked.length]).toEqual([0, 1]);
    await lab.end(10_000);
    expect([lab.legacy.asked.length, lab.modern.asked.length]).toEqual([2, 2]);
    expect(lab.evidence.comparisons).toMatchObject([
      {
        verdict: 'different',
        differences: [{ severity: 'critical', signature: 'changed status' }],
        floor: [],
      },
    ]);
  });

  it('asks legacy twice one after the other, so that they are two reads', async () => {
    let inFlight = 0;
    let most = 0;
    const legacy: Script = async () => {
      most = Math.max(most, (inFlight += 1));
      await Promise.resolve();
      inFlight -= 1;
      return answer(person());
    };
    const lab = rig({ legacy, modern: wrong });
    lab.tell();
    await lab.end();
    expect([lab.legacy.asked.length, most]).toEqual([2, 1]);
  });

  it('that vanishes was in flight', async () => {
    const lab = rig({ modern: inTurn(wrong, right) });
    lab.tell();
    await lab.end();
    expect(lab.evidence.comparisons).toMatchObject([
      { verdict: 'in-flight', why: 'vanished', differences: [] },
    ]);
    // Nothing is left to be asked for a noise floor.
    expect(lab.legacy.asked).toHaveLength(1);
  });

  it('that vanishes was in flight, though something accepted stays', async () => {
    const noisy = (more: Record<string, string> = {}) => piped(person({ display: 'y', ...more }));
    const rule = { signature: 'changed display', verdict: 'acceptable', expiresAt: '2099-01-01T00:00:00Z' };
    const lab = rig(
      { modern: inTurn(() => noisy({ status: 'wrong' }), noisy) },
      { rules: { forEndpoint: () => [rule as DifferenceRule] } },
    );
    lab.tell();
    await lab.end();
    expect(lab.evidence.comparisons).toMatchObject([{ verdict: 'in-flight', why: 'vanished' }]);
  });

  it('is counted without those beside it that vanish', async () => {
    const both = () => piped(person({ status: 'wrong', gender: 'late' }));
    const lab = rig({ modern: inTurn(both, wrong) });
    lab.tell();
    await lab.end();
    expect(lab.evidence.comparisons[0]?.differences.map(({ path }) => path)).toEqual(['status']);
  });

  it('is read a third time when the second reading differs in another way', async () => {
    const other = () => piped(person({ gender: 'other' }));
    const lab = rig({ modern: inTurn(wrong, other, right) });
    lab.tell();
    await lab.end();
    expect(lab.evidence.comparisons).toMatchObject([{ verdict: 'in-flight' }]);
  });

  it('counts in the end when every reading differs in another way', async () => {
    const lab = rig({ modern: (_request, _context, nth) => piped(person({ [`m${nth}`]: 'x' })) });
    lab.tell();
    await lab.end();
    expect(lab.evidence.comparisons).toMatchObject([{ verdict: 'different', differences: [{ path: 'm4' }] }]);
  });

  it('that legacy has with itself is told with the noise floor', async () => {
    const legacy: Script = (_request, _context, nth) => answer(person({ gender: `g${nth}` }));
    const lab = rig({ legacy, modern: () => piped(person({ gender: 'x', status: 'wrong' })) });
    lab.tell();
    await lab.end();
    const [seen] = lab.evidence.comparisons;
    expect(seen?.differences.map(({ signature }) => signature)).toEqual(['changed gender', 'changed status']);
    expect(seen?.floor).toEqual(['changed gender']);
  });

  it('counts without a noise floor when legacy cannot be asked again', async () => {
    const legacy: Script = (_request, _context, nth) => {
      if (nth > 1) throw new FicusError('unavailable', 'down');
      return answer(person());
    };
    const lab = rig({ legacy, modern: wrong });
    lab.tell();
    await lab.end();
    expect(lab.evidence.comparisons).toMatchObject([{ verdict: 'different' }]);
    expect(lab.evidence.comparisons[0]).not.toHaveProperty('floor');
  });

  it('proves nothing when a side fails at the second reading', async () => {
    const down = () => {
      throw new FicusError('timeout', 'late');
    };
    const lab = rig({ modern: inTurn(wrong, down) });
    lab.tell();
    await lab.end();
    expect(lab.evidence.comparisons).toMatchObject([{ verdict: 'not-comparable', why: 'modern-failed' }]);
  });

  it.each([
    ['before it was asked', [true, true, false, false]],
    ['when the answers were there', [false, false, true, true]],
    ['at the second reading', [false, false, false, false, true, true]],
  ])('of a record with writes owed %s is in flight', async (_name, owed) => {
    const asked: unknown[] = [];
    const pins = {
      behind: (...what: unknown[]) => {
        asked.push(what);
        return owed[asked.length - 1] ?? false;
      },
    };
    const lab = rig({ modern: wrong }, { pins });
    lab.tell();
    await lab.end();
    expect(lab.evidence.comparisons).toMatchObject([{ verdict: 'in-flight', why: 'owed' }]);
    expect(asked[0]).toEqual(['legacy', { type: 'Patient', id: 'p1', patient: 'p1' }]);
  });

  it('is asked after for the patient whose record it turns out to be', async () => {
    const asked: unknown[] = [];
    const pins = { behind: (...what: unknown[]) => asked.push(what) > 100 };
    const observation = {
      resourceType: 'Observation',
      id: 'o1',
      subject: { reference: 'Patient/p9' },
      status: 'final',
    };
    const lab = rig({ modern: () => piped({ ...observation, status: 'amended' }) }, { pins });
    lab.tell({
      request: read('o1', { type: 'Observation' }),
      outcome: { response: answer(observation) },
    });
    await lab.end(500);
    expect(asked.slice(-2)).toEqual([
      ['legacy', { type: 'Observation', id: 'o1', patient: 'p9' }],
      ['modern', { type: 'Observation', id: 'o1', patient: 'p9' }],
    ]);
  });
});

describe('a sample', () => {
  it('is taken of the confirmed pair, and named', async () => {
    const taken: unknown[] = [];
    const take = async (endpoint: string, pair: unknown) => {
      taken.push([endpoint, pair]);
      return 'sample-1';
    };
    const lab = rig({ modern: wrong }, { samples: { take } });
    lab.tell();
    await lab.end();
    expect(lab.evidence.comparisons).toMatchObject([{ verdict: 'different', sample: 'sample-1' }]);
    expect(taken).toMatchObject([
      [
        'Patient.read',
        {
          asked: { interaction: 'read', type: 'Patient', id: 'p1' },
          legacy: { kind: 'resource', resource: person() },
          modern: { kind: 'resource', resource: person({ status: 'wrong' }) },
          differences: [{ path: 'status' }],
        },
      ],
    ]);
  });

  it('that cannot be kept costs no evidence', async () => {
    const take = () => Promise.reject(new Error('disk full'));
    const lab = rig({ modern: wrong }, { samples: { take } });
    lab.tell();
    await lab.end();
    expect(lab.evidence.comparisons).toMatchObject([{ verdict: 'different' }]);
    expect(lab.evidence.comparisons[0]).not.toHaveProperty('sample');
  });
});
