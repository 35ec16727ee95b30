import { describe, expect, test } from 'vitest';
import { FicusError, type Issue } from '../../../src/errors.ts';
import type { SearchQuery } from '../../../src/fhir/search-query.ts';
import type { Backend } from '../../../src/ports.ts';
import { ask, hospital, observation, patient, piped, set } from './hospital.ts';
import { describeFilters, query } from './support.ts';

describe('a chained parameter', () => {
  const found = set([observation('o1', 'Patient/a')], { total: 1 });

  test('is resolved first, and asked for as references', async () => {
    const next = hospital({
      'Patient?identifier=urn:x|1': set([patient('b'), patient('a')], { total: 2 }),
      'Observation?patient=Patient/a,Patient/b&code=x': found,
    });
    const asked = query('Observation', 'patient.identifier=urn:x|1&code=x');
    expect((await ask(next, asked)).set).toEqual(found);
    expect(next.calls).toHaveLength(2);
  });

  test('is taken out of what a modern service is sent', async () => {
    let sent: SearchQuery['applied'] = [];
    const core = hospital({
      'Patient?family=ng': set([patient('a')]),
      'Observation?patient=Patient/a&code=x': found,
    });
    const next: Backend = {
      handle(request, asking) {
        sent = request.query?.applied ?? sent;
        return core.handle(request, asking);
      },
    };
    await ask(next, query('Observation', 'patient.family=ng&code=x&_count=7'));
    expect(sent).toEqual([
      ['code', 'x'],
      ['_count', '7'],
      ['patient', 'Patient/a'],
    ]);
  });

  test('that stands for nothing is an empty set; nobody else is asked', async () => {
    const next = hospital({ 'Patient?identifier=1': set([], { total: 0 }) });
    const { set: nothing, response } = await ask(next, query('Observation', 'patient.identifier=1&code=x'));
    expect(nothing).toEqual({ matches: [], included: [], issues: [], total: 0 });
    expect(response.servedBy).toBe('legacy:core');
    expect(next.calls).toEqual(['Patient?identifier=1']);
  });

  test('is followed over all its pages, and refused when it stands for too much', async () => {
    const next = hospital({
      'Patient?family=ng': set([patient('a')], { next: 't1' }),
      'Patient?family=ng&_page=t1': set([patient('b')]),
      'Observation?patient=Patient/a,Patient/b': found,
    });
    const asked = query('Observation', 'patient.family=ng');
    expect((await ask(next, asked)).set).toEqual(found);
    await expect(ask(next, asked, { maxChained: 1 })).rejects.toMatchObject({ code: 'too-costly' });
  });

  test('may be chained itself', async () => {
    const next = hospital({
      'Patient?family=ng': set([patient('a')]),
      'Encounter?patient=Patient/a': set([{ resourceType: 'Encounter', id: 'e' }]),
      'Observation?encounter=Encounter/e': found,
    });
    expect((await ask(next, query('Observation', 'encounter:Encounter.patient.family=ng'))).set).toEqual(
      found,
    );
  });

  test('that is known in part only makes the answer one without a total', async () => {
    const issue: Issue = { severity: 'warning', code: 'incomplete' };
    const next = hospital({
      'Patient?family=ng': set([patient('a')], { issues: [issue] }),
      'Observation?patient=Patient/a': found,
    });
    const { set: answered } = await ask(next, query('Observation', 'patient.family=ng'));
    expect(answered.issues).toEqual([issue]);
    expect(answered).not.toHaveProperty('total');
  });

  test('that is known in part only fails a search that must not be answered in part', async () => {
    const issue: Issue = { severity: 'warning', code: 'incomplete' };
    const next = hospital({ 'Patient?family=ng': set([patient('a')], { issues: [issue] }) });
    await expect(ask(next, query('AllergyIntolerance', 'patient.family=ng'))).rejects.toMatchObject({
      code: 'incomplete',
      status: 503,
    });
  });

  test('that cannot be resolved fails the search', async () => {
    const next = hospital({ 'Patient?family=ng': new FicusError('unavailable', 'It is down.') });
    await expect(ask(next, query('Observation', 'patient.family=ng'))).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  test('is resolved at a modern service, page by page', async () => {
    const bundle = (id: string, link: string) =>
      `{"resourceType":"Bundle","type":"searchset","link":[${link}],"entry":[{"resource":{"resourceType":"Patient","id":"${id}"}}]}`;
    const nextLink = '{"relation":"next","url":"https://ficus.example/fhir/r4/Patient?family=ng&_offset=1"}';
    const asked: (readonly (readonly [string, string])[])[] = [];
    const pages: (string | undefined)[] = [];
    const backend: Backend = {
      async handle(request) {
        if (request.type === 'Observation') {
          expect(describeFilters(request.query!.filters)).toBe('patient=Patient/a,Patient/b');
          return {
            status: 200,
            headers: {},
            body: { kind: 'searchset', set: found },
            servedBy: 'legacy:core',
          };
        }
        asked.push(request.query!.applied);
        pages.push(request.query!.page);
        return asked.length === 1 ? piped(bundle('a', nextLink)) : piped(bundle('b', ''));
      },
    };
    expect((await ask(backend, query('Observation', 'patient.family=ng'))).set).toEqual(found);
    expect(asked[1]).toEqual([
      ['family', 'ng'],
      ['_offset', '1'],
    ]);
    // The second page is asked for as one: nobody else may answer it.
    expect(pages).toEqual([undefined, '1']);
  });
});
