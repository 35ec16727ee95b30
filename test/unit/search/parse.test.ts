import { describe, expect, test } from 'vitest';
import { FicusError, type ErrorCode } from '../../../src/errors.ts';
import type { SearchRules } from '../../../src/search/rules.ts';
import { BASE, everything, query } from './support.ts';

/** A small API, as a contract would promise it. */
const API: Record<string, Record<string, readonly string[]>> = {
  Patient: {
    _id: [],
    _lastUpdated: [],
    identifier: ['missing'],
    family: ['exact'],
    birthdate: [],
    organization: [],
  },
  Observation: {
    subject: ['missing'],
    patient: ['identifier'],
    code: ['not'],
    'value-quantity': [],
    encounter: [],
  },
  Encounter: { patient: [], identifier: [] },
};
const rules: SearchRules = {
  serves: (type) => type in API,
  parameter: (type, name) => {
    const modifiers = API[type]?.[name];
    return modifiers && { modifiers };
  },
  include: (type, parameter) => type === 'Observation' && ['patient', 'subject'].includes(parameter),
};

function refused(
  type: string,
  text: string,
  handling: 'strict' | 'lenient' = 'lenient',
): [ErrorCode, string | undefined] {
  try {
    query(type, text, { rules, handling });
  } catch (error) {
    if (!(error instanceof FicusError)) throw error;
    // The value a client sent may be a patient's: it is never repeated.
    expect(JSON.stringify([error.message, error.issues])).not.toContain('Secret');
    return [error.code, error.issues[0]?.expression?.[0]];
  }
  throw new Error('it was not refused');
}

describe('filters', () => {
  test('values are OR-ed, repeated parameters AND-ed, escapes undone', () => {
    const { filters } = query('Patient', 'family=a\\,b,c&family=d&identifier=urn:x|1\\|2', { rules });
    expect(filters).toEqual([
      { name: 'family', type: 'string', values: [{ text: 'a,b' }, { text: 'c' }] },
      { name: 'family', type: 'string', values: [{ text: 'd' }] },
      { name: 'identifier', type: 'token', values: [{ text: 'urn:x|1\\|2', system: 'urn:x', code: '1|2' }] },
    ]);
  });

  test('a prefix is taken off dates and quantities, and from nothing else', () => {
    const { filters } = query('Patient', 'birthdate=ge1980-03&family=gerard', { rules });
    expect(filters.map(({ values }) => values)).toEqual([
      [{ prefix: 'ge', text: '1980-03' }],
      [{ text: 'gerard' }],
    ]);
    expect(
      query('Observation', 'value-quantity=lt5.40|http://unitsofmeasure.org|mg', { rules }).filters[0]
        ?.values,
    ).toEqual([
      {
        prefix: 'lt',
        text: '5.40|http://unitsofmeasure.org|mg',
        system: 'http://unitsofmeasure.org',
        code: 'mg',
      },
    ]);
  });

  test.each([
    ['subject=Patient/1', { text: 'Patient/1', refType: 'Patient', refId: '1' }],
    ['subject:Patient=1', { text: '1', refType: 'Patient', refId: '1' }],
    // It may be of a type that is not served here: it is not guessed.
    ['subject=1', { text: '1', refId: '1' }],
    ['patient=1', { text: '1', refType: 'Patient', refId: '1' }],
    ['encounter=e', { text: 'e', refType: 'Encounter', refId: 'e' }],
    [`subject=${BASE}/Patient/1`, { text: 'Patient/1', refType: 'Patient', refId: '1' }],
    ['subject=http://other/fhir/Patient/1', { text: 'http://other/fhir/Patient/1' }],
    ['patient:identifier=urn:x|1', { text: 'urn:x|1', system: 'urn:x', code: '1' }],
  ])('%s', (text, value) => {
    expect(query('Observation', text, { rules }).filters[0]?.values).toEqual([value]);
  });

  test.each([
    ['Patient', 'birthdate=Secret', 'parameter-invalid', 'birthdate'],
    ['Patient', 'birthdate=1980-01-01,Secret', 'parameter-invalid', 'birthdate'],
    ['Patient', 'identifier=a|Secret|c', 'parameter-invalid', 'identifier'],
    ['Patient', 'family=Secret\\x', 'parameter-invalid', 'family'],
    ['Observation', 'value-quantity=Secret', 'parameter-invalid', 'value-quantity'],
    ['Observation', 'subject=Practitioner/Secret', 'parameter-invalid', 'subject'],
    ['Patient', 'family:contains=Secret', 'search-unsupported', 'family:contains'],
    ['Patient', 'birthdate:exact=Secret', 'search-unsupported', 'birthdate:exact'],
    ['Observation', 'code:below=Secret', 'search-unsupported', 'code:below'],
    ['Observation', 'subject:Practitioner=Secret', 'search-unsupported', 'subject:Practitioner'],
  ] as const)('%s?%s is refused as %s in either handling', (type, text, code, expression) => {
    expect(refused(type, text, 'lenient')).toEqual([code, expression]);
    expect(refused(type, text, 'strict')).toEqual([code, expression]);
  });

  test('more values than anybody needs are too costly', () => {
    const ids = Array.from({ length: 201 }, (_, index) => `p${index}`).join(',');
    expect(refused('Patient', `_id=${ids}`)[0]).toBe('too-costly');
  });
});

describe('unknown parameters', () => {
  test('are an error in strict handling, all at once', () => {
    try {
      query('Patient', 'family=a&nickname=b&given=c', { rules, handling: 'strict' });
      expect.unreachable();
    } catch (error) {
      expect((error as FicusError).code).toBe('parameter-unknown');
      expect((error as FicusError).issues.map(({ expression }) => expression)).toEqual([
        ['nickname'],
        ['given'],
      ]);
    }
  });

  test('are left out of the self link and named in lenient handling', () => {
    const { filters, applied, ignored } = query('Patient', 'family=a&nickname=b&_count=500&family=', {
      rules,
      handling: 'lenient',
    });
    expect(filters.map(({ name }) => name)).toEqual(['family']);
    expect(applied).toEqual([
      ['family', 'a'],
      ['_count', '100'],
    ]);
    expect(ignored.map(({ severity, expression }) => [severity, expression])).toEqual([
      ['warning', ['nickname']],
      ['warning', ['family']],
    ]);
  });

  test('_format and _pretty are not part of the search', () => {
    expect(query('Patient', '_format=json&_pretty=true', { rules })).toMatchObject({
      filters: [],
      applied: [],
      ignored: [],
    });
  });

  test('an empty value is an error in strict handling', () => {
    expect(refused('Patient', 'family=', 'strict')).toEqual(['parameter-invalid', 'family']);
  });
});

describe('chains', () => {
  const onlyOfPatients: SearchRules = {
    ...everything,
    parameter: (type, name) =>
      name === 'birthdate' && type !== 'Patient' ? undefined : everything.parameter(type, name),
  };

  test.each([
    ['patient.identifier=urn:x|1', 'Patient', 'identifier'],
    ['subject.family=a', 'Patient', 'family'],
    ['subject:Patient.birthdate=ge1980', 'Patient', 'birthdate'],
    ['encounter.identifier=1', 'Encounter', 'identifier'],
  ])('%s', (text, targetType, name) => {
    const { filters, applied } = query('Observation', text, { rules });
    expect(filters[0]?.chain).toMatchObject({ targetType, filter: { name } });
    expect(filters[0]?.values).toEqual(filters[0]?.chain?.filter.values);
    expect(applied[0]?.[0]).toBe(text.split('=')[0]);
  });

  test('of one type that is named, whatever the others have', () => {
    const { filters } = query('Observation', 'performer:Patient.birthdate=1980', { rules: onlyOfPatients });
    expect(filters[0]?.chain?.targetType).toBe('Patient');
  });

  test('chains of chains', () => {
    const { filters } = query('Observation', 'encounter.patient.family:exact=Ng', { rules });
    expect(filters[0]?.chain?.filter.chain).toMatchObject({
      targetType: 'Patient',
      filter: { name: 'family', modifier: 'exact' },
    });
  });

  test.each([
    ['patient.nickname=a', rules],
    ['code.text=a', rules],
    ['patient:identifier.family=a', rules],
    ['subject:Group.identifier=a', rules],
    ['patient.=a', rules],
    ['subject.identifier=a', everything],
    // Both have a birth date; only that of patients is promised.
    ['performer.birthdate=1980', onlyOfPatients],
  ])('%s is refused', (text, promised) => {
    expect(() => query('Observation', text, { rules: promised, handling: 'lenient' })).toThrow(
      expect.objectContaining({ code: 'search-unsupported' }),
    );
  });
});

describe('parameters that shape the answer', () => {
  test('are read', () => {
    const text =
      '_sort=code,-value-quantity&_count=5&_total=accurate&_summary=data&_elements=code,valueQuantity&_include=Observation:subject:Patient';
    expect(query('Observation', text, { rules })).toMatchObject({
      sort: [
        { name: 'code', descending: false },
        { name: 'value-quantity', descending: true },
      ],
      count: 5,
      total: 'accurate',
      summary: 'data',
      elements: ['code', 'valueQuantity'],
      include: [{ source: 'Observation', param: 'subject', target: 'Patient' }],
    });
  });

  test('a page token is no part of the self link', () => {
    expect(query('Patient', 'family=a&_page=xyz', { rules })).toMatchObject({
      page: 'xyz',
      applied: [['family', 'a']],
    });
  });

  test('where a modern service goes on is passed on as it came', () => {
    const text = 'code=x&_offset=20';
    expect(query('Observation', text, { rules })).toMatchObject({
      page: '20',
      applied: [
        ['code', 'x'],
        ['_offset', '20'],
      ],
    });
  });

  test.each([
    ['_count=-1', 'parameter-invalid'],
    ['_count=ten', 'parameter-invalid'],
    ['_count=1&_count=2', 'parameter-invalid'],
    ['_total=exactly', 'parameter-invalid'],
    ['_summary=yes', 'parameter-invalid'],
    ['_elements=nonsense', 'parameter-invalid'],
    ['_sort=nickname', 'parameter-invalid'],
    ['_sort=date', 'parameter-invalid'],
    ['_sort=subject', 'search-unsupported'],
    ['_sort:asc=code', 'search-unsupported'],
    ['_include=*', 'search-unsupported'],
    ['_include=Observation:*', 'search-unsupported'],
    ['_include=Observation', 'parameter-invalid'],
    ['_include=Patient:organization', 'parameter-invalid'],
    ['_include=Observation:encounter', 'search-unsupported'],
    ['_include=Observation:code', 'search-unsupported'],
    ['_include=Observation:subject:Practitioner', 'parameter-invalid'],
    ['_include:iterate=Observation:subject', 'search-unsupported'],
    ['_include=Observation:subject&_summary=text', 'parameter-invalid'],
    ['_revinclude=Observation:subject', 'search-unsupported'],
    ['_query=current', 'search-unsupported'],
    ['_contained=true', 'search-unsupported'],
  ] as const)('%s is refused in either handling', (text, code) => {
    expect(refused('Observation', text, 'lenient')[0]).toBe(code);
    expect(refused('Observation', text, 'strict')[0]).toBe(code);
  });
});
