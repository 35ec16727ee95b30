import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import type { SearchFilter, SearchPrefix, SearchSet } from '../../../src/fhir/search-query.ts';
import type { Backend } from '../../../src/ports.ts';
import { createSourceBackend } from '../../../src/search/backend.ts';
import type { NativeFilter, SourceSearch } from '../../../src/search/source.ts';
import { meets, patient, written, type Criterion, type Person } from './oracle.ts';
import { context, fakeSource, query, sealer, testClock, UTC } from './support.ts';

/*
 * Whatever a source can do natively, in whatever pages it answers: the pages that a client walks through hold exactly the
 * resources that match, each once.
 */

const FAMILIES = ['Adams', 'ADAMSON', 'baker', 'Bake', 'Chan'];
const GIVEN = ['Eve', 'Evelyn', 'Severine', 'Bob'];
const DEFAULT_COUNT = 5;
const GENDERS = ['male', 'female', 'other'];
const DATES = ['1980-01-01', '1980-01-02', '1985-06-30', '1999-12-31'];
const SYSTEMS = ['urn:a', 'urn:b'];
const VALUES = ['1', '2', '3'];
const PREFIXES: readonly SearchPrefix[] = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb'];

const pick = <T>(values: readonly T[]) => fc.constantFrom(...values);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 3 });

const people = fc
  .array(
    fc.record(
      {
        family: pick(FAMILIES),
        given: fc.array(pick(GIVEN), { maxLength: 2 }),
        gender: pick(GENDERS),
        birthDate: pick(DATES),
        identifiers: fc.array(
          fc.record({ system: pick(SYSTEMS), value: pick(VALUES) }, { requiredKeys: ['value'] }),
          { maxLength: 2 },
        ),
        active: fc.boolean(),
      },
      { requiredKeys: ['given', 'identifiers'] },
    ),
    { maxLength: 25 },
  )
  .map((all) => all.map((person, index): Person => ({ ...person, id: `p${index}` })));

const plain = (text: string) => ({ prefix: '', text });
const values = (texts: readonly string[]) =>
  fc.uniqueArray(pick(texts), { minLength: 1, maxLength: 3 }).map((all) => all.map(plain));
const criterion = (name: Criterion['name'], modifiers: readonly string[], texts: readonly string[]) =>
  fc.record({ name: fc.constant(name), modifier: pick(modifiers), values: values(texts) });
const missing = pick(['family', 'given', 'gender', 'birthdate', 'identifier', 'active'] as const).chain(
  (name) => fc.boolean().map((is): Criterion => ({ name, modifier: 'missing', values: [plain(String(is))] })),
);
const dates = fc
  .uniqueArray(fc.tuple(pick(['', ...PREFIXES]), pick(DATES)), { minLength: 1, maxLength: 2 })
  .map((all): Criterion => ({
    name: 'birthdate',
    modifier: '',
    values: all.map(([prefix, text]) => ({ prefix, text })),
  }));
const tokens = [
  ...VALUES,
  ...SYSTEMS.flatMap((system) => VALUES.map((value) => `${system}|${value}`)),
  'urn:a|',
  '|1',
];
const criteria: fc.Arbitrary<readonly Criterion[]> = fc.array(
  fc.oneof(
    criterion('family', ['', 'exact', 'contains'], ['a', 'Ada', 'ADAMS', 'bake', 'Baker', 'Chan', 'zz']),
    criterion('given', ['', 'exact', 'contains'], ['eve', 'Eve', 'ver', 'bob']),
    criterion('gender', ['', 'not'], GENDERS),
    criterion('identifier', ['', 'not'], tokens),
    criterion('active', ['', 'not'], ['true', 'false']),
    criterion('_id', ['', 'not'], ['p0', 'p1', 'p2', 'p99']),
    dates,
    missing,
  ),
  { maxLength: 4 },
);

const MODIFIERS = ['', 'exact', 'contains', 'not', 'missing'];
/** Mostly able, so that plans get as far as they can; sometimes of little use. */
const native: fc.Arbitrary<NativeFilter> = fc.record({
  match: pick(['exact', 'wider'] as const),
  modifiers: fc.oneof({ weight: 3, arbitrary: fc.constant(MODIFIERS) }, fc.subarray(MODIFIERS)),
  prefixes: fc.oneof({ weight: 3, arbitrary: fc.constant(PREFIXES) }, fc.subarray([...PREFIXES])),
  or: fc.boolean(),
  repeat: fc.boolean(),
});
const NAMES = ['family', 'given', 'gender', 'birthdate', 'identifier', 'active', '_id'];
const sourceSearch: fc.Arbitrary<SourceSearch> = fc.record({
  filters: fc.dictionary(pick(NAMES), native, { minKeys: 2, maxKeys: 7 }),
  anchors: fc.array(fc.subarray(NAMES, { maxLength: 2 }), { minLength: 1, maxLength: 3 }),
  maxPage: fc.integer({ min: 1, max: 7 }),
});

const scenario = fc
  .record({
    people,
    criteria,
    search: sourceSearch,
    count: optional(fc.integer({ min: 1, max: 8 })),
    sort: optional(pick(['family', '-birthdate', 'gender,-family', '-given', 'active'])),
    total: optional(pick(['accurate', 'none'])),
    salt: fc.nat(1000),
    oddPages: fc.boolean(),
    fickle: fc.boolean(),
    splits: fc.boolean(),
  })
  // Every other time the only way in is a filter with several values that the source takes one by one.
  .map((it) => (it.splits ? { ...it, search: splitting(it.search, it.criteria) } : it));

function splitting(search: SourceSearch, asked: readonly Criterion[]): SourceSearch {
  const several = asked.find(({ modifier, values: all }) => all.length > 1 && modifier !== 'not');
  if (!several) return search;
  const { name } = several;
  const declared = search.filters[name] ?? { match: 'exact', repeat: true };
  const able = { ...declared, modifiers: MODIFIERS, prefixes: PREFIXES, or: false };
  return { ...search, filters: { ...search.filters, [name]: able }, anchors: [[name]] };
}

/** What a source must never be asked: anything it did not say it can do. */
function assertDeclared(filters: readonly SearchFilter[], { filters: natives }: SourceSearch): void {
  const names = new Map<string, number>();
  for (const { name, modifier = '', type, values: all } of filters) {
    const declared = natives[name];
    expect(declared, `${name} was pushed`).toBeDefined();
    names.set(name, (names.get(name) ?? 0) + 1);
    expect(declared?.modifiers).toContain(modifier);
    if (type === 'date' && modifier !== 'missing') {
      for (const { prefix = 'eq' } of all) expect(declared?.prefixes).toContain(prefix);
    }
    if (all.length > 1) expect(declared?.or).toBe(true);
    if (names.get(name)! > 1) expect(declared?.repeat).toBe(true);
  }
}

/** The filter in the oracle's words. */
function criterionOf({ name, modifier = '', values: all }: SearchFilter): Criterion {
  return {
    name: name as Criterion['name'],
    modifier,
    values: all.map(({ prefix = '', text }) => ({ prefix, text })),
  };
}

function sourceOf({
  people: all,
  search,
  salt,
  oddPages,
}: typeof scenario extends fc.Arbitrary<infer T> ? T : never) {
  const byId = new Map(all.map((person) => [person.id, person]));
  // Some order of the source's own.
  const stored = all.map(patient).sort((a, b) => hash(a.id!, salt) - hash(b.id!, salt));
  return fakeSource(stored, {
    search,
    answer(filters, everyone) {
      assertDeclared(filters, search);
      return everyone.filter((resource) =>
        filters.every((filter) => {
          if (meets(byId.get(resource.id!)!, criterionOf(filter))) return true;
          return search.filters[filter.name]?.match === 'wider' && hash(resource.id!, salt + 1) % 3 === 0;
        }),
      );
    },
    // Sources give less than they are asked for, nothing at all with more to come, or more than they are asked for.
    size(asked, pagesBefore) {
      if (!oddPages) return asked;
      const size = hash(`page ${pagesBefore}`, salt) % (2 * asked + 2);
      return size === 0 && pagesBefore % 2 === 1 ? 1 : size;
    },
  });
}

function hash(text: string, salt: number): number {
  let value = salt * 31 + 7;
  for (const letter of text) value = (value * 33 + letter.codePointAt(0)!) % 65_521;
  return value;
}

/** Whether the source declares enough of what is asked to reach one of its anchors. */
function isBounded(asked: readonly Criterion[], { filters, anchors }: SourceSearch): boolean {
  const reached = asked.filter(({ name, modifier, values: all }) => {
    const declared = filters[name];
    const prefixes = all.map(({ prefix }) => (prefix || 'eq') as SearchPrefix);
    if (modifier === 'not' || modifier === 'missing' || prefixes.includes('ne')) return false;
    return (
      declared?.modifiers.includes(modifier) &&
      (name !== 'birthdate' || prefixes.every((it) => declared.prefixes.includes(it)))
    );
  });
  const names = reached.map(({ name }): string => name);
  return anchors.some((anchor) => anchor.every((name) => names.includes(name)));
}

/** All pages, as a client follows them; `counts` are asked for in turn. */
async function walk(
  backend: Backend,
  parameters: readonly string[],
  counts: readonly (number | undefined)[],
) {
  const pages: { set: SearchSet; count: number }[] = [];
  let page: string | undefined;
  do {
    const count = counts[pages.length % counts.length];
    const controls = [
      ...(count === undefined ? [] : [`_count=${count}`]),
      ...(page === undefined ? [] : [`_page=${page}`]),
    ];
    const asked = query('Patient', [...parameters, ...controls].join('&'));
    const { body } = await backend.handle(
      { interaction: 'search', type: 'Patient', query: asked, handling: 'strict' },
      context(),
    );
    if (body.kind !== 'searchset') throw new Error('no set');
    pages.push({ set: body.set, count: count ?? DEFAULT_COUNT });
    page = body.set.next;
    expect(pages.length).toBeLessThan(500);
  } while (page !== undefined);
  return { ids: pages.flatMap(({ set }) => set.matches.map(({ id }) => id!)), pages };
}

describe('the pages of a search', () => {
  test('hold exactly the resources that match, each once', async () => {
    const outcomes = { answered: 0, refused: 0, matched: 0, branched: 0, gathered: 0 };
    await fc.assert(
      fc.asyncProperty(scenario, async (given) => {
        const { people: all, criteria: asked, search, count, sort, total, fickle } = given;
        const clock = testClock();
        const source = sourceOf(given);
        const options = { clock, pages: sealer(clock), zone: UTC, defaultCount: DEFAULT_COUNT };
        const parameters = [
          ...asked.map(written),
          ...(sort === undefined ? [] : [`_sort=${sort}`]),
          ...(total === undefined ? [] : [`_total=${total}`]),
        ];
        const expected = all.filter((person) => asked.every((it) => meets(person, it))).map(({ id }) => id);
        try {
          const { ids, pages } = await walk(
            createSourceBackend(source, options),
            parameters,
            fickle ? [count, 2, 9] : [count],
          );
          outcomes.answered += 1;
          outcomes.matched += ids.length;
          if (sort !== undefined || total === 'accurate') outcomes.gathered += 1;
          const searches = source.calls.filter((call) => call.startsWith('search'));
          if (new Set(searches.map((call) => call.split(' @')[0])).size > 1) outcomes.branched += 1;
          expect(ids.toSorted()).toEqual(expected.toSorted());
          for (const { set, count: most } of pages) {
            expect(set.matches.length).toBeLessThanOrEqual(most);
            if (set.total !== undefined) expect(set.total).toBe(expected.length);
            if (total === 'accurate') expect(set.total).toBe(expected.length);
          }
        } catch (error) {
          if (!(error instanceof FicusError)) throw error;
          expect(error.code).toBe('too-costly');
          expect(isBounded(asked, search), 'refused although it is bounded').toBe(false);
          expect(asked.some(({ name, modifier }) => name === '_id' && modifier === '')).toBe(false);
          outcomes.refused += 1;
        }
      }),
      { numRuns: 2000 },
    );
    // A run that refuses everything, matches nothing or never takes a filter apart would prove nothing.
    expect(outcomes.answered).toBeGreaterThan(600);
    expect(outcomes.matched).toBeGreaterThan(1000);
    expect(outcomes.gathered).toBeGreaterThan(300);
    expect(outcomes.branched).toBeGreaterThan(100);
    expect(outcomes.refused).toBeGreaterThan(50);
  });
});
