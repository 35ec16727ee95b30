import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Interaction } from '../../src/fhir/types.ts';
import type { FhirRequest } from '../../src/ports.ts';
import { endingsOf } from '../../src/http/lifecycle.ts';
import { parseEverything } from '../../src/search/everything-parse.ts';
import type { Admission } from '../../src/security-ports.ts';
import { patient, startFhirServer, type Running } from '../unit/http/fhir-server.ts';

/*
 * Patient/[id]/$everything as it is asked for over HTTP: what of a request becomes which parameters, and how the answer is written.
 */

const PROMISED: Readonly<Record<string, readonly Interaction[]>> = {
  Patient: ['read', 'search', 'everything'],
  Observation: ['read', 'search'],
};
const ending = endingsOf([
  { type: 'Patient', lifecycle: { deprecated: '2029-01-01' } },
  { type: 'Patient.everything', lifecycle: { deprecated: '2027-01-31' } },
]);
let running: Running;
const requests: FhirRequest[] = [];
const counted: string[] = [];

beforeAll(async () => {
  const admission: Admission = {
    headers: () => ({}),
    further: async (more) => void counted.push(`${more} more`),
    about: async (id) => void counted.push(id),
    leave: () => {},
  };
  running = await startFhirServer(
    (request) => {
      requests.push(request);
      const set = { matches: [patient('p1')], included: [], issues: [], next: 'a.token' };
      return { status: 200, headers: {}, body: { kind: 'searchset', set }, servedBy: 'legacy:core' };
    },
    {
      promised: (type) => PROMISED[type],
      parseEverything: (id, pairs, handling) => parseEverything(id, pairs, { handling, maxCount: 50 }),
      ...(ending ? { ending } : {}),
      limiter: {
        hear: () => {},
        refused: async () => {},
        triedGlass: async () => {},
        enter: async () => admission,
      },
    },
  );
});
afterAll(() => running.server.close(0));
beforeEach(() => {
  requests.length = 0;
  counted.length = 0;
});

interface Told {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line no-explicit-any
  readonly body: any;
}

async function ask(path: string, init: RequestInit = {}): Promise<Told> {
  const response = await fetch(`${running.base}${path}`, init);
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

const FHIR = { 'content-type': 'application/fhir+json' };
const post = (body: unknown, path = '/Patient/p1/$everything', headers: Record<string, string> = FHIR) =>
  ask(path, { method: 'POST', headers, body: JSON.stringify(body) });
const codeOf = ({ body }: Told): string => body.issue[0].code;

describe('Patient/[id]/$everything over HTTP', () => {
  it('is answered with a searchset whose links are its own', async () => {
    const { status, headers, body } = await ask('/Patient/p1/$everything?_count=5&_type=Patient&mystery=1');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/fhir+json; charset=utf-8');
    const own = `${running.base}/Patient/p1/$everything?_count=5&_type=Patient`;
    expect(body).toMatchObject({
      resourceType: 'Bundle',
      type: 'searchset',
      link: [
        { relation: 'self', url: own },
        { relation: 'next', url: `${own}&_page=a.token` },
      ],
      entry: [
        { fullUrl: `${running.base}/Patient/p1`, search: { mode: 'match' } },
        {
          resource: { issue: [{ code: 'not-supported', expression: ['mystery'] }] },
          search: { mode: 'outcome' },
        },
      ],
    });
    expect(body).not.toHaveProperty('total');
    expect(requests[0]).toMatchObject({
      interaction: 'everything',
      type: 'Patient',
      id: 'p1',
      everything: { types: ['Patient'] },
      asked: [
        ['_count', '5'],
        ['_type', 'Patient'],
        ['mystery', '1'],
      ],
    });
    expect(running.observed.at(-1)).toMatchObject({ route: 'Patient.everything', status: 200 });
  });

  it('takes the same parameters out of a Parameters resource, or none', async () => {
    const parameter = [
      { name: 'start', valueDate: '2020-01' },
      { name: '_since', valueInstant: '2024-01-01T00:00:00Z' },
      { name: '_type', valueCode: 'Observation' },
      { name: '_type', valueCode: 'Condition' },
      { name: '_count', valueInteger: 7 },
    ];
    const { status, body } = await post({ resourceType: 'Parameters', parameter });
    expect(status).toBe(200);
    expect(requests[0]?.everything).toEqual({
      start: '2020-01',
      since: '2024-01-01T00:00:00Z',
      types: ['Condition', 'Observation'],
    });
    // The next page is asked for by its address.
    expect(body.link[1].url).toBe(
      `${running.base}/Patient/p1/$everything?start=2020-01&_since=2024-01-01T00:00:00Z&_type=Observation&_type=Condition&_count=7&_page=a.token`,
    );
    expect((await ask('/Patient/p1/$everything', { method: 'POST' })).status).toBe(200);
    expect((await post({ resourceType: 'Parameters' }, '/Patient/$everything?_type=Patient')).status).toBe(
      200,
    );
    expect(requests.at(-1)).toMatchObject({ type: 'Patient', everything: { types: ['Patient'] } });
    expect(requests.at(-1)).not.toHaveProperty('id');
  });

  it.each([
    ['another resource', { resourceType: 'Patient' }],
    ['a parameter without a name', { resourceType: 'Parameters', parameter: [{ valueDate: '2020' }] }],
    ['one that is no value', { resourceType: 'Parameters', parameter: [{ name: 'start', resource: {} }] }],
    ['one of two values', { resourceType: 'Parameters', parameter: [{ name: 'start', valueDate: '2020', valueString: 'x' }] }], // prettier-ignore
    [
      'one that is structured',
      { resourceType: 'Parameters', parameter: [{ name: 'start', valuePeriod: {} }] },
    ],
    ['no list of them', { resourceType: 'Parameters', parameter: {} }],
  ])('refuses %s as its body', async (_what, body) => {
    const told = await post(body);
    expect({ status: told.status, code: codeOf(told) }).toEqual({ status: 400, code: 'invalid' });
    expect(requests).toEqual([]);
  });

  it('refuses what it does not understand, as searches do', async () => {
    const strict = { headers: { prefer: 'handling=strict' } };
    expect((await ask('/Patient/p1/$everything?mystery=1', strict)).status).toBe(400);
    expect((await ask('/Patient/p1/$everything?start=soon')).status).toBe(400);
    expect((await ask('/Patient/p1/$everything?_format=xml')).status).toBe(406);
    expect((await ask('/Patient/p1/$everything', { headers: { accept: 'text/html' } })).status).toBe(406);
    expect((await post({}, undefined, { 'content-type': 'text/plain' })).status).toBe(415);
    const format = { resourceType: 'Parameters', parameter: [{ name: '_format', valueCode: 'xml' }] };
    expect((await post(format)).status).toBe(406);
    expect(requests).toEqual([]);
  });

  it('has the methods of an operation, on the addresses that the contract gives it', async () => {
    const head = await ask('/Patient/p1/$everything', { method: 'HEAD' });
    expect({ status: head.status, body: head.body }).toEqual({ status: 200, body: undefined });
    const options = await ask('/Patient/p1/$everything', { method: 'OPTIONS' });
    expect(options.headers.get('allow')).toBe('GET, HEAD, POST, OPTIONS');
    const put = await ask('/Patient/p1/$everything', { method: 'PUT', headers: FHIR, body: '{}' });
    expect({ status: put.status, allow: put.headers.get('allow') }).toEqual({ status: 405, allow: 'GET, HEAD, POST, OPTIONS' }); // prettier-ignore
    for (const path of [
      '/Observation/o1/$everything',
      '/Patient/p1/$nothing',
      '/Patient/p1/x/$everything',
      '/$everything',
      '/Patient/p_1/$everything',
    ])
      // prettier-ignore
      expect({ path, status: (await ask(path)).status }).toEqual({ path, status: 404 });
  });

  it('is an entry of a batch', async () => {
    const parameters = { resourceType: 'Parameters', parameter: [{ name: '_count', valueInteger: 3 }] };
    const entry = [
      { request: { method: 'GET', url: 'Patient/p1/$everything?_count=2' } },
      { resource: parameters, request: { method: 'POST', url: 'Patient/p1/$everything' } },
      { resource: patient('p1'), request: { method: 'POST', url: 'Patient/p1/$everything' } },
    ];
    const { body } = await post({ resourceType: 'Bundle', type: 'batch', entry }, '');
    expect(body.entry.map(({ response }: { response: { status: string } }) => response.status)).toEqual(['200', '200', '400']); // prettier-ignore
    expect(body.entry[1].resource).toMatchObject({ resourceType: 'Bundle', type: 'searchset' });
    expect(new Set(requests.map(({ query }) => query?.count))).toEqual(new Set([2, 3]));
  });

  it('comes to an end by itself', async () => {
    const deprecationOf = async (path: string) => (await ask(path)).headers.get('deprecation');
    expect(await deprecationOf('/Patient/p1/$everything')).toBe('@1801353600');
    expect(await deprecationOf('/Patient')).toBe('@1861920000');
  });

  it('counts as several requests, about one patient', async () => {
    await ask('/Patient/p1/$everything');
    expect(counted).toEqual(['9 more', 'p1']);
  });
});
