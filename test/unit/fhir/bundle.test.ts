import { describe, expect, it } from 'vitest';
import { searchsetBundle, searchsetText } from '../../../src/fhir/bundle.ts';
import { RESOURCE_TYPES, typeDef } from '../../../src/fhir/elements.ts';
import { isJsonObject } from '../../../src/fhir/json.ts';
import { selectElements, summarize } from '../../../src/fhir/summary.ts';
import type { SearchQuery, SearchSet } from '../../../src/fhir/search-query.ts';
import type { Json, Resource } from '../../../src/fhir/types.ts';
import { validateResource } from '../../../src/fhir/validate.ts';
import { setOfWritten, Written } from '../../../src/fhir/written.ts';
import { randomResource } from './random-resource.ts';

const query: SearchQuery = {
  type: 'Observation',
  filters: [],
  sort: [],
  include: [],
  applied: [
    ['code', 'http://loinc.org|2823-3'],
    ['date:missing', 'false'],
    ['status', 'final,a&b=c'],
  ],
  ignored: [],
};
const observation: Resource = {
  resourceType: 'Observation',
  id: 'o1',
  meta: { versionId: '1' },
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>' },
  status: 'final',
  code: { text: 'K' },
  subject: { reference: 'Patient/p1' },
  valueQuantity: { value: 4.2 },
  note: [{ text: 'haemolysed' }],
  component: [{ code: { text: 'c' }, valueString: 'v', interpretation: [{ text: 'high' }] }],
};
const set: SearchSet = {
  matches: [observation],
  included: [{ resourceType: 'Patient', id: 'p1', photo: [{ url: 'http://e.org/p.png' }], active: true }],
  total: 7,
  next: 'TOKEN+/=',
  issues: [],
};
const BASE = 'https://ehr.example.org/fhir/r4';
const SUBSETTED = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' };

function links(bundle: Resource): Record<string, string> {
  return Object.fromEntries(
    (bundle['link'] as { relation: string; url: string }[]).map((it) => [it.relation, it.url]),
  );
}

function resources(bundle: Resource): Resource[] {
  return ((bundle['entry'] ?? []) as { resource: Resource }[]).map((it) => it.resource);
}

describe('a searchset Bundle', () => {
  it('is valid FHIR, with fullUrl and mode on each entry', () => {
    const bundle = searchsetBundle(set, query, BASE);
    expect(validateResource(bundle)).toEqual([]);
    expect(bundle).toMatchObject({ type: 'searchset', total: 7 });
    expect(bundle['entry']).toEqual([
      { fullUrl: `${BASE}/Observation/o1`, resource: observation, search: { mode: 'match' } },
      { fullUrl: `${BASE}/Patient/p1`, resource: set.included[0], search: { mode: 'include' } },
    ]);
  });

  it('says in self what was searched, and in next where it goes on', () => {
    const { self, next, first } = links(searchsetBundle(set, query, BASE));
    expect(self).toBe(
      `${BASE}/Observation?code=http://loinc.org%7C2823-3&date:missing=false&status=final,a%26b%3Dc`,
    );
    expect(next).toBe(`${self}&_page=TOKEN%2B/%3D`);
    expect(first).toBeUndefined();
    expect([...new URL(self!).searchParams]).toEqual(query.applied);
    expect(new URL(next!).searchParams.get('_page')).toBe('TOKEN+/=');
  });

  it('on a later page is its own self and links the first', () => {
    const { self, first } = links(searchsetBundle(set, { ...query, page: 'T2' }, BASE));
    expect(self).toBe(`${first}&_page=T2`);
  });

  it('leaves total and next out when there are none', () => {
    const bundle = searchsetBundle(
      { matches: [], included: [], issues: [] },
      { ...query, applied: [] },
      BASE,
    );
    expect(bundle).toEqual({
      resourceType: 'Bundle',
      type: 'searchset',
      link: [{ relation: 'self', url: `${BASE}/Observation` }],
    });
  });

  it('names what was ignored and what is incomplete in an outcome entry', () => {
    const ignored = [{ severity: 'warning', code: 'not-supported', expression: ['favourite'] }] as const;
    const issues = [{ severity: 'warning', code: 'incomplete', diagnostics: 'core' }] as const;
    const bundle = searchsetBundle({ ...set, issues }, { ...query, ignored }, BASE);
    expect((bundle['entry'] as Json[]).at(-1)).toEqual({
      resource: { resourceType: 'OperationOutcome', issue: [...ignored, ...issues] },
      search: { mode: 'outcome' },
    });
    expect(validateResource(bundle)).toEqual([]);
  });

  it('of _summary=count has the total and no resources', () => {
    const bundle = searchsetBundle(set, { ...query, summary: 'count' }, BASE);
    expect(bundle).toMatchObject({ total: 7 });
    expect(bundle).not.toHaveProperty('entry');
  });
});

describe('_summary', () => {
  const named = (summary: NonNullable<SearchQuery['summary']>): string[] =>
    Object.keys(summarize(observation, summary)).sort();

  it('true keeps what R4 marks, also inside inner structures', () => {
    expect(summarize(observation, 'true')).toEqual({
      resourceType: 'Observation',
      id: 'o1',
      meta: { versionId: '1', tag: [SUBSETTED] },
      status: 'final',
      code: { text: 'K' },
      subject: { reference: 'Patient/p1' },
      valueQuantity: { value: 4.2 },
      component: [{ code: { text: 'c' }, valueString: 'v' }],
    });
  });

  it('text keeps narrative and what is mandatory', () => {
    expect(named('text')).toEqual(['code', 'id', 'meta', 'resourceType', 'status', 'text']);
  });

  it('data drops the narrative only', () => {
    expect(named('data')).toEqual(
      Object.keys(observation)
        .filter((it) => it !== 'text')
        .sort(),
    );
  });

  it('false changes nothing', () => {
    expect(summarize(observation, 'false')).toBe(observation);
  });

  it('applies to included resources, too', () => {
    const included = resources(searchsetBundle(set, { ...query, summary: 'true' }, BASE))[1];
    expect(included).toEqual({ resourceType: 'Patient', id: 'p1', meta: { tag: [SUBSETTED] }, active: true });
  });

  it.each(['true', 'text', 'data'] as const)('%s leaves every random resource valid', (summary) => {
    for (const type of RESOURCE_TYPES) {
      const resource = randomResource(type, 21);
      const faults = validateResource(summarize(resource, summary)).filter((it) => it.code !== 'invariant');
      expect(faults).toEqual([]);
    }
  });
});

describe('_elements', () => {
  it('keeps what is named, what is mandatory and what modifies', () => {
    const patient: Resource = {
      resourceType: 'Patient',
      id: 'p',
      active: false,
      deceasedBoolean: true,
      name: [{ family: 'A' }],
      birthDate: '1980',
      _birthDate: { id: 'b' },
      address: [{ city: 'C' }],
    };
    expect(selectElements(patient, ['birthDate'])).toEqual({
      resourceType: 'Patient',
      id: 'p',
      meta: { tag: [SUBSETTED] },
      active: false,
      deceasedBoolean: true,
      birthDate: '1980',
      _birthDate: { id: 'b' },
    });
  });

  it.each(['value', 'valueQuantity'])('knows a choice as %s', (name) => {
    expect(Object.keys(selectElements(observation, [name]))).toEqual([
      'resourceType',
      'id',
      'meta',
      'status',
      'code',
      'valueQuantity',
    ]);
  });

  it('applies to the matches, whose elements it names', () => {
    const [match, included] = resources(searchsetBundle(set, { ...query, elements: ['status'] }, BASE));
    expect(match).not.toHaveProperty('note');
    expect(included).toEqual(set.included[0]);
  });

  it('keeps contained resources while something refers to them', () => {
    const contained = [{ resourceType: 'Organization', id: 'o', name: 'N' }];
    const patient = { resourceType: 'Patient', contained, managingOrganization: { reference: '#o' } };
    expect(selectElements(patient, ['managingOrganization'])).toMatchObject({ contained });
    expect(selectElements(patient, ['name'])).not.toHaveProperty('contained');
  });

  it('tags a resource once', () => {
    const twice = selectElements(selectElements(observation, ['status']), ['status']);
    const meta = twice['meta'];
    expect(isJsonObject(meta) && meta['tag']).toEqual([SUBSETTED]);
  });

  it('leaves every random resource valid', () => {
    for (const type of RESOURCE_TYPES) {
      const some = [...typeDef(type)!.elements.keys()].filter((_, index) => index % 3 === 0);
      const faults = validateResource(selectElements(randomResource(type, 22), some));
      expect(faults.filter((it) => it.code !== 'invariant')).toEqual([]);
    }
  });
});

describe('a searchset as text', () => {
  const issues = [{ severity: 'warning', code: 'incomplete', diagnostics: 'a "part"' }] as const;
  const shapes: readonly Partial<SearchQuery>[] = [
    {},
    { summary: 'true' },
    { summary: 'count' },
    { elements: ['status'] },
    { ignored: issues },
    { page: 'TOKEN' },
  ];
  const asWritten = (parse: (text: string) => Resource = JSON.parse): SearchSet => {
    const { matches, ...rest } = set;
    const texts = matches.map((it) => new Written(it.resourceType, String(it.id), JSON.stringify(it), parse));
    return setOfWritten(texts, rest);
  };

  it.each(shapes)('is the Bundle, byte for byte: %j', (shape) => {
    const asked = { ...query, ...shape };
    const sets = [
      set,
      { ...set, matches: [], included: [] },
      { ...set, issues },
      { matches: [], included: [], issues: [] },
    ];
    for (const one of sets) {
      expect(searchsetText(one, asked, BASE)).toBe(JSON.stringify(searchsetBundle(one, asked, BASE)));
    }
    expect(searchsetText(asWritten(), asked, BASE)).toBe(JSON.stringify(searchsetBundle(set, asked, BASE)));
  });

  it('is written without looking inside what is at hand as text', () => {
    const closed = asWritten(() => {
      throw new Error('somebody looked inside');
    });
    expect(searchsetText(closed, query, BASE)).toBe(JSON.stringify(searchsetBundle(set, query, BASE)));
  });

  it('says what a set has become, not what it was made of', () => {
    const one = asWritten();
    const without = { ...one, matches: one.matches.filter(({ id }) => id !== 'o1') };
    expect(searchsetText(without, query, BASE)).not.toContain('Observation/o1');
    const narrowed = { ...one, matches: one.matches.map(({ note: _note, ...rest }): Resource => rest) };
    expect(searchsetText(narrowed, query, BASE)).not.toContain('haemolysed');
    const kept = { ...one, matches: [...one.matches] };
    expect(searchsetText(kept, query, BASE)).toBe(JSON.stringify(searchsetBundle(set, query, BASE)));
  });
});
