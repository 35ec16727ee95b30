import { describe, expect, test } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import type { SearchSet } from '../../../src/fhir/search-query.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import type { Backend, RequestContext } from '../../../src/ports.ts';
import { parseEverything } from '../../../src/search/everything-parse.ts';
import { hospital, observation, patient, piped, set } from './hospital.ts';
import { BASE, splitPair } from './support.ts';
import { UNSEARCHED, allergy, names, record, allPages, WARD } from './everything-support.ts';

describe('the record of one patient', () => {
  test('is the Patient, then each type of the compartment by each parameter that says whose it is', async () => {
    const next = hospital({
      ...WARD,
      'AllergyIntolerance?patient=Patient/a': set([allergy('x')]),
      'Observation?patient=Patient/a': set([observation('o1', 'Patient/a')]),
    });
    const { matches, issues, set: answered } = await record(next);
    expect(next.calls).toEqual([
      'Patient/a',
      'AllergyIntolerance?patient=Patient/a',
      'Observation?patient=Patient/a',
      'Observation?performer=Patient/a',
    ]);
    expect(matches).toEqual(['Patient/a', 'AllergyIntolerance/x', 'Observation/o1']);
    expect(issues).toEqual([UNSEARCHED]);
    expect(answered).not.toHaveProperty('total');
    expect(answered).not.toHaveProperty('next');
  });

  test('has nothing twice that two parameters find', async () => {
    const both = { ...observation('o1', 'Patient/a'), performer: [{ reference: `${BASE}/Patient/a` }] };
    const only = { ...observation('o2', 'Patient/b'), performer: [{ reference: 'Patient/a' }] };
    const next = hospital({
      ...WARD,
      'Observation?patient=Patient/a': set([both]),
      'Observation?performer=Patient/a': set([both, only]),
    });
    expect((await record(next)).matches).toEqual(['Patient/a', 'Observation/o1', 'Observation/o2']);
    const pages = await allPages(next, '_count=1');
    expect(pages.flatMap(({ matches }) => matches)).toEqual([
      'Patient/a',
      'Observation/o1',
      'Observation/o2',
    ]);
  });

  test('of one who was merged has nothing twice that is filed under the survivor', async () => {
    const link = [{ type: 'replaced-by', other: { reference: 'Patient/s' } }];
    const both = { ...observation('o1', 'Patient/s'), performer: [{ reference: 'Patient/s' }] };
    const next = hospital({
      ...WARD,
      'Patient/a': { ...patient('a'), active: false, link },
      'Observation?patient=Patient/a': set([both]),
      'Observation?performer=Patient/a': set([both]),
    });
    const pages = await allPages(next, '_count=1');
    expect(pages.flatMap(({ matches }) => matches)).toEqual(['Patient/a', 'Observation/o1']);
  });

  test('comes with what it refers to and is nobody’s, once', async () => {
    const by = (id: string, reference: string) => ({
      ...observation(id, 'Patient/a'),
      performer: [{ reference }],
    });
    const next = hospital({
      ...WARD,
      'Patient/a': { ...patient('a'), generalPractitioner: [{ reference: 'Practitioner/d' }] },
      'Observation?patient=Patient/a': set([
        by('o1', `${BASE}/Practitioner/d`),
        by('o2', 'Patient/b'),
        by('o3', 'https://other.example/Practitioner/z'),
        { ...by('o4', 'Practitioner/gone'), device: { reference: 'Medication/m' } },
      ]),
      'Practitioner/d': { resourceType: 'Practitioner', id: 'd' },
    });
    const { set: answered, issues } = await record(next);
    expect(names(answered.included)).toEqual(['Practitioner/d']);
    expect(next.calls.filter((it) => it.startsWith('P'))).toEqual([
      'Patient/a',
      'Practitioner/d',
      'Practitioner/gone',
    ]);
    expect(issues).toEqual([
      UNSEARCHED,
      'information not-supported: Medication resources are not served here; references to them were not followed.',
      'warning not-found: A Practitioner that was to be included is not there.',
    ]);
  });

  test('of nobody is not there, whatever else is', async () => {
    const there = hospital({ ...WARD, 'Patient/a': new FicusError('not-found', 'None.') });
    await expect(record(there)).rejects.toMatchObject({ code: 'not-found' });
    const gone = piped('{"resourceType":"OperationOutcome"}', 410);
    await expect(record(hospital({ ...WARD, 'Patient/a': gone }))).rejects.toMatchObject({
      code: 'not-found',
      message: 'There is no Patient with this id.',
    });
    expect(gone.discarded()).toBe(true);
  });

  test('without an id is that of the patient in context', async () => {
    const access = { patient: 'a' } as NonNullable<RequestContext['principal']['access']>;
    const principal = { key: 'app', access };
    expect((await record(hospital(WARD), '', { id: '', context: { principal } })).matches).toEqual([
      'Patient/a',
    ]);
    await expect(record(hospital(WARD), '', { id: '' })).rejects.toMatchObject({
      code: 'search-unsupported',
    });
  });

  test('has the types that are asked for, and nothing else', async () => {
    const next = hospital({
      ...WARD,
      'Patient/a': { ...patient('a'), generalPractitioner: [{ reference: 'Practitioner/d' }] },
      'Observation?patient=Patient/a': set([
        { ...observation('o1', 'Patient/a'), performer: [{ reference: 'Practitioner/d' }] },
      ]),
    });
    const { matches, issues, set: answered } = await record(next, '_type=Observation,Claim');
    expect(matches).toEqual(['Observation/o1']);
    expect(answered.included).toEqual([]);
    expect(issues).toEqual(['warning not-supported: No part of a record here: Claim.']);
    expect(next.calls.some((it) => it.startsWith('AllergyIntolerance'))).toBe(false);
    await expect(record(next, '_type=Observation,Claim', { handling: 'strict' })).rejects.toMatchObject({
      code: 'parameter-invalid',
    });
    // Who looked at a record is not a part of it.
    expect((await record(next, '_type=AuditEvent')).issues).toEqual([
      'warning not-supported: No part of a record here: AuditEvent.',
    ]);
  });
});

describe('start, end and _since', () => {
  test('are about the date of care where the type has one, and it is said of which', async () => {
    const next = hospital({
      ...WARD,
      'Observation?patient=Patient/a&date=ge2020&date=le2021-03': set([observation('o1', 'Patient/a')]),
      'Observation?performer=Patient/a&date=ge2020&date=le2021-03': set([]),
    });
    const { matches, issues } = await record(next, 'start=2020&end=2021-03');
    expect(matches).toEqual(['Patient/a', 'Observation/o1']);
    expect(issues[1]).toBe(
      'information informational: start and end leave out of Observation by date what has another date, or none. They leave out nothing of AllergyIntolerance.',
    );
  });

  test('leave out what is known not to have changed, and keep what is not known', async () => {
    const at = (id: string, lastUpdated?: string): Resource => ({
      ...observation(id, 'Patient/a'),
      meta: lastUpdated === undefined ? {} : { lastUpdated },
    });
    const next = hospital({
      ...WARD,
      'Patient/a': { ...patient('a'), meta: { lastUpdated: '2020-01-01T00:00:00Z' } },
      'Observation?patient=Patient/a': set([
        at('old', '2024-01-01T00:59:59+01:00'),
        at('new', '2024-01-01T01:00:00+01:00'),
        at('unknown'),
      ]),
    });
    const { matches, issues } = await record(next, '_since=2024-01-01T00:00:00Z');
    expect(matches).toEqual(['Observation/new', 'Observation/unknown']);
    expect(issues).toContain(
      'information informational: When Observation resources were last changed is not always known: those of which it is not are in this answer.',
    );
  });
});

describe('what cannot be had', () => {
  const down = new FicusError('unavailable', 'It is down.');

  test('is said by type, and the rest is there', async () => {
    const next = hospital({ ...WARD, 'Observation?patient=Patient/a': down });
    const { matches, issues } = await record(next);
    expect(matches).toEqual(['Patient/a']);
    expect(issues).toContain('warning incomplete: Some or all Observation resources could not be had (unavailable); this answer lacks them.'); // prettier-ignore
  });

  test('of a type that must not be missing fails the whole', async () => {
    const incomplete = { code: 'incomplete', status: 503 };
    const ask = (answer: FicusError | SearchSet) =>
      record(hospital({ ...WARD, 'AllergyIntolerance?patient=Patient/a': answer }));
    await expect(ask(down)).rejects.toMatchObject(incomplete);
    await expect(ask(new FicusError('too-costly', 'No.'))).rejects.toMatchObject(incomplete);
    await expect(ask(set([], { issues: [{ severity: 'warning', code: 'incomplete' }] }))).rejects.toMatchObject(incomplete); // prettier-ignore
    // Nobody asked for it, or nobody may have it.
    const other = hospital({ ...WARD, 'AllergyIntolerance?patient=Patient/a': down });
    expect((await record(other, '_type=Observation')).issues).toEqual([]);
    expect((await ask(new FicusError('forbidden', 'No.'))).issues).toContain(
      'information forbidden: No scope of this token allows to see AllergyIntolerance resources; none are in this answer.',
    );
    expect((await ask(new FicusError('not-implemented', 'No.'))).issues).toContain(
      'information not-supported: AllergyIntolerance resources are not served here; none are in this answer.',
    );
  });

  test('because nobody can search for it is said, too', async () => {
    const cannot = new FicusError('too-costly', 'No.');
    const ask = async (asked: string) => (await record(hospital({ ...WARD, [asked]: cannot }))).issues.at(-1);
    expect(await ask('Observation?patient=Patient/a')).toBe(
      'warning not-supported: Observation resources cannot be searched by patient where they are; this answer lacks them.',
    );
    expect(await ask('Observation?performer=Patient/a')).toBe(
      'information not-supported: Observation resources that name the patient only as performer cannot be searched where they are; this answer may lack them.',
    );
  });

  test('for a page that has expired fails: it would lack what follows', async () => {
    const expired = new FicusError('page-expired', 'Too late.');
    const next = hospital({ ...WARD, 'Observation?patient=Patient/a': expired });
    await expect(record(next)).rejects.toMatchObject({ code: 'page-expired' });
  });

  test('when all time is gone is no answer', async () => {
    const leaving = new AbortController();
    const next: Backend = {
      handle: async (request, whose) => {
        if (request.interaction !== 'search') return hospital(WARD).handle(request, whose);
        leaving.abort();
        throw new FicusError('timeout', 'Too late.');
      },
    };
    const late = record(next, '_type=Observation', { context: { signal: leaving.signal } });
    await expect(late).rejects.toMatchObject({ code: 'timeout' });
  });
});

describe('the parameters of $everything', () => {
  const read = (text: string, handling: 'strict' | 'lenient' = 'strict', maxCount = 50) =>
    parseEverything('a', text === '' ? [] : text.split('&').map(splitPair), { handling, maxCount });

  test('are those of the standard', () => {
    const text =
      'start=2020&end=2021-02-03&_since=2024-01-01T00:00:00.5+01:00&_type=Patient,Observation&_type=Condition&_count=70';
    const { query, everything: wanted } = read(text);
    expect(wanted).toEqual({
      start: '2020',
      end: '2021-02-03',
      since: '2024-01-01T00:00:00.5+01:00',
      types: ['Condition', 'Observation', 'Patient'],
    });
    expect(query).toMatchObject({ address: 'Patient/a/$everything', count: 50 });
    expect(query.applied.at(-1)).toEqual(['_count', '50']);
    expect(read('').query.count).toBe(50);
  });

  test.each([
    'start=today',
    'start=2020-13',
    'end=2020-01-01T00:00:00Z',
    '_since=2024-01-01',
    '_since=2024-01-01T00:00:00',
    '_type=Nonsense',
    '_type=Observation,',
    '_count=0',
    '_count=many',
    'start=2020&start=2021',
  ])('%s is refused however lenient', (text) => {
    expect(() => read(text, 'lenient')).toThrow(FicusError);
  });

  test('that are not of it are refused strictly, and else left out and named', () => {
    expect(() => read('code=x')).toThrow(FicusError);
    expect(() => read('start=')).toThrow(FicusError);
    const { query } = read('code=x&start=', 'lenient');
    expect(query.applied).toEqual([]);
    expect(query.ignored.map(({ expression }) => expression)).toEqual([['code'], ['start']]);
    expect(() => read(Array.from({ length: 61 }, () => '_type=Patient').join('&'))).toThrow(FicusError);
  });
});
