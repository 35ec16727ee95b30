import { describe, expect, test } from 'vitest';
import type { SearchPrefix } from '../../../src/fhir/search-query.ts';
import { planSearch, tooCostly, type Plan } from '../../../src/search/plan.ts';
import type { NativeFilter, SourceSearch } from '../../../src/search/source.ts';
import { describeFilters, query } from './support.ts';

const ALL: readonly SearchPrefix[] = ['eq', 'ge', 'le'];
const native = (change: Partial<NativeFilter> = {}): NativeFilter => ({
  match: 'exact',
  modifiers: [''],
  prefixes: ALL,
  or: false,
  repeat: false,
  ...change,
});
const core: SourceSearch = {
  filters: {
    identifier: native({ or: true }),
    family: native({ match: 'wider', modifiers: ['', 'exact'] }),
    birthdate: native({ repeat: true }),
    gender: native({ modifiers: ['', 'not'] }),
  },
  anchors: [['identifier'], ['family', 'birthdate']],
  maxPage: 10,
};

function plan(text: string, source: SourceSearch | undefined = core, canRead = true): Plan {
  return planSearch(query('Patient', text).filters, source, { maxBranches: 6, canRead });
}

function branches(text: string, source?: SourceSearch): string[] {
  const planned = plan(text, source);
  return planned.kind === 'search' ? planned.branches.map(describeFilters) : [planned.kind];
}

describe('what is pushed down', () => {
  test.each([
    ['identifier=1', ['identifier=1']],
    ['identifier=1,2', ['identifier=1,2']],
    ['identifier=1&gender=male', ['identifier=1&gender=male']],
    ['identifier=1&identifier=2', ['identifier=1']],
    ['identifier=1&address=x', ['identifier=1']],
    ['identifier=1&gender:missing=true', ['identifier=1']],
    ['identifier=1&gender:not=male,female', ['identifier=1&gender:not=male']],
    ['identifier=1&gender=male,female', ['identifier=1']],
    ['family:exact=Ng&birthdate=1980', ['family:exact=Ng&birthdate=1980']],
    ['family=ng&birthdate=ge1980&birthdate=le1990', ['family=ng&birthdate=ge1980&birthdate=le1990']],
    ['family:contains=ng&birthdate=1980', ['unbounded']],
    ['family=ng&birthdate=gt1980', ['unbounded']],
    ['family=a,b&birthdate=1980', ['birthdate=1980&family=a', 'birthdate=1980&family=b']],
    [
      'family=a,b&birthdate=1980,1981',
      [
        'family=a&birthdate=1980',
        'family=a&birthdate=1981',
        'family=b&birthdate=1980',
        'family=b&birthdate=1981',
      ],
    ],
    ['family=a,b&birthdate=1980,1981,1982,1983', ['unbounded']],
    ['identifier=1&family=a,b', ['identifier=1']],
    ['gender=male', ['unbounded']],
    ['identifier:not=1', ['unbounded']],
    ['', ['unbounded']],
  ])('%s', (text, expected) => expect(branches(text)).toEqual(expected));

  test('an empty anchor bounds a search without filters', () => {
    expect(branches('', { ...core, anchors: [[]] })).toEqual(['']);
  });

  test('where one filter of a name is taken, the one that narrows goes first', () => {
    const source = {
      ...core,
      filters: { gender: native({ modifiers: ['', 'not'] }) },
      anchors: [['gender']],
    };
    expect(branches('gender:not=male&gender=female', source)).toEqual(['gender=female']);
  });

  test('what is left to us is named', () => {
    const planned = plan('identifier=1&gender:not=male,female&address=x');
    expect(planned.kind === 'search' && planned.residual.map(({ name }) => name)).toEqual([
      'gender',
      'address',
    ]);
  });
});

describe('_id', () => {
  test('is read, whatever else is asked', () => {
    expect(plan('_id=a,b,a&gender=male')).toEqual({ kind: 'read', ids: ['a', 'b'] });
  });

  test('is searched by where the source can', () => {
    const source = { ...core, filters: { ...core.filters, _id: native({ or: true }) }, anchors: [['_id']] };
    expect(branches('_id=a,b', source)).toEqual(['_id=a,b']);
  });

  test('is read where the source could search by it but not only by it', () => {
    const source = { ...core, filters: { ...core.filters, _id: native() } };
    expect(plan('_id=a', source).kind).toBe('read');
  });

  test('does not bound anything where there is no read, or for `:not`', () => {
    expect(plan('_id=a', core, false).kind).toBe('unbounded');
    expect(plan('_id:not=a').kind).toBe('unbounded');
  });

  test('is enough for a source that cannot search the type', () => {
    expect(
      planSearch(query('Patient', '_id=a').filters, undefined, { maxBranches: 6, canRead: true }).kind,
    ).toBe('read');
    expect(
      planSearch(query('Patient', 'gender=male').filters, undefined, { maxBranches: 6, canRead: true }).kind,
    ).toBe('unbounded');
  });

  test('more ids than reads are allowed are no reads', () => {
    expect(plan('_id=a,b,c,d,e,f,g').kind).toBe('unbounded');
  });
});

test('an unbounded search is told what would bound it', () => {
  expect(tooCostly('Patient', core.anchors).message).toContain('identifier, or by family with birthdate');
  expect(tooCostly('Patient', []).message).toContain('_id');
});
