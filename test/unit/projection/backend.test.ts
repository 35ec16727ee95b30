import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { searchsetBundle, searchsetText } from '../../../src/fhir/bundle.ts';
import type { Json } from '../../../src/fhir/types.ts';
import { pageBinding } from '../../../src/search/page.ts';
import { sortResources } from '../../../src/search/sort.ts';
import { query as parsed, sealer } from '../search/support.ts';
import { BASE, idsOf, NOW, projection, query, setOf, update, UTC } from './support.ts';

const patient = (id: string) => ({ resourceType: 'Patient', id, name: [{ family: `Family ${id}` }] });
const observation = (id: string, of: string, day = '2024-01-01') => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
  subject: { reference: `Patient/${of}` },
  effectiveDateTime: day,
});

function world(change: Parameters<typeof projection>[0] = {}) {
  const it = projection(change);
  it.apply({ changes: [update(patient('a')), update(patient('b'))] });
  it.apply({
    changes: ['1', '2', '3', '4', '5'].map((day) =>
      update(observation(`o${day}`, day === '5' ? 'b' : 'a', `2024-01-0${day}`)),
    ),
  });
  return it;
}

describe('a search', () => {
  it('says how old its answer may be', async () => {
    const it = world();
    it.clock.advance(90_000);
    const asked = query('Patient', '');
    const { headers, servedBy } = await it.ask({ interaction: 'search', type: 'Patient', query: asked });
    expect({ headers, servedBy }).toEqual({ headers: { age: '89' }, servedBy: 'projection' });
    const told = world({ age: () => 7.9 });
    expect((await told.ask({ interaction: 'read', type: 'Patient', id: 'a' })).headers['age']).toBe('7');
  });

  it('counts exactly when it is asked to, and says nothing of a number that it did not count', async () => {
    const { backend } = world();
    expect((await setOf(backend, query('Observation', 'patient=a&_count=2'))).total).toBeUndefined();
    expect((await setOf(backend, query('Observation', 'patient=a&_count=2&_total=accurate'))).total).toBe(4);
    expect((await setOf(backend, query('Observation', 'patient=a'))).total).toBe(4);
    expect(await setOf(backend, query('Observation', 'patient=a&_summary=count'))).toMatchObject({
      total: 4,
      matches: [],
    });
  });

  it('is written as it is kept, byte for byte what its resources say', async () => {
    const it = world();
    const odd = {
      ...observation('odd', 'a'),
      note: [{ text: 'a "quote", a \\ and \u2028, \ud800 and \u00e9' }],
      valueQuantity: { value: JSON.rawJSON('1.50') as Json, unit: 'g/dL' },
      referenceRange: [{ low: { value: JSON.rawJSON('-0.0') as Json }, high: { value: 1e21 } }],
    };
    it.apply({ changes: [update(odd)] });
    const asked = query('Observation', 'patient=a&_include=Observation:subject');
    const text = searchsetText(await setOf(it.backend, asked), asked, BASE);
    expect(text).toBe(JSON.stringify(searchsetBundle(await setOf(it.backend, asked), asked, BASE)));
    expect(text).toContain('"value":1.50');
  });

  it('sees at once what was told by another connection', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ficus-projection-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'projection.sqlite');
    const [told, asked] = [projection({}, file), projection({}, file)];
    const counted = query('Observation', 'patient=a&_total=accurate');
    const answer = async () => {
      const { total, matches } = await setOf(asked.backend, counted);
      return [total, ...matches.map(({ id, status }) => `${id} ${JSON.stringify(status)}`)];
    };
    told.apply({ changes: [update(observation('o1', 'a'))] });
    expect(await answer()).toEqual([1, 'o1 "final"']);
    told.apply({ changes: [update({ ...observation('o1', 'a'), status: 'amended' })] });
    expect(await answer()).toEqual([1, 'o1 "amended"']);
    told.apply({ changes: [update(observation('o2', 'a'))] });
    expect(await answer()).toEqual([2, 'o1 "amended"', 'o2 "final"']);
    for (const { database } of [told, asked]) database.close();
  });

  it('goes on where its page ended, though more came meanwhile', async () => {
    const it = world();
    const first = await setOf(it.backend, query('Observation', 'patient=a&_count=3'));
    it.apply({ changes: [update(observation('o6', 'a'))] });
    const next = await setOf(it.backend, {
      ...query('Observation', 'patient=a&_count=3'),
      page: first.next!,
    });
    expect([...first.matches, ...next.matches].map(({ id }) => id)).toEqual(['o1', 'o2', 'o3', 'o4', 'o6']);
  });

  it.each([
    ['-date', ['o4', 'o3', 'o2', 'o1']],
    ['-date,_id', ['o4', 'o3', 'o2', 'o1']],
    ['-_id', ['o4', 'o3', 'o2', 'o1']],
    ['date', ['o1', 'o2', 'o3', 'o4']],
  ])('sorted by %s gives each match once, though more came meanwhile', async (sort, ids) => {
    const it = world();
    const asked = query('Observation', `patient=a&_count=2&_total=accurate&_sort=${sort}`);
    const first = await setOf(it.backend, asked);
    it.apply({ changes: [update(observation('o0', 'a', '2023-01-01')), update(observation('o9', 'a', '2025-01-01'))] }); // prettier-ignore
    const next = await setOf(it.backend, { ...asked, page: first.next! });
    expect([...first.matches, ...next.matches].map(({ id }) => id)).toEqual(ids);
    expect([first.total, next.total, next.next]).toEqual([4, 4, undefined]);
    expect((await setOf(it.backend, asked)).total).toBe(6);
  });

  it('is sorted by what is written, character by character', async () => {
    const it = projection();
    const family = (id: string, name: string) => ({ resourceType: 'Patient', id, name: [{ family: name }] });
    // Two halves of a character make one above all that a half stands before.
    const known = [family('a', '\u{20bb7}'), family('b', '\uff21'), family('c', 'z')];
    it.apply({ changes: known.map((one) => update(one)) });
    for (const [sort, ids] of [
      ['family', ['c', 'b', 'a']],
      ['-family', ['a', 'b', 'c']],
    ] as const) {
      // prettier-ignore
      const asked = query('Patient', `_sort=${sort}`);
      expect((await setOf(it.backend, asked)).matches.map(({ id }) => id)).toEqual(ids);
      expect(sortResources('Patient', known, asked.sort, UTC).map(({ id }) => id)).toEqual(ids);
    }
  });

  it('finds nothing for a patient nobody knows, not what has no patient', async () => {
    const it = world();
    const { subject: _none, ...ofNobody } = observation('o9', '');
    it.apply({ changes: [update(ofNobody)] });
    for (const asked of ['patient=x', 'patient=Patient/x', 'subject=Patient/x', 'subject=x']) {
      for (const sort of ['', '&_sort=-date', '&_sort=date'])
        expect(await idsOf(it.backend, 'Observation', `${asked}${sort}`), asked + sort).toEqual([]);
    }
    expect((await setOf(it.backend, query('Observation', 'patient=x&_sort=-date'))).total).toBe(0);
  });

  it('refuses the page of another search', async () => {
    const { backend } = world();
    const { next } = await setOf(backend, query('Observation', 'patient=a&_count=1'));
    const other = setOf(backend, { ...query('Observation', 'patient=b&_count=1'), page: next! });
    await expect(other).rejects.toMatchObject({ code: 'parameter-invalid' });
  });

  it('refuses the page that somebody else gave of the same search', async () => {
    const { backend } = world();
    const asked = query('Observation', 'patient=a&_count=1');
    const page = sealer().seal({ cursor: 'of a core' }, pageBinding(asked, 'anonymous'));
    await expect(setOf(backend, { ...asked, page })).rejects.toMatchObject({ code: 'parameter-invalid' });
  });

  it('includes what the matches refer to, and what refers to them', async () => {
    const { backend } = world();
    const down = await setOf(backend, query('Observation', 'code=718-7&_include=Observation:subject'));
    expect(down.included.map(({ id }) => id)).toEqual(['a', 'b']);
    const up = await setOf(backend, query('Patient', '_id=a&_revinclude=Observation:patient'));
    expect(up.included.map(({ id }) => id)).toEqual(['o1', 'o2', 'o3', 'o4']);
    expect(up.total).toBe(1);
  });

  it('says when there is more to include than it gives', async () => {
    const { backend } = world({ maxIncluded: 2 });
    const set = await setOf(backend, query('Patient', '_revinclude=Observation:subject'));
    expect(set.included.map(({ id }) => id)).toEqual(['o1', 'o2']);
    expect(set.issues).toMatchObject([{ code: 'incomplete' }]);
    expect(set.total).toBeUndefined();
  });

  it.each([
    ['_has:Observation:patient:date=ge2024-01-05', ['b']],
    ['_has:Observation:subject:_has:Provenance:target:recorded=2024', []],
    ['_has:Observation:patient:code:not=718-7', []],
  ])('answers %s', async (text, ids) => {
    expect(await idsOf(world().backend, 'Patient', text)).toEqual(ids);
  });

  it('knows neither direction but where it is offered', () => {
    expect(() => parsed('Patient', '_has:Observation:patient:code=1')).toThrow(
      expect.objectContaining({ code: 'parameter-unknown' }),
    );
    expect(() => parsed('Patient', '_revinclude=Observation:patient')).toThrow(
      expect.objectContaining({ code: 'search-unsupported' }),
    );
    expect(() => query('Location', '_has:Observation:patient:code=1')).toThrow(
      expect.objectContaining({ code: 'search-unsupported' }),
    );
    expect(() => query('Patient', '_revinclude=Observation:code')).toThrow(
      expect.objectContaining({ code: 'search-unsupported' }),
    );
  });

  it('refuses what would need too many resources to be looked at', async () => {
    const { backend } = world({ maxChecked: 2 });
    const asked = setOf(backend, query('Observation', 'code-value-quantity=718-7$5'));
    await expect(asked).rejects.toMatchObject({ code: 'too-costly' });
  });
});

describe('what the projection cannot do', () => {
  it.each(['create', 'update'] as const)('%s is told, not done', async (interaction) => {
    const asked = world().ask({ interaction, type: 'Patient', resource: patient('c') });
    await expect(asked).rejects.toMatchObject({ code: 'not-implemented' });
  });

  it('read what nobody has told of, though others refer to it', async () => {
    const it = world();
    it.apply({ eventAt: NOW, changes: [update(observation('o9', 'ghost'))] });
    await expect(it.ask({ interaction: 'read', type: 'Patient', id: 'ghost' })).rejects.toMatchObject({
      code: 'not-found',
    });
    expect(await idsOf(it.backend, 'Patient', '')).toEqual(['a', 'b']);
  });
});
