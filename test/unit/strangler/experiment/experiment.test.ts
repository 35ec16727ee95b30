import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../../src/errors.ts';
import type { ErrorCode } from '../../../../src/errors.ts';
import type { DifferenceRule } from '../../../../src/migration-ports.ts';
import { answer, found, query, read, search } from '../../resilience/support.ts';
import { compareMembers, hung, person, piped, rig, route } from './support.ts';

const verdicts = ({ evidence }: ReturnType<typeof rig>) =>
  evidence.comparisons.map(({ verdict, why }) => (why === undefined ? verdict : `${verdict}: ${why}`));

describe('the experiment', () => {
  it('asks modern only when legacy has answered, and tells a match', async () => {
    const lab = rig();
    lab.tell();
    expect(lab.modern.asked).toHaveLength(0);
    await lab.end();
    expect([lab.legacy.asked.length, lab.modern.asked.length]).toEqual([0, 1]);
    expect(lab.evidence.comparisons).toEqual([
      {
        endpoint: 'Patient.read',
        run: 3,
        shape: 'read',
        patient: expect.stringMatching(/^[\w-]{22}$/) as string,
        request: expect.stringMatching(/^[\w-]{22}$/) as string,
        source: 'live',
        verdict: 'match',
        differences: [],
        at: expect.any(Number) as number,
      },
    ]);
    expect(lab.evidence.calls).toMatchObject([
      { side: 'modern', path: 'shadow', ok: true, run: 3, shape: 'read' },
    ]);
  });

  it('asks with a context of its own: its id and trace, its deadline, the principal of the caller', async () => {
    const lab = rig();
    lab.tell({ principal: { key: 'ana', client: 'app' }, requestId: 'r1' });
    await lab.end();
    const { context } = lab.modern.asked[0]!;
    expect(context.principal).toEqual({ key: 'ana', client: 'app' });
    expect(context.requestId).toMatch(/^r1\.[0-9a-f]{8}$/);
    expect(context.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    expect(context.deadline - lab.clock.now()).toBeLessThanOrEqual(5_000);
    expect(context.afterwards).toBeUndefined();
  });

  it('asks both sides anew when the bytes of modern were the client’s', async () => {
    const lab = rig();
    lab.tell({ side: 'modern', route: route({ stage: 'modern' }), outcome: { response: piped(person()) } });
    await lab.end();
    expect([lab.legacy.asked.length, lab.modern.asked.length]).toEqual([1, 1]);
    expect(verdicts(lab)).toEqual(['match']);
  });

  it('asks again without its condition what was answered 304', async () => {
    const lab = rig();
    const response = { ...answer(person()), status: 304, body: { kind: 'none' } as const };
    lab.tell({ request: read('p1', { ifNoneMatch: '7' }), outcome: { response } });
    await lab.end();
    const asked = [...lab.legacy.asked, ...lab.modern.asked].map(({ request }) => request);
    expect(asked).toEqual([read('p1'), read('p1')]);
    expect(verdicts(lab)).toEqual(['match']);
  });

  it.each([
    ['both refuse alike', 'not-found', piped({ resourceType: 'OperationOutcome', issue: [{ code: 'not-found' }] }, 404), 'match'], // prettier-ignore
    ['modern has what legacy has not', 'not-found', piped(person()), 'different'],
    ['modern refuses for another reason', 'not-found', piped({ resourceType: 'OperationOutcome', issue: [{ code: 'forbidden' }] }, 403), 'different'], // prettier-ignore
    ['legacy has failed', 'unavailable', piped(person()), 'not-comparable: legacy-failed'],
  ] as const)('compares errors: %s', async (_name, code: ErrorCode, modern, verdict) => {
    const error = new FicusError(code, 'words');
    const lab = rig({ modern: () => modern, legacy: () => Promise.reject(error) });
    lab.tell({ outcome: { error } });
    await lab.end();
    expect(verdicts(lab)).toEqual([verdict]);
  });

  it.each([
    ['hung', hung],
    ['refusing', () => Promise.reject(new FicusError('unavailable', 'refused'))],
    ['throwing what nobody expects', () => Promise.reject(new TypeError('oops'))],
    ['answering 500', () => piped({ resourceType: 'OperationOutcome', issue: [] }, 500)],
    ['answering garbage', () => piped(Buffer.from('<html>'))],
    ['answering JSON that is no resource', () => piped([1, 2])],
    ['answering nothing that is UTF-8', () => piped(Buffer.from([0xff, 0xfe, 0x00]))],
  ] as const)('counts a failed call, and no parity, when modern is %s', async (_name, modern) => {
    const lab = rig({ modern });
    lab.tell();
    await lab.end();
    expect(verdicts(lab)).toEqual(['not-comparable: modern-failed']);
    expect(lab.evidence.calls.map(({ ok }) => ok)).toEqual([false]);
    expect(lab.experiment.running).toBe(0);
  });

  it('says so when both sides fail', async () => {
    const lab = rig({ legacy: hung, modern: hung });
    lab.tell({ side: 'modern', outcome: { response: piped(person()) } });
    await lab.end();
    expect(verdicts(lab)).toEqual(['not-comparable: both-failed']);
  });

  it('breaks off an answer that is too large, and counts it', async () => {
    const lab = rig({ modern: () => piped({ ...person(), text: 'x'.repeat(20_000) }) });
    lab.tell();
    await lab.end();
    expect([lab.evidence.skips, lab.evidence.comparisons]).toEqual([['too-large'], []]);
  });

  it.each([
    ['a later page', search({ ...query('Patient'), page: 'token' }), undefined, 'page'],
    ['what is not in the sample', read('p1'), 0.5, 'not-sampled'],
  ] as const)('skips %s', async (_name, request, share, why) => {
    const lab = rig({}, { limits: { share: share ?? 1 }, random: () => share ?? 0 });
    lab.tell({ request });
    await lab.end();
    expect([lab.evidence.skips, lab.modern.asked.length]).toEqual([[why], 0]);
  });

  it.each([
    ['a version', { request: read('p1', { interaction: 'vread', versionId: '1' }) }, 'versions'],
    ['a write', { request: read('p1', { interaction: 'update' }) }, 'not-a-read'],
    ['a side that is not there', { route: route({ modern: 'gone' }) }, 'not-wired'],
  ] as const)('does not compare %s, and says why', async (_name, answered, why) => {
    const lab = rig();
    lab.tell(answered);
    await lab.end();
    expect(verdicts(lab)).toEqual([`not-comparable: ${why}`]);
  });

  it('compares what the client sees of a read with _summary and _elements', async () => {
    const whole = person({ gender: 'other', birthDate: '1980-01-01' });
    const shape = { ...query('Patient'), elements: ['gender'], applied: [['_elements', 'gender']] as const };
    const seen = { ...person({ gender: 'other' }), meta: { tag: [] } };
    const lab = rig({ modern: () => piped(seen) }, { compare: (a, b) => compareMembers(a, b).filter(({ path }) => path !== 'meta') }); // prettier-ignore
    lab.tell({ request: read('p1', { query: shape }), outcome: { response: answer(whole) } });
    await lab.end();
    expect(verdicts(lab)).toEqual(['match']);
  });

  it('keeps a fault of its own to itself, and counts it', async () => {
    const broken = () => {
      throw new Error('a fault');
    };
    const lab = rig({}, { compare: broken });
    lab.tell();
    await lab.end();
    expect(verdicts(lab)).toEqual(['not-comparable: internal']);
    expect(lab.log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('does not let a fault of the evidence reach anybody', async () => {
    const lab = rig();
    lab.evidence.compared = () => {
      throw new Error('the evidence is broken');
    };
    expect(() => lab.tell()).not.toThrow();
    lab.tell({ request: read('p1', { interaction: 'vread' }) });
    await lab.end();
    expect(lab.log.lines.filter(({ level }) => level === 'error')).toHaveLength(2);
    expect(lab.experiment.running).toBe(0);
  });

  it('hashes the same question to the same text, and another one to another', async () => {
    const lab = rig({ legacy: () => found(), modern: () => piped({ resourceType: 'Bundle' }) });
    const asked = [
      { ...query('Patient'), applied: [['name', 'x'], ['active', 'true']] as const },
      { ...query('Patient'), applied: [['active', 'true'], ['name', 'x']] as const },
      { ...query('Patient'), applied: [['name', 'y']] as const },
    ]; // prettier-ignore
    for (const one of asked) {
      lab.tell({ request: search(one), outcome: { response: found() } });
      await lab.end(1_000);
    }
    const [first, second, third] = lab.evidence.comparisons.map(({ request }) => request);
    expect([second === first, third === first]).toEqual([true, false]);
    expect(JSON.stringify(lab.evidence.comparisons)).not.toMatch(/active|"x"/);
  });
});

describe('rules', () => {
  const rule = (verdict: DifferenceRule['verdict']): DifferenceRule => ({
    id: 'rule-1',
    endpoint: 'Patient.read',
    signature: 'changed display',
    verdict,
    owner: 'labs',
    by: 'ana',
    reason: 'known',
    createdAt: '1970-01-01T00:00:00Z',
    expiresAt: '2099-01-01T00:00:00Z',
  });

  it('make noise of what is accepted: it is told, and costs legacy no second read', async () => {
    const lab = rig(
      { modern: () => piped(person({ display: 'y' })) },
      { rules: { forEndpoint: () => [rule('acceptable')] } },
    );
    lab.tell();
    await lab.end();
    expect(lab.evidence.comparisons).toMatchObject([
      { verdict: 'different', differences: [{ severity: 'noise', rule: 'rule-1' }] },
    ]);
    expect([lab.legacy.asked.length, lab.modern.asked.length]).toEqual([0, 1]);
  });

  it('leave a bug as grave as it is', async () => {
    const lab = rig(
      { modern: () => piped(person({ display: 'y' })) },
      { rules: { forEndpoint: () => [rule('bug-in-modern')] } },
    );
    lab.tell();
    await lab.end();
    expect(lab.evidence.comparisons).toMatchObject([
      { verdict: 'different', differences: [{ severity: 'minor', rule: 'rule-1' }] },
    ]);
  });

  it('do not hide what is not accepted beside it', async () => {
    const lab = rig(
      { modern: () => piped(person({ display: 'y', status: 'z' })) },
      { rules: { forEndpoint: () => [rule('acceptable')] } },
    );
    lab.tell();
    await lab.end();
    expect(lab.evidence.comparisons[0]?.differences.map(({ severity }) => severity)).toEqual([
      'noise',
      'critical',
    ]);
  });
});
