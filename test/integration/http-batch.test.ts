import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Writable } from 'node:stream';
import { FicusError } from '../../src/errors.ts';
import type { FhirRequest, FhirResponse } from '../../src/ports.ts';
import { answer, patient, startFhirServer } from '../unit/http/fhir-server.ts';
import type { Running } from '../unit/http/fhir-server.ts';

interface Entry {
  readonly resource?: unknown;
  readonly response: {
    readonly status: string;
    readonly location?: string;
    readonly etag?: string;
    readonly lastModified?: string;
    readonly outcome?: { readonly issue: { readonly code: string; readonly expression?: string[] }[] };
  };
}

let running: Running;
let seen: FhirRequest[] = [];
let atOnce = 0;
let most = 0;
let discarded = 0;

function piped(text: string, status = 200): FhirResponse {
  const pipe = async (sink: Writable): Promise<void> => {
    sink.end(text);
    await new Promise((resolve) => sink.on('close', resolve));
  };
  return {
    status,
    headers: { 'content-type': 'application/fhir+json', etag: 'W/"9"' },
    body: { kind: 'pipe', pipe, discard: () => void (discarded += 1) },
    servedBy: 'modern:labs',
  };
}

beforeAll(async () => {
  running = await startFhirServer(async (request) => {
    seen.push(request);
    atOnce += 1;
    most = Math.max(most, atOnce);
    await new Promise((resolve) => setTimeout(resolve, 5));
    atOnce -= 1;
    const meta = { versionId: '2', lastUpdated: '2026-03-01T10:00:00Z' };
    if (request.id === 'missing') throw new FicusError('not-found', 'There is no such Patient');
    if (request.id === 'broken') throw new TypeError('Jane Roe');
    if (request.type === 'Observation')
      return piped('{"resourceType":"Observation","id":"o1","valueQuantity":{"value":1.50}}');
    if (request.interaction === 'search') {
      const set = { matches: [patient('p1')], included: [], issues: [] };
      return { status: 200, headers: {}, body: { kind: 'searchset', set }, servedBy: 'legacy:core' };
    }
    if (request.interaction === 'create') {
      if (!('name' in (request.resource ?? {}))) {
        throw new FicusError('invalid', 'bad', { expression: ['Patient.name'] });
      }
      return answer(patient('new', { meta }), 201);
    }
    return answer(patient(request.id ?? '', { meta }));
  });
});
beforeEach(() => {
  seen = [];
  most = 0;
  discarded = 0;
});
afterAll(() => running.server.close(0));

async function post(
  bundle: object,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string; entry: Entry[] }> {
  const response = await fetch(running.base, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json', ...headers },
    body: JSON.stringify({ resourceType: 'Bundle', ...bundle }),
  });
  const text = await response.text();
  return { status: response.status, text, entry: (JSON.parse(text) as { entry?: Entry[] }).entry ?? [] };
}

const get = (url: string, more: object = {}): object => ({ request: { method: 'GET', url, ...more } });
const create = (resource: object, more: object = {}): object => ({
  resource,
  request: { method: 'POST', url: 'Patient', ...more },
});

describe('a batch', () => {
  it('runs each entry for itself and answers in their order', async () => {
    const { status, entry, text } = await post({
      type: 'batch',
      entry: [
        get('Patient/p1'),
        get('Patient/missing'),
        get('Patient?family=x'),
        create({ resourceType: 'Patient', name: [{ family: 'x' }] }, { ifNoneExist: 'identifier=1' }),
        create({ resourceType: 'Patient' }),
        get('Observation/o1'),
        { resource: patient('p9'), request: { method: 'PUT', url: 'Patient/p9', ifMatch: 'W/"1"' } },
        get('Patient/p1', { ifNoneMatch: 'W/"2"' }),
        get('Patient/broken'),
      ],
    });
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ resourceType: 'Bundle', type: 'batch-response' });
    expect(entry.map((one) => one.response.status)).toEqual([
      '200',
      '404',
      '200',
      '201',
      '400',
      '200',
      '200',
      '304',
      '500',
    ]);
    expect(entry[0]).toMatchObject({
      resource: { id: 'p1' },
      response: { etag: 'W/"2"', lastModified: '2026-03-01T10:00:00.000Z' },
    });
    expect(entry[1]?.response.outcome?.issue[0]?.code).toBe('not-found');
    expect(entry[2]?.resource).toMatchObject({
      resourceType: 'Bundle',
      entry: [{ fullUrl: `${running.base}/Patient/p1` }],
    });
    expect(entry[3]?.response.location).toBe(`${running.base}/Patient/new/_history/2`);
    expect(entry[4]?.response.outcome?.issue[0]?.expression).toEqual(['Bundle.entry[4].resource.name']);
    expect(entry[7]?.resource).toBeUndefined();
    expect(text).toContain('"value":1.50');
    expect(text).not.toContain('Jane Roe');
    const byId = (id: string): FhirRequest | undefined => seen.find((request) => request.id === id);
    expect(byId('p9')).toMatchObject({ interaction: 'update', ifMatch: '1' });
    expect(seen.find((request) => request.ifNoneExist)?.ifNoneExist?.applied).toEqual([['identifier', '1']]);
  });

  it('runs only a few entries at once', async () => {
    const { entry } = await post({
      type: 'batch',
      entry: Array.from({ length: 40 }, (_, at) => get(`Patient/p${at}`)),
    });
    expect(entry.map((one) => (one.resource as { id: string }).id)).toEqual(
      Array.from({ length: 40 }, (_, at) => `p${at}`),
    );
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(4);
  });

  it('honours Prefer: return=minimal in its entries', async () => {
    const bundle = { type: 'batch', entry: [create({ resourceType: 'Patient', name: [{}] })] };
    const { entry } = await post(bundle, { prefer: 'return=minimal' });
    expect(entry[0]?.resource).toBeUndefined();
    expect(entry[0]?.response).toMatchObject({ status: '201', etag: 'W/"2"' });
  });

  it('answers a HEAD with what GET would say, but no body, and frees a stream', async () => {
    const asked = ['Patient/p1', 'Patient?name=x', 'Observation/o1', 'Patient/missing'];
    const entriesOf = async (method: string) => {
      const entry = asked.map((url) => ({ request: { method, url } }));
      return (await post({ type: 'batch', entry })).entry;
    };
    const gets = await entriesOf('GET');
    expect(gets.filter(({ resource }) => resource)).toHaveLength(3);
    expect(discarded).toBe(0);
    expect(await entriesOf('HEAD')).toEqual(gets.map(({ response }) => ({ response })));
    expect(discarded).toBe(1);
  });

  it('takes absolute addresses of this server, and no others', async () => {
    const { entry } = await post({
      type: 'batch',
      entry: [get(`${running.base}/Patient/p1`), get('http://elsewhere.example/fhir/Patient/p1')],
    });
    expect(entry.map((one) => one.response.status)).toEqual(['200', '400']);
  });

  it.each([
    { name: 'without request', entry: { resource: patient('a') }, at: 'Bundle.entry[0].request' },
    { name: 'without url', entry: { request: { method: 'GET' } }, at: 'Bundle.entry[0].request.url' },
    {
      name: 'with an unknown method',
      entry: { request: { method: 'LOOK', url: 'Patient/1' } },
      at: 'Bundle.entry[0].request.method',
    },
    {
      name: 'that writes nothing',
      entry: { request: { method: 'POST', url: 'Patient' } },
      at: 'Bundle.entry[0].resource',
    },
    { name: 'that is no object', entry: 7, at: 'Bundle.entry[0]' },
    {
      name: 'whose url is no string',
      entry: { request: { method: 'GET', url: 7 } },
      at: 'Bundle.entry[0].request.url',
    },
  ])('fails an entry $name, alone', async ({ entry, at }) => {
    const answered = await post({ type: 'batch', entry: [entry, get('Patient/p1')] });
    expect(answered.entry.map((one) => one.response.status)).toEqual(['400', '200']);
    expect(answered.entry[0]?.response.outcome?.issue[0]?.expression).toEqual([at]);
  });

  it.each([
    'DELETE Patient/1 405',
    'GET Medication/1 404',
    'GET metadata 404',
    'POST Patient/_search 404',
    'GET Patient/$x 404',
  ])('fails an entry with %s', async (line) => {
    const [method, url, status] = line.split(' ');
    const { entry } = await post({ type: 'batch', entry: [{ request: { method, url } }] });
    expect(entry[0]?.response.status).toBe(status);
  });

  it('may be empty, and may not be endless', async () => {
    expect(await post({ type: 'batch' })).toMatchObject({ status: 200, entry: [] });
    const endless = await post({
      type: 'batch',
      entry: Array.from({ length: 201 }, () => get('Patient/p1')),
    });
    expect(endless.status).toBe(400);
    expect(seen).toEqual([]);
  });

  it.each([{ type: 'searchset' }, {}, { type: 'batch', entry: {} }])('is refused as %j', async (bundle) => {
    expect((await post(bundle)).status).toBe(400);
  });
});

it.each([
  ['PUT', 'Patient/p9', 'ifNoneMatch', 'W/"1"'],
  ['POST', 'Patient', 'ifMatch', 'W/"1"'],
  ['PUT', 'Patient/p9', 'ifNoneExist', 'identifier=1'],
])('does not write an entry that is a %s of %s and says %s', async (method, url, name, value) => {
  const request = { method, url, [name]: value };
  const { entry } = await post({ type: 'batch', entry: [{ resource: patient('p9'), request }] });
  expect(entry[0]?.response).toMatchObject({
    status: '400',
    outcome: { issue: [{ expression: [`Bundle.entry[0].request.${name}`] }] },
  });
  expect(seen).toEqual([]);
});

it('writes nothing that refers to another entry, for that has no id yet', async () => {
  const fullUrl = 'urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7';
  const made = { resourceType: 'Patient', name: [{ family: 'x' }] };
  const related = { ...made, link: [{ type: 'seealso', other: { reference: fullUrl } }] };
  const { entry } = await post({
    type: 'batch',
    entry: [{ fullUrl, ...create(made) }, create(related)],
  });
  expect(entry.map(({ response }) => response.status)).toEqual(['201', '400']);
  expect(entry[1]?.response).toMatchObject({
    outcome: { issue: [{ expression: ['Bundle.entry[1].resource.link[0].other.reference'] }] },
  });
  expect(seen).toHaveLength(1);
});

it('makes nothing new by an update', async () => {
  const request = { method: 'PUT', url: 'Patient/missing' };
  const { entry } = await post({ type: 'batch', entry: [{ resource: patient('missing'), request }] });
  expect(entry[0]?.response).toMatchObject({
    status: '405',
    outcome: { issue: [{ code: 'not-supported' }] },
  });
});

it('takes no parameters that nobody would heed', async () => {
  const bundle = JSON.stringify({ resourceType: 'Bundle', type: 'batch' });
  const init = { method: 'POST', headers: { 'content-type': 'application/fhir+json' }, body: bundle };
  expect((await fetch(`${running.base}?_pretty=true`, init)).status).toBe(200);
  const response = await fetch(`${running.base}?_pretty=true&_count=5`, init);
  expect([response.status, await response.json()]).toMatchObject([
    400,
    { issue: [{ code: 'not-supported', expression: ['_count'] }] },
  ]);
});

describe('the Idempotency-Key of a batch', () => {
  const entry = [
    create({ resourceType: 'Patient', name: [{ family: 'x' }] }),
    get('Patient/p1'),
    { resource: patient('p9'), request: { method: 'PUT', url: 'Patient/p9' } },
  ];
  const keys = async (headers: Record<string, string>): Promise<Map<string, string | undefined>> => {
    seen = [];
    await post({ type: 'batch', entry }, headers);
    return new Map(seen.map((one) => [one.interaction, one.idempotencyKey]));
  };

  it('is a key of its own for each write, the same when the batch is sent again', async () => {
    const first = await keys({ 'idempotency-key': 'k'.repeat(255) });
    expect(first.get('create')).toBeDefined();
    expect(first.get('update')).toBeDefined();
    expect(first.get('create')).not.toBe(first.get('update'));
    expect(first.get('read')).toBeUndefined();
    expect(first.get('create')?.length).toBeLessThanOrEqual(255);
    expect(await keys({ 'idempotency-key': 'k'.repeat(255) })).toEqual(first);
    expect(await keys({ 'idempotency-key': 'other' })).not.toEqual(first);
    expect((await keys({})).get('create')).toBeUndefined();
  });

  it('is refused where it is none', async () => {
    const { status } = await post({ type: 'batch', entry }, { 'idempotency-key': 'two words' });
    expect(status).toBe(400);
    expect(seen).toEqual([]);
  });
});

describe('a transaction', () => {
  it('is refused, and nothing is done, when one exchange cannot carry it', async () => {
    const { status, text } = await post({
      type: 'transaction',
      entry: [get('Patient/p1'), get('Patient/p2')],
    });
    expect(status).toBe(501);
    expect(text).toContain('Nothing was done');
    expect(seen).toEqual([]);
  });

  it('of one entry is carried out', async () => {
    const { status, text } = await post({
      type: 'transaction',
      entry: [create({ resourceType: 'Patient', name: [{}] })],
    });
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      type: 'transaction-response',
      entry: [{ response: { status: '201' } }],
    });
  });

  it('of one entry fails as a whole', async () => {
    const { status, text } = await post({
      type: 'transaction',
      entry: [create({ resourceType: 'Patient' })],
    });
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ resourceType: 'OperationOutcome' });
  });
});
