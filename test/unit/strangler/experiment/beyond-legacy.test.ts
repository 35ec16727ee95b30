import { describe, expect, it } from 'vitest';
import { FicusError } from '../../../../src/errors.ts';
import type { ErrorCode } from '../../../../src/errors.ts';
import type { Resource } from '../../../../src/fhir/types.ts';
import type { ComparableAnswer } from '../../../../src/strangler/compare/answer.ts';
import { compareAnswers } from '../../../../src/strangler/compare/compare.ts';
import { shippedSeverities } from '../../../support/severities.ts';
import { person, piped, rig } from './support.ts';

const options = { severities: shippedSeverities(), canonicalReference: (reference: string) => reference };
const compare = (legacy: ComparableAnswer, modern: ComparableAnswer) =>
  compareAnswers(legacy, modern, options);

const result = (id: string): Resource => ({ resourceType: 'Observation', id, status: 'final' });
const bundle = (total: number | undefined, ...found: Resource[]): Resource => ({
  resourceType: 'Bundle',
  type: 'searchset',
  ...(total === undefined ? {} : { total }),
  entry: found.map((resource) => ({ resource, search: { mode: 'match' } })),
});

/** What becomes of one comparison of what legacy and modern say. */
async function judged(
  legacy: ErrorCode | Resource,
  modern: Resource | number,
  createdAtModernOnly = false,
): Promise<unknown> {
  const answered = () =>
    typeof modern === 'number'
      ? piped({ resourceType: 'OperationOutcome', issue: [{ code: 'not-found' }] }, modern)
      : piped(modern);
  const refusing = () => {
    if (typeof legacy === 'string') throw new FicusError(legacy, 'no');
    return piped(legacy);
  };
  const lab = rig(
    { legacy: refusing, modern: answered },
    { compare, createdAtModernOnly: (type) => createdAtModernOnly && type === 'Patient' },
  );
  lab.tell({ side: 'modern', outcome: { response: answered() } });
  await lab.end();
  const [seen] = lab.evidence.comparisons;
  return seen && [seen.verdict, ...(seen.why ? [seen.why] : seen.differences.map((it) => it.signature))];
}

describe('what legacy cannot say', () => {
  it.each(['too-costly', 'search-unsupported', 'parameter-unknown'] as const)(
    'is not held against modern, who can: %s',
    async (code) => {
      expect(await judged(code, person())).toEqual(['not-comparable', 'legacy-cannot']);
    },
  );

  it.each(['not-found', 'forbidden', 'value-invalid'] as const)(
    'is something else than a refusal that says something: %s',
    async (code) => {
      expect(await judged(code, person())).toEqual(['different', expect.stringContaining('Answer.status')]);
    },
  );

  it('excuses no failure of modern', async () => {
    expect(await judged('too-costly', 404)).toEqual(['different', expect.stringContaining('Answer.status')]);
    expect(await judged(person(), 404)).toEqual(['different', expect.stringContaining('Answer.status')]);
  });
});

describe('what was created at modern only', () => {
  it('is not missed at legacy', async () => {
    expect(await judged('not-found', person(), true)).toEqual(['not-comparable', 'only-at-modern']);
    expect(await judged('not-found', person(), false)).toMatchObject({ 0: 'different' });
  });

  it('excuses nothing but one more', async () => {
    expect(await judged(person(), 404, true)).toMatchObject({ 0: 'different' });
    expect(await judged(person(), person({ gender: 'male' }), true)).toMatchObject({ 0: 'different' });
    expect(await judged('forbidden', person(), true)).toMatchObject({ 0: 'different' });
  });
});

describe('a search of what was created at modern only', () => {
  const patients = (...ids: string[]) => ids.map((id) => ({ resourceType: 'Patient', id }));

  it('may find one more, and count it', async () => {
    const one = bundle(1, ...patients('a'));
    const two = bundle(2, ...patients('a', 'b'));
    expect(await judged(one, two, true)).toEqual(['not-comparable', 'only-at-modern']);
    expect(await judged(one, two, false)).toMatchObject({ 0: 'different' });
  });

  it('may not find one less, nor one twice, nor more of another type', async () => {
    const two = bundle(undefined, ...patients('a', 'b'));
    expect(await judged(two, bundle(undefined, ...patients('a')), true)).toMatchObject({ 0: 'different' });
    expect(await judged(two, bundle(undefined, ...patients('a', 'b', 'b')), true)).toMatchObject({
      0: 'different',
    });
    expect(await judged(two, bundle(undefined, ...patients('a', 'b'), result('o')), true)).toMatchObject({
      0: 'different',
    });
  });
});
