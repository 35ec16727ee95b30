import { describe, expect, it } from 'vitest';
import { searchOf } from '../../../../bench/compare/catalogue.ts';
import { copyOf } from '../../../../bench/compare/resources.ts';
import type { Json, Resource } from '../../../../src/fhir/types.ts';
import type { ComparableSet } from '../../../../src/strangler/compare/answer.ts';
import { compareAnswers } from '../../../../src/strangler/compare/compare.ts';
import { shippedSeverities } from '../../../support/severities.ts';

const severities = shippedSeverities();

/** How often references are brought to one form: the work of a comparison, counted and not timed. */
function workOf(legacy: ComparableSet, modern: ComparableSet): number {
  let count = 0;
  const canonicalReference = (reference: string): string => {
    count += 1;
    return reference;
  };
  compareAnswers(legacy, modern, { severities, canonicalReference });
  return count;
}

/** Reads of members of a value and all that is in it. */
function counting(value: Json, count: () => void): Json {
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return value;
  for (const name of Object.keys(value)) {
    const holder = value as Record<string, Json>;
    holder[name] = counting(holder[name]!, count);
  }
  return new Proxy(value, {
    get(target, name, receiver): unknown {
      count();
      return Reflect.get(target, name, receiver);
    },
  });
}

function readsOf(make: (size: number) => readonly [Resource, Resource], size: number): number {
  let reads = 0;
  const count = (): void => void (reads += 1);
  const [legacy, modern] = make(size).map((it) => counting(it, count) as Resource);
  const answer = (resource: Resource) => ({ kind: 'resource', resource }) as const;
  compareAnswers(answer(legacy!), answer(modern!), { severities });
  return reads;
}

const changed = (set: ComparableSet): ComparableSet => ({
  ...set,
  matches: set.matches.map((it) => ({ ...copyOf(it), status: 'cancelled' })).toReversed(),
});

describe('the cost of comparing', () => {
  it('grows with the number of entries, not with its square', () => {
    const [some, many] = [searchOf(1, 100), searchOf(1, 1000)];
    const [less, more] = [workOf(some, changed(some)), workOf(many, changed(many))];
    expect(less).toBeGreaterThan(100);
    expect(more).toBeLessThan(less * 12);
  });

  it('grows with the length of a list all of whose items have changed places and content', () => {
    const make = (size: number): readonly [Resource, Resource] => {
      const component = Array.from({ length: size }, (_, at) => ({
        code: { coding: [{ system: 'urn:x', code: `c${at}` }] },
        valueInteger: at,
      }));
      const other = component
        .map((it) => ({ ...copyOf(it), valueInteger: it.valueInteger + 1 }))
        .toReversed();
      return [
        { resourceType: 'Observation', component },
        { resourceType: 'Observation', component: other },
      ];
    };
    expect(readsOf(make, 1000)).toBeLessThan(readsOf(make, 100) * 12);
  });

  it('stays bounded for items that nothing names', () => {
    const make = (size: number): readonly [Resource, Resource] => {
      const items = (by: number) =>
        Array.from({ length: size }, (_, at) => ({ zzz: at * 2 + by, same: true }));
      return [
        { resourceType: 'Basic', zz: items(0) },
        { resourceType: 'Basic', zz: items(1) },
      ];
    };
    expect(readsOf(make, 2000)).toBeLessThan(readsOf(make, 200) * 12);
  });

  it('grows with the depth of nested lists, not with its power', () => {
    const nested = (depth: number, leaf: string): Json =>
      depth === 0
        ? leaf
        : { item: [{ text: leaf }, { linkId: `l${depth}`, item: [nested(depth - 1, leaf)] }] };
    const make = (size: number): readonly [Resource, Resource] => [
      { resourceType: 'Questionnaire', item: [nested(size, 'a')] },
      { resourceType: 'Questionnaire', item: [nested(size, 'b')] },
    ];
    // What stands deeper is looked at once for each list above it, at most.
    expect(readsOf(make, 40)).toBeLessThan(readsOf(make, 10) * 4 ** 2 * 2);
  });
});
