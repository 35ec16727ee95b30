import { describe, expect, test } from 'vitest';
import { FicusError, type Issue } from '../../../src/errors.ts';
import type { SearchQuery, SearchSet } from '../../../src/fhir/search-query.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import type { RequestContext } from '../../../src/ports.ts';
import { createSourceBackend, type SourceBackendOptions } from '../../../src/search/backend.ts';
import type { NativeFilter, SourceSearch } from '../../../src/search/source.ts';
import { context, fakeSource, query, sealer, testClock, UTC, type FakeSource } from './support.ts';

const ALL: NativeFilter = { match: 'wider', modifiers: [''], prefixes: ['eq'], or: false, repeat: false };
const OPEN: SourceSearch = { filters: { family: ALL }, anchors: [[]], maxPage: 4 };

const people = Array.from({ length: 10 }, (_, index): Resource => ({
  resourceType: 'Patient',
  id: `HOSP|${index}`,
  gender: index % 2 === 0 ? 'female' : 'male',
  name: [{ family: 'abcdefghij'[9 - index]! }],
}));

function backendOf(source: FakeSource, change: Partial<SourceBackendOptions> = {}) {
  const clock = testClock();
  return createSourceBackend(source, { clock, pages: sealer(clock), zone: UTC, defaultCount: 3, ...change });
}

async function search(
  source: FakeSource,
  text: string,
  change: Partial<SourceBackendOptions> = {},
  asking: RequestContext = context(),
): Promise<SearchSet> {
  const asked: SearchQuery = query('Patient', text);
  const { body, status, servedBy } = await backendOf(source, change).handle(
    { interaction: 'search', type: 'Patient', query: asked, handling: 'lenient' },
    asking,
  );
  expect([status, servedBy]).toEqual([200, 'legacy:core']);
  if (body.kind !== 'searchset') throw new Error('no set');
  return body.set;
}

const ids = ({ matches }: SearchSet): string => matches.map(({ id }) => id!.slice(5)).join(' ');

describe('a page of a search', () => {
  test('costs the source one page, and goes on where that ended', async () => {
    const source = fakeSource(people, { search: OPEN });
    const first = await search(source, 'gender=male');
    expect([ids(first), first.total]).toEqual(['1', undefined]);
    const second = await search(source, `gender=male&_page=${first.next}`);
    expect(ids(second)).toBe('3 5');
    expect(source.calls).toEqual(['search Patient?', 'search Patient? @3.1']);
  });

  test('of a search that the source makes several of goes on with the next where one ends', async () => {
    const family = (it: Resource): unknown => (it['name'] as { family: string }[])[0]?.family;
    const source = fakeSource(people, {
      search: { ...OPEN, anchors: [['family']] },
      answer: ([filter], all) => all.filter((it) => family(it) === filter?.values[0]?.text),
    });
    const all = await search(source, 'family=a,c,h');
    expect([ids(all), all.total, all.next]).toEqual(['9 7 2', 3, undefined]);
    const first = await search(source, 'family=a,c,h&_count=2');
    expect([ids(first), first.total]).toEqual(['9 7', undefined]);
    const second = await search(source, `family=a,c,h&_count=2&_page=${first.next}`);
    expect([ids(second), second.next]).toEqual(['2', undefined]);
  });

  test('has a total when it is all there is', async () => {
    const source = fakeSource(people.slice(0, 3), { search: OPEN });
    expect(await search(source, 'gender=female')).toMatchObject({ total: 2 });
    expect(await search(source, 'gender=female&_total=none')).not.toHaveProperty('total');
  });

  test('is empty, with an exact total, when nothing matches', async () => {
    expect(await search(fakeSource([]), 'gender=male')).toEqual({
      matches: [],
      included: [],
      issues: [],
      total: 0,
    });
  });

  test('is never longer than was asked for, whatever the source gives', async () => {
    const source = fakeSource(people, { search: OPEN, size: () => 10 });
    const first = await search(source, '_count=4');
    const second = await search(source, `_count=4&_page=${first.next}`);
    const third = await search(source, `_count=4&_page=${second.next}`);
    expect([ids(first), ids(second), ids(third)]).toEqual(['0 1 2 3', '4 5 6 7', '8 9']);
    expect(third.next).toBeUndefined();
  });

  test('does not hold what the source should not have returned', async () => {
    const strangers: Resource[] = [{ resourceType: 'Encounter', id: 'x' }, ...people.slice(0, 2), people[0]!];
    const source = fakeSource([], { search: OPEN, page: () => ({ resources: strangers }) });
    expect(ids(await search(source, ''))).toBe('0 1');
  });

  test('hands on what the source could not give, and has no total then', async () => {
    const issue: Issue = { severity: 'warning', code: 'incomplete', diagnostics: 'One ward did not answer.' };
    const source = fakeSource(people, { search: OPEN, page: (page) => ({ ...page, issues: [issue] }) });
    const passing = await search(source, '_count=10', { defaultCount: 10 });
    expect(passing.issues).toEqual([issue]);
    const gathered = await search(source, '_sort=family');
    expect(gathered.issues).toEqual([issue]);
    expect(gathered).not.toHaveProperty('total');
  });

  test('of a search by last update says that some could not be told', async () => {
    const dated = { ...people[1]!, meta: { lastUpdated: '2024-05-01T00:00:00Z' } };
    const set = await search(fakeSource([people[0]!, dated]), '_lastUpdated=ge2024');
    expect(ids(set)).toBe('1');
    expect(set.issues).toMatchObject([{ code: 'incomplete', expression: ['_lastUpdated'] }]);
    expect(set).not.toHaveProperty('total');
    expect((await search(fakeSource([dated]), '_lastUpdated=ge2025')).issues).toEqual([]);
  });
});

describe('a sorted or counted search', () => {
  test('gathers everything, and has a total on every page', async () => {
    const source = fakeSource(people, { search: OPEN });
    const first = await search(source, '_sort=family&_count=4');
    const second = await search(source, `_sort=family&_count=4&_page=${first.next}`);
    const third = await search(source, `_sort=family&_count=4&_page=${second.next}`);
    expect([first, second, third].map(ids)).toEqual(['9 8 7 6', '5 4 3 2', '1 0']);
    expect([first.total, second.total, third.total, third.next]).toEqual([10, 10, 10, undefined]);
  });

  test.each(['_summary=count', '_count=0', '_count=0&_total=none'])(
    '%s gives the number only',
    async (text) => {
      const set = await search(fakeSource(people, { search: OPEN }), `gender=male&${text}`);
      expect(set).toEqual({ matches: [], included: [], issues: [], total: 5 });
    },
  );

  test('is too costly above the limit, and the source is told that it is given up', async () => {
    const source = fakeSource(people, { search: OPEN });
    await expect(search(source, '_sort=family', { maxGathered: 5 })).rejects.toMatchObject({
      code: 'too-costly',
    });
    expect(source.abandoned).toEqual(['8.2']);
    expect(ids(await search(source, '_sort=family&_count=20', { maxGathered: 10 }))).toBe(
      '9 8 7 6 5 4 3 2 1 0',
    );
  });

  test('gives up on a source that has no end', async () => {
    const source = fakeSource([], { search: OPEN, page: () => ({ resources: [], next: 'again' }) });
    await expect(search(source, '_total=accurate', { maxGathered: 20 })).rejects.toMatchObject({
      code: 'too-costly',
    });
    expect(source.abandoned).toEqual(['again']);
  });

  test('tells the source when it fails on the way', async () => {
    const source = fakeSource(people, {
      search: OPEN,
      page: (page) => {
        if (page.next === '8.2') throw new FicusError('unavailable', 'The core hung up.');
        return page;
      },
    });
    await expect(search(source, '_sort=family')).rejects.toMatchObject({ code: 'unavailable' });
    expect(source.abandoned).toEqual(['4.1']);
  });

  test('stops when nobody waits for it any more', async () => {
    const asking = context({ signal: AbortSignal.abort() });
    const source = fakeSource(people, { search: OPEN });
    await expect(search(source, '_sort=family', {}, asking)).rejects.toMatchObject({ code: 'timeout' });
    expect(source.calls).toEqual([]);
  });
});

describe('page tokens', () => {
  test('are refused for another search, another caller and another way of carrying it out', async () => {
    const source = fakeSource(people, { search: OPEN });
    const { next } = await search(source, 'gender=male');
    await expect(search(source, `gender=female&_page=${next}`)).rejects.toMatchObject({
      code: 'parameter-invalid',
    });
    const other = context({ principal: { key: 'other' } });
    await expect(search(source, `gender=male&_page=${next}`, {}, other)).rejects.toMatchObject({
      code: 'parameter-invalid',
    });
    await expect(search(source, `gender=male&_total=accurate&_page=${next}`)).rejects.toMatchObject({
      code: 'page-expired',
    });
  });

  test('of a modern service are refused, not taken for the first page', async () => {
    await expect(search(fakeSource(people), 'gender=male&_offset=20')).rejects.toMatchObject({ status: 400 });
  });
});

describe('_id', () => {
  test('is read one by one, those that do not exist left out', async () => {
    const source = fakeSource(people, { search: { ...OPEN, anchors: [['family']] } });
    const asked = query('Patient', '_id=a,b,c&gender=female');
    // Below the identity Layer ids are keys.
    const values = ['HOSP|2', 'HOSP|99', 'HOSP|3'].map((key) => ({ text: key, code: key }));
    const filters = asked.filters.map((filter) => (filter.name === '_id' ? { ...filter, values } : filter));
    const { body } = await backendOf(source).handle(
      { interaction: 'search', type: 'Patient', query: { ...asked, filters }, handling: 'lenient' },
      context(),
    );
    expect(body.kind === 'searchset' && body.set).toMatchObject({ total: 1, matches: [{ id: 'HOSP|2' }] });
    expect(source.calls).toEqual(['read Patient/HOSP|2', 'read Patient/HOSP|99', 'read Patient/HOSP|3']);
  });

  test('a core that cannot be reached is an error, not an absence', async () => {
    const source = {
      ...fakeSource(people),
      read: () => Promise.reject(new FicusError('unavailable', 'It is down.')),
    };
    await expect(search(source, '_id=a')).rejects.toMatchObject({ code: 'unavailable' });
  });
});

test('what cannot be bounded is refused with a way out', async () => {
  const source = fakeSource(people, { search: { ...OPEN, anchors: [['family']] } });
  await expect(search(source, 'gender=male')).rejects.toMatchObject({
    code: 'too-costly',
    message: expect.stringContaining('family'),
  });
  expect(source.calls).toEqual([]);
});

describe('other interactions', () => {
  const backend = backendOf(fakeSource(people));
  const resource: Resource = { resourceType: 'Patient' };

  test('read and write go to the source', async () => {
    expect(
      await backend.handle(
        { interaction: 'read', type: 'Patient', id: 'HOSP|1', handling: 'lenient' },
        context(),
      ),
    ).toEqual({
      status: 200,
      headers: {},
      body: { kind: 'resource', resource: people[1] },
      servedBy: 'legacy:core',
    });
    expect(
      await backend.handle(
        { interaction: 'create', type: 'Patient', resource, handling: 'lenient' },
        context(),
      ),
    ).toMatchObject({
      status: 201,
      headers: { location: 'Patient/HOSP|1' },
    });
    expect(
      await backend.handle(
        { interaction: 'update', type: 'Patient', id: 'HOSP|5', resource, handling: 'lenient' },
        context(),
      ),
    ).toMatchObject({ status: 200, body: { resource: { id: 'HOSP|5' } } });
  });

  test('what the source does not offer is not implemented', async () => {
    for (const [interaction, type] of [
      ['vread', 'Patient'],
      ['read', 'Encounter'],
    ] as const) {
      await expect(
        backend.handle({ interaction, type, id: 'x', handling: 'lenient' }, context()),
      ).rejects.toMatchObject({
        code: 'not-implemented',
      });
    }
  });
});
