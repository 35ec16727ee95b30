import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { catalogueOptions, searchOf } from '../../../../bench/compare/catalogue.ts';
import { FAULTS } from '../../../../bench/compare/faults.ts';
import { SET_FAULTS } from '../../../../bench/compare/faults-of-sets.ts';
import { REWRITINGS, SET_REWRITINGS } from '../../../../bench/compare/harmless.ts';
import { createRandom } from '../../../../bench/compare/random.ts';
import { copyOf, resourceOf, SUBJECTS } from '../../../../bench/compare/resources.ts';
import type { Json, Resource } from '../../../../src/fhir/types.ts';
import type { Difference } from '../../../../src/migration-ports.ts';
import type { ComparableAnswer } from '../../../../src/strangler/compare/answer.ts';
import { compareAnswers } from '../../../../src/strangler/compare/compare.ts';
import { shippedSeverities } from '../../../support/severities.ts';

const options = catalogueOptions(shippedSeverities());
const seeds = fc.integer({ min: 1, max: 1_000_000 });
const subjects = fc.constantFrom(...SUBJECTS);

const single = (resource: Resource): ComparableAnswer => ({ kind: 'resource', resource });
const compare = (legacy: Resource, modern: Resource): Difference[] =>
  compareAnswers(single(legacy), single(modern), options);

/** The same difference, seen from the other side. */
const MIRROR: Readonly<Record<Difference['kind'], Difference['kind']>> = {
  missing: 'extra',
  extra: 'missing',
  changed: 'changed',
  order: 'order',
};

function kindsOf(differences: readonly Difference[], mirrored: boolean): readonly string[] {
  return differences.map(({ kind, path }) => `${mirrored ? MIRROR[kind] : kind} ${path}`).toSorted();
}

describe('comparing', () => {
  it('finds nothing between an answer and itself, or its copy', () => {
    fc.assert(
      fc.property(subjects, seeds, (subject, seed) => {
        const resource = resourceOf(subject, seed);
        expect(compare(resource, resource)).toEqual([]);
        expect(compare(resource, copyOf(resource))).toEqual([]);
      }),
    );
    const set = searchOf(7);
    expect(compareAnswers(set, set, options)).toEqual([]);
  });

  it('finds nothing after any two harmless rewritings', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...REWRITINGS),
        fc.constantFrom(...REWRITINGS),
        seeds,
        (one, other, seed) => {
          const shared = one.on.filter((subject) => other.on.includes(subject));
          fc.pre(shared.length > 0 && one !== other);
          const random = createRandom(seed);
          const resource = resourceOf(random.pick(shared), seed);
          expect(compare(resource, other.rewrite(one.rewrite(resource, random), random))).toEqual([]);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('finds a planted difference behind a harmless rewriting', () => {
    fc.assert(
      fc.property(fc.constantFrom(...FAULTS), seeds, (fault, seed) => {
        const random = createRandom(seed);
        const resource = resourceOf(fault.on, seed);
        const planted = fault.plant(resource, random);
        const turned = REWRITINGS.find(({ name }) => name === 'order of members')!.rewrite(planted, random);
        const found = compare(resource, turned);
        expect(found.map(({ path, severity }) => ({ path, severity }))).toContainEqual({
          path: fault.path,
          severity: fault.severity,
        });
      }),
      { numRuns: 400 },
    );
  });

  it('says missing of what it calls extra the other way round', () => {
    fc.assert(
      fc.property(fc.constantFrom(...FAULTS), seeds, (fault, seed) => {
        const resource = resourceOf(fault.on, seed);
        const planted = fault.plant(resource, createRandom(seed));
        expect(kindsOf(compare(planted, resource), true)).toEqual(kindsOf(compare(resource, planted), false));
      }),
      { numRuns: 400 },
    );
    for (const fault of SET_FAULTS) {
      const set = searchOf(11);
      const planted = fault.plant(set, createRandom(11));
      expect(kindsOf(compareAnswers(planted, set, options), true)).toEqual(
        kindsOf(compareAnswers(set, planted, options), false),
      );
    }
  });

  it('changes neither answer', () => {
    for (const { plant, on } of FAULTS) {
      const resource = resourceOf(on, 3);
      const planted = plant(resource, createRandom(3));
      const before = JSON.stringify([resource, planted]);
      compare(resource, planted);
      expect(JSON.stringify([resource, planted])).toBe(before);
    }
    for (const { rewrite } of SET_REWRITINGS) {
      const set = searchOf(5);
      const before = JSON.stringify(set);
      compareAnswers(set, rewrite(set, createRandom(5)), options);
      expect(JSON.stringify(set)).toBe(before);
    }
  });

  it('survives whatever JSON an answer holds, and says something of every change', () => {
    const json = fc.jsonValue({ depthSize: 'small' }) as fc.Arbitrary<Json>;
    fc.assert(
      fc.property(
        fc.constantFrom('name', 'status', 'contained', 'extension', '_birthDate', 'zzz'),
        json,
        (name, value) => {
          const resource: Resource = { resourceType: 'Patient', id: 'p' };
          const other: Resource = { ...resource, [name]: value };
          compare(resource, other);
          expect(compare(other, other)).toEqual([]);
          expect(compare(resource, other).length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('never shows a value', () => {
    const secret = 'Zuckerbäcker-4711';
    for (const { on } of FAULTS) {
      const resource = resourceOf(on, 9);
      const leaked = JSON.parse(JSON.stringify(resource), (_key, value: unknown) =>
        typeof value === 'string' ? secret : value,
      ) as Resource;
      const found = compare(resource, { ...leaked, resourceType: resource.resourceType, [secret]: secret });
      expect(found.length).toBeGreaterThan(0);
      expect(JSON.stringify(found)).not.toContain('Zucker');
      expect(JSON.stringify(found)).not.toContain('4711');
    }
  });
});
