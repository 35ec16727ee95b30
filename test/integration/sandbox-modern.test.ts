import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createModernService, type ModernService } from '../../sandbox/modern/index.ts';

let service: ModernService;
beforeEach(async () => {
  service = await createModernService({ port: 0 });
  onTestFinished(() => service.close());
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function http(
  method: string,
  path: string,
  options: { body?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const response = await fetch(`${service.base}${path}`, {
    method,
    headers: {
      ...(options.body === undefined ? {} : { 'content-type': 'application/fhir+json' }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: options.body }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

function observation(more: Record<string, unknown> = {}): string {
  return JSON.stringify({ resourceType: 'Observation', status: 'final', code: { text: 'x' }, ...more });
}

const put = (
  id: string,
  more: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<Answer> => http('PUT', `/Observation/${id}`, { body: observation({ id, ...more }), headers });

interface Bundle {
  readonly total: number;
  readonly link: readonly { readonly relation: string; readonly url: string }[];
  readonly entry?: readonly {
    readonly fullUrl: string;
    readonly resource: Record<string, unknown>;
    readonly search: { readonly mode: string };
  }[];
}

async function search(query: string): Promise<Bundle> {
  const { status, text } = await http('GET', `/Observation?${query}`);
  expect(status, text).toBe(200);
  return JSON.parse(text) as Bundle;
}

const ids = (bundle: Bundle): unknown[] =>
  (bundle.entry ?? []).filter((entry) => entry.search.mode === 'match').map((entry) => entry.resource['id']);
const link = (bundle: Bundle, relation: string): string | undefined =>
  bundle.link.find((each) => each.relation === relation)?.url;

describe('writing and reading', () => {
  it('keeps the digits of decimals, also where a number would lose them', async () => {
    const value = '{"value":1.50,"system":"http://unitsofmeasure.org"}';
    const body = `{"resourceType":"Observation","id":"d1","status":"final","code":{"text":"x"},"valueQuantity":${value},"component":[{"code":{"text":"y"},"valueQuantity":{"value":123456789012345678.90}}]}`;
    await http('PUT', '/Observation/d1', { body });
    for (const path of [
      '/Observation/d1',
      '/Observation',
      '/Observation?_elements=valueQuantity,component',
    ]) {
      const { text } = await http('GET', path);
      expect(text).toContain(`"valueQuantity":${value}`);
      expect(text).toContain('123456789012345678.90');
    }
  });

  it('creates under ids of its own and upserts under ids that are given', async () => {
    const created = await http('POST', '/Observation', { body: observation({ id: 'mine' }) });
    expect(created.status).toBe(201);
    const location = created.headers.get('location') ?? '';
    expect(location).toMatch(new RegExp(`^${service.base}/Observation/[^/]+/_history/1$`));
    expect(location).not.toContain('/mine/');
    expect((await put('given')).status).toBe(201);
    const second = await put('given', { status: 'amended' });
    expect([second.status, second.headers.get('etag')]).toEqual([200, 'W/"2"']);
    expect(JSON.parse((await http('GET', '/Observation/given/_history/1')).text)).toMatchObject({
      status: 'final',
      meta: { versionId: '1' },
    });
    expect(JSON.parse((await http('GET', '/Observation/given')).text)).toMatchObject({
      status: 'amended',
      meta: { versionId: '2' },
    });
  });

  it('answers 304 to a version that is known', async () => {
    await put('v');
    const read = await http('GET', '/Observation/v');
    const same = await http('GET', '/Observation/v', {
      headers: { 'if-none-match': read.headers.get('etag') ?? '' },
    });
    expect([same.status, same.text]).toEqual([304, '']);
    expect((await http('GET', '/Observation/v', { headers: { 'if-none-match': 'W/"9"' } })).status).toBe(200);
    const since = read.headers.get('last-modified') ?? '';
    const both = { 'if-none-match': 'W/"9"', 'if-modified-since': since };
    expect((await http('GET', '/Observation/v', { headers: both })).status).toBe(200);
    expect((await http('GET', '/Observation/v', { headers: { 'if-modified-since': since } })).status).toBe(
      304,
    );
  });

  it.each([
    ['If-Match of an old version', 'there', { 'if-match': 'W/"7"' }, 412],
    ['If-Match of the current version', 'there', { 'if-match': 'W/"1"' }, 200],
    ['If-Match where nothing is', 'nothing', { 'if-match': 'W/"1"' }, 412],
    ['If-None-Match: * where something is', 'there', { 'if-none-match': '*' }, 412],
    ['If-None-Match: * where nothing is', 'nothing', { 'if-none-match': '*' }, 201],
  ])('update with %s', async (_what, id, headers, status) => {
    await put('there');
    expect((await put(id, {}, headers as Record<string, string>)).status).toBe(status);
  });

  it('creates and updates conditionally', async () => {
    const identifier = [{ system: 'urn:x', value: '1' }];
    const create = (): Promise<Answer> =>
      http('POST', '/Observation', {
        body: observation({ identifier }),
        headers: { 'if-none-exist': 'identifier=urn:x|1' },
      });
    const first = await create();
    const second = await create();
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.headers.get('location')).toBe(first.headers.get('location'));
    const updated = await http('PUT', '/Observation?identifier=urn:x|1', {
      body: observation({ identifier, status: 'amended' }),
    });
    expect([updated.status, updated.headers.get('etag')]).toEqual([200, 'W/"2"']);
    await put('second', { identifier });
    expect((await create()).status).toBe(412);
  });

  it('honours Prefer: return', async () => {
    expect((await put('p', {}, { prefer: 'return=minimal' })).text).toBe('');
    expect((await put('p', {}, { prefer: 'return=OperationOutcome' })).text).toContain('OperationOutcome');
  });

  it.each([
    ['GET', '/Observation/none', undefined, {}, 404],
    ['GET', '/Patient/1', undefined, {}, 404],
    ['DELETE', '/Observation/x', undefined, {}, 405],
    ['POST', '/Observation', '{', {}, 400],
    ['POST', '/Observation', '{"resourceType":"Patient"}', {}, 400],
    ['POST', '/Observation', '{"resourceType":"Observation","status":"done","code":{}}', {}, 422],
    ['POST', '/Observation', '{"resourceType":"Observation","status":"final"}', {}, 422],
    ['PUT', '/Observation/a', observation({ id: 'b' }), {}, 400],
    ['PUT', '/Observation/a_b', observation({ id: 'a_b' }), {}, 400],
    ['POST', '/Observation', observation(), { 'content-type': 'text/plain' }, 415],
    ['GET', '/Observation', undefined, { accept: 'application/fhir+xml' }, 406],
    ['GET', '/Observation?date=yesterday', undefined, {}, 400],
    ['GET', '/Observation?date=2026-02-30', undefined, {}, 400],
    ['GET', '/Observation?code:above=x', undefined, {}, 400],
    ['GET', '/Observation?_sort=colour', undefined, {}, 400],
    ['GET', '/Observation?colour=red', undefined, { prefer: 'handling=strict' }, 400],
  ])('%s %s is refused with an OperationOutcome', async (method, path, body, headers, status) => {
    const answer = await http(method, path, {
      ...(body === undefined ? {} : { body }),
      headers,
    });
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'error' }],
    });
  });
});

describe('searching', () => {
  const loinc = (code: string): object => ({ coding: [{ system: 'http://loinc.org', code }] });
  beforeEach(async () => {
    const quantity = (value: number, code: string): object => ({
      value,
      unit: code,
      system: 'http://unitsofmeasure.org',
      code,
    });
    const lab = [{ coding: [{ system: 'urn:cat', code: 'laboratory' }] }];
    await put('a', {
      subject: { reference: 'Patient/p1' },
      code: loinc('14749-6'),
      category: lab,
      effectiveDateTime: '2026-01-15',
      valueQuantity: quantity(5.4, 'mmol/L'),
      encounter: { reference: 'Encounter/e1' },
    });
    await put('b', {
      subject: { reference: 'Patient/p1' },
      code: loinc('2345-7'),
      category: lab,
      effectiveDateTime: '2026-02-01T10:00:00+01:00',
      status: 'amended',
      valueQuantity: quantity(98, 'mg/dL'),
    });
    await put('c', {
      subject: { reference: `${service.base}/Patient/p2` },
      code: loinc('85354-9'),
      effectivePeriod: { start: '2025-12-31', end: '2026-01-02' },
      component: [{ code: loinc('8480-6') }],
      performer: [{ identifier: { value: 'P1' } }],
    });
    await put('d', {
      subject: { reference: 'Group/p1' },
      code: { text: 'none' },
      performer: [{ reference: 'Practitioner/x' }],
    });
  });

  // A new case is a row.
  it.each([
    ['patient=p1', ['a', 'b']],
    ['patient=Patient/p1', ['a', 'b']],
    ['subject=p1', ['a', 'b', 'd']],
    ['subject=Group/p1', ['d']],
    ['subject:Group=p1', ['d']],
    ['patient=p2', ['c']],
    ['patient=p1,p2', ['a', 'b', 'c']],
    ['encounter=e1', ['a']],
    ['performer=Practitioner/x', ['d']],
    ['code=14749-6', ['a']],
    ['code=http://loinc.org|14749-6,2345-7', ['a', 'b']],
    ['code=http://other|14749-6', []],
    ['code=http://loinc.org|', ['a', 'b', 'c']],
    ['code=|14749-6', []],
    ['code=8480-6', []],
    ['combo-code=8480-6', ['c']],
    ['category=laboratory&status=amended', ['b']],
    ['status:not=final', ['b']],
    ['encounter:missing=false', ['a']],
    ['performer:missing=false', ['c', 'd']],
    ['date:missing=true', ['d']],
    ['date=2026-01', ['a']],
    ['date=ne2026-01', ['b', 'c']],
    ['date=ge2026-01-15', ['a', 'b']],
    ['date=gt2026-01-15', ['b']],
    ['date=le2026-01-01', ['c']],
    ['date=lt2026-01-15', ['c']],
    ['date=sa2026-01-02', ['a', 'b']],
    ['date=eb2026-01-15', ['c']],
    ['date=2026-02-01T09:00:00Z', ['b']],
    ['date=ge2026-01-01&date=lt2026-02-01', ['a', 'c']],
    ['value-quantity=5.4', ['a']],
    ['value-quantity=5', ['a']],
    ['value-quantity=5.40', ['a']],
    ['value-quantity=5.41', []],
    ['value-quantity=gt6', ['b']],
    ['value-quantity=lt6|http://unitsofmeasure.org|mg/dL', []],
    ['value-quantity=98||mg/dL', ['b']],
    ['_id=a,d', ['a', 'd']],
    ['_id=a&patient=p2', []],
    ['_lastUpdated=gt2020', ['a', 'b', 'c', 'd']],
    ['_sort=date', ['c', 'a', 'b', 'd']],
    ['_sort=-date', ['b', 'a', 'c', 'd']],
    ['_sort=status,-_id', ['b', 'd', 'c', 'a']],
    ['_total=accurate&_format=json', ['a', 'b', 'c', 'd']],
  ])('%s', async (query, expected) => {
    const bundle = await search(query.replaceAll('+', '%2B'));
    expect(ids(bundle)).toEqual(expected);
    expect(bundle.total).toBe(expected.length);
  });

  it('pages by next links under its own address, each entry once', async () => {
    const seen: unknown[] = [];
    let url: string | undefined = `${service.base}/Observation?_sort=_id&_count=3`;
    let pages = 0;
    while (url !== undefined) {
      const bundle: Bundle = (await (await fetch(url)).json()) as Bundle;
      seen.push(...ids(bundle));
      for (const entry of bundle.entry ?? [])
        expect(entry.fullUrl).toBe(`${service.base}/Observation/${String(entry.resource['id'])}`);
      url = link(bundle, 'next');
      if (url !== undefined) expect(url.startsWith(`${service.base}/Observation?`)).toBe(true);
      pages += 1;
    }
    expect([pages, seen]).toEqual([2, ['a', 'b', 'c', 'd']]);
  });

  it('says in self what was applied and in an outcome what was not', async () => {
    const bundle = await search('patient=p1&colour=red&_count=1');
    expect(link(bundle, 'self')).toBe(`${service.base}/Observation?patient=p1&_count=1`);
    const [outcome] = (bundle.entry ?? []).filter((entry) => entry.search.mode === 'outcome');
    expect(JSON.stringify(outcome)).toContain('colour');
  });

  it('searches by POST as by GET', async () => {
    const response = await fetch(`${service.base}/Observation/_search?status=final`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'patient=p1',
    });
    expect(ids((await response.json()) as Bundle)).toEqual(['a']);
  });

  it('cuts down to elements, summary or a count', async () => {
    const [entry] = (await search('_id=a&_elements=valueQuantity')).entry ?? [];
    expect(Object.keys(entry?.resource ?? {}).sort()).toEqual([
      'code',
      'id',
      'meta',
      'resourceType',
      'status',
      'valueQuantity',
    ]);
    expect(JSON.stringify(entry?.resource['meta'])).toContain('SUBSETTED');
    const counted = await search('patient=p1&_summary=count');
    expect([counted.total, counted.entry]).toEqual([2, undefined]);
    expect((await search('_count=0')).total).toBe(4);
  });
});

describe('the service', () => {
  it('states what it can do', async () => {
    const statement = JSON.parse((await http('GET', '/metadata')).text) as {
      fhirVersion: string;
      implementation: { url: string };
    };
    expect([statement.fhirVersion, statement.implementation.url]).toEqual(['4.0.1', service.base]);
  });

  it('refuses a body that is too large and lives on', async () => {
    const answer = await put('big', { note: [{ text: 'x'.repeat(20_000_000) }] });
    expect(answer.status).toBe(413);
    expect((await put('small')).status).toBe(201);
  });

  it('answers HEAD like GET, without the body', async () => {
    await put('h');
    const head = await http('HEAD', '/Observation/h');
    expect([head.status, head.text, head.headers.get('etag')]).toEqual([200, '', 'W/"1"']);
  });

  it('starts from a file when one is given, and goes back to it', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'sandbox-')), 'seed.json');
    writeFileSync(
      file,
      `{"resourceType":"Bundle","entry":[{"resource":${observation({ id: 'seeded' }).replace('"x"', '"x"},"valueQuantity":{"value":2.50')}}]}`,
    );
    const seeded = await createModernService({ port: 0, seedFile: file });
    expect(await (await fetch(`${seeded.base}/Observation/seeded`)).text()).toContain('"value":2.50');
    await fetch(`${seeded.base}/Observation`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: observation(),
    });
    await seeded.reset();
    expect(((await (await fetch(`${seeded.base}/Observation`)).json()) as Bundle).total).toBe(1);
    await seeded.close();
  });
});
