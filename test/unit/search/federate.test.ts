import { describe, expect, test } from 'vitest';
import { FicusError } from '../../../src/errors.ts';
import { parseJson, stringifyJson } from '../../../src/fhir/json.ts';
import type { SearchQuery } from '../../../src/fhir/search-query.ts';
import type { Resource } from '../../../src/fhir/types.ts';
import type { Backend } from '../../../src/ports.ts';
import { federate } from '../../../src/search/federate.ts';
import { ask, hospital, observation, patient, piped, set } from './hospital.ts';
import { context, query, sealer } from './support.ts';

describe('_include', () => {
  const matches = [
    observation('o1', 'Patient/a'),
    observation('o2', 'https://ficus.example/fhir/r4/Patient/a'),
    observation('o3', 'Patient/b'),
  ];
  const asked = query('Observation', 'code=x&_include=Observation:subject');

  test('reads every target once', async () => {
    const next = hospital({
      'Observation?code=x': set(matches, { total: 3 }),
      'Patient/a': patient('a'),
      'Patient/b': patient('b'),
    });
    const { set: answered } = await ask(next, asked);
    expect(answered).toEqual(set(matches, { total: 3, included: [patient('a'), patient('b')] }));
    expect(next.calls).toEqual(['Observation?code=x', 'Patient/a', 'Patient/b']);
  });

  test('heeds the target type, and does not repeat a match', async () => {
    const related = {
      ...observation('o1', 'Group/g'),
      hasMember: [{ reference: 'Observation/o2' }, { reference: 'Observation/o9' }],
    };
    const next = hospital({
      'Observation?code=x': set([related, observation('o2', 'Patient/a')]),
      'Patient/a': patient('a'),
      'Observation/o9': observation('o9', 'Patient/a'),
    });
    const { set: answered } = await ask(
      next,
      query('Observation', 'code=x&_include=Observation:subject:Patient&_include=Observation:has-member'),
    );
    expect(answered.included.map(({ id }) => id)).toEqual(['a', 'o9']);
  });

  test('says what is not served here, lies elsewhere or is not there, and the total stays', async () => {
    const others = [
      observation('o1', 'Group/g'),
      observation('o2', 'http://other.example/fhir/Patient/x'),
      observation('o3', 'Patient/none'),
    ];
    const next = hospital({ 'Observation?code=x': set(others, { total: 3 }) });
    const { set: answered } = await ask(next, asked);
    expect(answered.issues.map(({ severity, code }) => `${severity} ${code}`)).toEqual([
      'information not-supported',
      'information not-supported',
      'warning not-found',
    ]);
    expect(answered.total).toBe(3);
  });

  test('that cannot be had makes the set incomplete, without a total', async () => {
    const next = hospital({
      'Observation?code=x': set(matches, { total: 3 }),
      'Patient/a': patient('a'),
      'Patient/b': new FicusError('timeout', 'It is slow.'),
    });
    const { set: answered } = await ask(next, asked);
    expect(answered.included).toEqual([patient('a')]);
    expect(answered.issues).toMatchObject([{ severity: 'warning', code: 'incomplete' }]);
    expect(answered).not.toHaveProperty('total');
  });

  test('that cannot be had fails a search that must not be answered in part', async () => {
    const down = new FicusError('unavailable', 'It is down.');
    const allergy: Resource = {
      resourceType: 'AllergyIntolerance',
      id: 'x',
      patient: { reference: 'Patient/a' },
    };
    const next = hospital({ 'AllergyIntolerance?patient=1': set([allergy]), 'Patient/a': down });
    const incomplete = { code: 'incomplete', status: 503 };
    await expect(
      ask(next, query('AllergyIntolerance', 'patient=1&_include=AllergyIntolerance:patient')),
    ).rejects.toMatchObject(incomplete);
    const other = hospital({ 'Observation?code=x': set(matches), 'Patient/a': down, 'Patient/b': down });
    await expect(ask(other, asked, { failClosed: new Set(['Patient']) })).rejects.toMatchObject(incomplete);
  });

  test('a source that answers in part fails such a search, too', async () => {
    const part = set([], { issues: [{ severity: 'warning', code: 'incomplete' }] });
    const next = hospital({ 'AllergyIntolerance?patient=1': part, 'Observation?code=x': part });
    await expect(ask(next, query('AllergyIntolerance', 'patient=1'))).rejects.toMatchObject({ status: 503 });
    expect((await ask(next, query('Observation', 'code=x'))).set.issues).toMatchObject([
      { code: 'incomplete' },
    ]);
  });

  test('has a limit, and says when it is reached', async () => {
    const next = hospital({
      'Observation?code=x': set(matches, { total: 3 }),
      'Patient/a': patient('a'),
      'Patient/b': patient('b'),
    });
    const { set: answered } = await ask(next, asked, { maxIncluded: 1 });
    expect(answered.included).toHaveLength(1);
    expect(answered.issues).toMatchObject([{ code: 'incomplete' }]);
  });
});

describe('the answer of a modern service', () => {
  const bundle = stringifyJson({
    resourceType: 'Bundle',
    type: 'searchset',
    total: 7,
    link: [{ relation: 'next', url: 'https://ficus.example/fhir/r4/Observation?code=x&_offset=2' }],
    entry: [
      {
        resource: { ...observation('o1', 'Patient/a'), valueQuantity: parseJson('{"value":1.50}') },
        search: { mode: 'match' },
      },
      {
        resource: {
          resourceType: 'OperationOutcome',
          issue: [{ severity: 'warning', code: 'processing', diagnostics: 'Old.' }],
        },
        search: { mode: 'outcome' },
      },
    ],
  });

  test('is not touched when nothing is added to it', async () => {
    const answer = piped(bundle);
    const layer = federate({ pages: sealer(), serves: () => true, failClosed: new Set() })(
      hospital({ 'Observation?code=x': answer }),
    );
    const request = {
      interaction: 'search',
      type: 'Observation',
      query: query('Observation', 'code=x'),
      handling: 'lenient',
    } as const;
    expect(await layer.handle(request, context())).toBe(answer);
  });

  test('is taken apart for an inclusion, every digit kept, and goes on by a token of ours', async () => {
    const next = hospital({
      'Observation?code=x': piped(bundle),
      'Patient/a': piped('{"resourceType":"Patient","id":"a"}'),
    });
    const { set: answered, response } = await ask(
      next,
      query('Observation', 'code=x&_include=Observation:subject'),
    );
    expect(stringifyJson(answered.matches[0]!)).toContain('"value":1.50');
    expect(answered).toMatchObject({ total: 7, included: [{ id: 'a' }], issues: [{ diagnostics: 'Old.' }] });
    expect(response.headers).toEqual({});
    expect(response.servedBy).toBe('modern:labs');

    let sent: SearchQuery['applied'] = [];
    let page: string | undefined;
    const again: Backend = {
      async handle(request) {
        sent = request.query?.applied ?? sent;
        page = request.query?.page;
        return piped('{"resourceType":"Bundle","type":"searchset"}');
      },
    };
    await ask(again, query('Observation', `code=x&_include=Observation:subject&_page=${answered.next}`));
    expect(sent).toEqual([
      ['code', 'x'],
      ['_offset', '2'],
    ]);
    // What it goes on by is among what is sent: the page is that service's own.
    expect(page).toBe('2');
  });

  test('goes on by a token of its own, whatever that begins with', async () => {
    const asked = query('Observation', 'code=x&_include=Observation:subject&_cursor=u.own');
    let sent: SearchQuery | undefined;
    const next: Backend = {
      async handle(request) {
        sent = request.query;
        return piped('{"resourceType":"Bundle","type":"searchset"}');
      },
    };
    await ask(next, asked);
    expect(sent).toMatchObject({
      page: 'u.own',
      applied: [
        ['code', 'x'],
        ['_cursor', 'u.own'],
      ],
    });
  });

  test('with a next link that asks for nothing is not followed to everything there is', async () => {
    const link = [{ relation: 'next', url: 'https://ficus.example/fhir/r4/pages/2' }];
    const asked = 'code=x&_include=Observation:subject';
    const next = hospital({
      'Observation?code=x': piped(stringifyJson({ resourceType: 'Bundle', type: 'searchset', link })),
    });
    const { set: first } = await ask(next, query('Observation', asked));
    await expect(ask(next, query('Observation', `${asked}&_page=${first.next}`))).rejects.toMatchObject({
      code: 'legacy-malformed',
    });
    expect(next.calls).toHaveLength(1);
  });

  test('is taken apart when a parameter was ignored', async () => {
    const asked = query('Observation', 'code=x&nickname=y', { handling: 'lenient' });
    expect((await ask(hospital({ 'Observation?code=x': piped(bundle) }), asked)).set.matches).toHaveLength(1);
  });

  test('is refused for a page token of the system that answered before', async () => {
    const answer = piped(bundle);
    const asked = query('Observation', 'code=x&_page=aLegacyToken');
    const next: Backend = { handle: () => Promise.resolve(answer) };
    await expect(ask(next, asked)).rejects.toMatchObject({ code: 'page-expired' });
    expect(answer.discarded()).toBe(true);
  });

  test.each([
    ['{"resourceType":"Patient"}', 'legacy-malformed'],
    ['<html>', 'legacy-malformed'],
    [`{"resourceType":"Bundle","x":"${'x'.repeat(2000)}"}`, 'too-costly'],
  ])('that is no Bundle, or too large, is an error', async (text, code) => {
    const asked = query('Observation', 'code=x&_include=Observation:subject');
    await expect(
      ask(hospital({ 'Observation?code=x': piped(text) }), asked, { maxBytes: 1000 }),
    ).rejects.toMatchObject({ code });
  });

  test('that is a failure stays as it is', async () => {
    const failure = piped('{"resourceType":"OperationOutcome"}', 503);
    const layer = federate({ pages: sealer(), serves: () => true, failClosed: new Set() })({
      handle: () => Promise.resolve(failure),
    });
    const asked = query('Observation', 'code=x&_include=Observation:subject');
    expect(
      await layer.handle(
        { interaction: 'search', type: 'Observation', query: asked, handling: 'lenient' },
        context(),
      ),
    ).toBe(failure);
  });

  test('that fails a chain fails the search', async () => {
    const failure = piped('{"resourceType":"OperationOutcome"}', 500);
    const next = hospital({ 'Patient?family=ng': failure });
    await expect(ask(next, query('Observation', 'patient.family=ng'))).rejects.toMatchObject({
      code: 'legacy-exception',
    });
    expect(failure.discarded()).toBe(true);
  });
});

test('everything but a search passes', async () => {
  const next = hospital({ 'Patient/a': patient('a') });
  const layer = federate({ pages: sealer(), serves: () => true, failClosed: new Set() })(next);
  expect(
    await layer.handle({ interaction: 'read', type: 'Patient', id: 'a', handling: 'lenient' }, context()),
  ).toMatchObject({ status: 200 });
});
