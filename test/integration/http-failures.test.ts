import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CODES, FicusError } from '../../src/errors.ts';
import { answer, patient, rawExchange, startFhirServer } from '../unit/http/fhir-server.ts';
import type { Running } from '../unit/http/fhir-server.ts';

const FHIR = { 'content-type': 'application/fhir+json' };
const PATIENT = JSON.stringify({ resourceType: 'Patient', active: true });

interface Case {
  readonly name: string;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  readonly status: number;
  readonly issue: string;
  readonly expect?: Record<string, string>;
}

const CASES: readonly Case[] = [
  { name: 'outside of the base', path: '/nothing', status: 404, issue: 'not-found' },
  { name: 'beside the base', path: '/fhir/r4x/Patient/1', status: 404, issue: 'not-found' },
  { name: 'a type outside of the API', path: '/fhir/r4/Medication/1', status: 404, issue: 'not-supported' },
  { name: 'an operation', path: '/fhir/r4/Patient/$everything', status: 404, issue: 'not-supported' },
  { name: 'a deeper path', path: '/fhir/r4/Patient/1/2/3/4', status: 404, issue: 'not-supported' },
  { name: 'an id that no resource can have', path: '/fhir/r4/Patient/HOSP%7C1', status: 404, issue: 'not-found' },
  { name: 'percent-encoding that is not UTF-8 in the path', path: '/fhir/r4/Patient/%ff', status: 400, issue: 'structure' },
  { name: 'broken percent-encoding in the query', path: '/fhir/r4/Patient?family=%E0%A4%A', status: 400, issue: 'structure' },
  { name: 'a method that nothing takes', method: 'DELETE', path: '/fhir/r4/Patient/1', status: 405, issue: 'not-supported', expect: { allow: 'GET, HEAD, PUT, OPTIONS' } },
  { name: 'an interaction that is not promised', method: 'PUT', path: '/fhir/r4/Observation/1', headers: FHIR, body: '{}', status: 405, issue: 'not-supported', expect: { allow: 'GET, HEAD, OPTIONS' } },
  { name: 'a search where only reading is promised', path: '/fhir/r4/AllergyIntolerance', status: 405, issue: 'not-supported' },
  { name: 'GET on _search', path: '/fhir/r4/Patient/_search', status: 405, issue: 'not-supported', expect: { allow: 'POST, OPTIONS' } },
  { name: 'GET on the base', path: '/fhir/r4', status: 405, issue: 'not-supported', expect: { allow: 'POST, OPTIONS' } },
  { name: 'POST on metadata', method: 'POST', path: '/fhir/r4/metadata', status: 405, issue: 'not-supported' },
  { name: '_format=xml', path: '/fhir/r4/Patient/1?_format=xml', status: 406, issue: 'not-supported' },
  { name: 'Accept: application/fhir+xml', path: '/fhir/r4/Patient/1', headers: { accept: 'application/fhir+xml' }, status: 406, issue: 'not-supported' },
  { name: 'Accept of anything but FHIR JSON', path: '/fhir/r4/Patient/1', headers: { accept: 'application/fhir+json;q=0, */*' }, status: 406, issue: 'not-supported' },
  { name: 'Accept of no application', path: '/fhir/r4/Patient/1', headers: { accept: '*/*, application/*;q=0' }, status: 406, issue: 'not-supported' },
  { name: 'Accept of another FHIR version', path: '/fhir/r4/Patient/1', headers: { accept: 'application/fhir+json; fhirVersion=5.0' }, status: 406, issue: 'not-supported' },
  { name: 'a body without media type', method: 'POST', path: '/fhir/r4/Patient', headers: { 'content-type': '' }, body: PATIENT, status: 415, issue: 'not-supported' },
  { name: 'a body in XML', method: 'POST', path: '/fhir/r4/Patient', headers: { 'content-type': 'application/fhir+xml' }, body: '<Patient/>', status: 415, issue: 'not-supported' },
  { name: 'a body in Latin-1', method: 'POST', path: '/fhir/r4/Patient', headers: { 'content-type': 'application/fhir+json; charset=iso-8859-1' }, body: PATIENT, status: 415, issue: 'not-supported' },
  { name: 'a compressed body', method: 'POST', path: '/fhir/r4/Patient', headers: { ...FHIR, 'content-encoding': 'gzip' }, body: PATIENT, status: 415, issue: 'not-supported' },
  { name: '_search with a JSON body', method: 'POST', path: '/fhir/r4/Patient/_search', headers: FHIR, body: '{}', status: 415, issue: 'not-supported' },
  { name: '_search with a body that is not UTF-8', method: 'POST', path: '/fhir/r4/Patient/_search', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: Buffer.from('family=\xff', 'latin1'), status: 400, issue: 'structure' },
  { name: 'a body that is no JSON', method: 'POST', path: '/fhir/r4/Patient', headers: FHIR, body: '{"resourceType":', status: 400, issue: 'structure' },
  { name: 'an empty body', method: 'POST', path: '/fhir/r4/Patient', headers: FHIR, body: '', status: 400, issue: 'structure' },
  { name: 'a body that is no resource', method: 'POST', path: '/fhir/r4/Patient', headers: FHIR, body: '[1,2]', status: 400, issue: 'invalid' },
  { name: 'a body over the limit', method: 'POST', path: '/fhir/r4/Patient', headers: FHIR, body: JSON.stringify({ resourceType: 'Patient', x: 'x'.repeat(5 * 1024 * 1024) }), status: 413, issue: 'too-long' },
  { name: 'a parameter on a read', path: '/fhir/r4/Patient/1?foo=bar', status: 400, issue: 'not-supported' },
  { name: 'an unknown parameter under strict handling', path: '/fhir/r4/Patient?foo=bar', headers: { prefer: 'handling=strict' }, status: 400, issue: 'not-supported' },
  { name: '_pretty that is no boolean', path: '/fhir/r4/Patient/1?_pretty=maybe', status: 400, issue: 'value' },
  { name: 'an If-None-Match of a version that nothing has', path: '/fhir/r4/Patient/1', headers: { 'if-none-match': '"*"' }, status: 400, issue: 'value' },
  { name: 'an If-None-Match of any and of one', path: '/fhir/r4/Patient/1', headers: { 'if-none-match': '*, "3"' }, status: 400, issue: 'value' },
  { name: 'an If-None-Match of two versions with nothing between', path: '/fhir/r4/Patient/1', headers: { 'if-none-match': '"1" "3"' }, status: 400, issue: 'value' },
  { name: 'an If-None-Match of commas', path: '/fhir/r4/Patient/1', headers: { 'if-none-match': ',,' }, status: 400, issue: 'value' },
  { name: 'an If-Match that is no version', method: 'PUT', path: '/fhir/r4/Patient/1', headers: { ...FHIR, 'if-match': 'abc' }, body: PATIENT, status: 400, issue: 'value' },
  { name: 'a conditional update without criteria', method: 'PUT', path: '/fhir/r4/Patient', headers: FHIR, body: PATIENT, status: 400, issue: 'value' },
  { name: 'a conditional update with an unknown criterion', method: 'PUT', path: '/fhir/r4/Patient?identifier=1&foo=2', headers: FHIR, body: PATIENT, status: 400, issue: 'not-supported' },
  { name: 'an If-None-Exist without criteria', method: 'POST', path: '/fhir/r4/Patient', headers: { ...FHIR, 'if-none-exist': '' }, body: PATIENT, status: 400, issue: 'value' },
  { name: 'an update to an illegal id', method: 'PUT', path: '/fhir/r4/Patient/a_b', headers: FHIR, body: PATIENT, status: 400, issue: 'invalid' },
  { name: 'a base POST that is no Bundle', method: 'POST', path: '/fhir/r4', headers: FHIR, body: PATIENT, status: 400, issue: 'invalid' },
  { name: 'a backend that throws what is no FicusError', path: '/fhir/r4/Patient/fault', status: 500, issue: 'exception' },
  { name: 'a legacy key for an id', path: '/fhir/r4/Patient/leak', status: 500, issue: 'exception' },
  { name: 'a legacy key in a reference', path: '/fhir/r4/Patient/leak-reference', status: 500, issue: 'exception' },
  { name: 'a legacy key in a location', path: '/fhir/r4/Patient/leak-location', status: 500, issue: 'exception' },
]; // prettier-ignore

describe('a failing request', () => {
  let running: Running;
  beforeAll(async () => {
    running = await startFhirServer((request) => {
      switch (request.id) {
        case 'fault':
          throw new TypeError('secret of Jane Roe');
        case 'leak':
          return answer(patient('HOSP|100234'));
        case 'leak-reference':
          return answer(patient('a', { managingOrganization: { reference: 'Organization/HOSP|7' } }));
        case 'leak-location':
          return answer(patient('a'), 200, { location: 'Patient/HOSP|100234' });
        case undefined:
          if (request.interaction === 'search') throw new FicusError('too-costly', 'Too wide');
          return answer(patient('a'), 201);
        default:
          return answer(patient(request.id));
      }
    });
  });
  afterAll(() => running.server.close(0));

  it.each(CASES)('$name is $status with an OperationOutcome', async (one) => {
    const response = await fetch(running.origin + one.path, {
      method: one.method ?? 'GET',
      headers: one.headers ?? {},
      ...(one.body === undefined ? {} : { body: Buffer.from(one.body) }),
    });
    const text = await response.text();
    expect({ status: response.status, text }).toMatchObject({ status: one.status });
    expect(response.headers.get('content-type')).toBe('application/fhir+json; charset=utf-8');
    const outcome = JSON.parse(text) as {
      resourceType: string;
      issue: { severity: string; code: string; expression?: string[] }[];
    };
    expect(outcome.resourceType).toBe('OperationOutcome');
    expect(outcome.issue[0]).toMatchObject({ severity: 'error', code: one.issue });
    for (const { expression = [] } of outcome.issue)
      for (const path of expression) expect(path).not.toContain(' ');
    expect(response.headers.get('x-request-id')).toMatch(/./);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    for (const [name, value] of Object.entries(one.expect ?? {}))
      expect(response.headers.get(name)).toBe(value);
    expect(text).not.toContain('Jane Roe');
    expect(text).not.toContain('100234');
  });

  it('names what was left out of a search that is too costly', async () => {
    const search = async (query: string): Promise<unknown> =>
      ((await (await fetch(`${running.base}/Patient?${query}`)).json()) as { issue: unknown }).issue;
    expect(await search('family=costly&familly=x')).toEqual([
      expect.objectContaining({ code: 'too-costly' }),
      { severity: 'warning', code: 'not-supported', diagnostics: 'Left out' },
    ]);
    expect(await search('family=costly')).toHaveLength(1);
  });

  it('is logged as a fault, without its text, when it is ours', async () => {
    await fetch(`${running.base}/Patient/fault`);
    const fault = running.lines.find((line) => line.message === 'fault');
    expect(fault).toMatchObject({ level: 'error', fields: { route: 'Patient.read' } });
  });

  it.each([
    { name: 'bytes that are no HTTP', bytes: 'NONSENSE\r\n\r\n', status: '400' },
    { name: 'headers over the limit', bytes: `GET /fhir/r4/Patient/1 HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(40_000)}\r\n\r\n`, status: '431' },
    { name: 'an expectation other than 100-continue', bytes: 'GET /fhir/r4/Patient/1 HTTP/1.1\r\nHost: x\r\nExpect: a-miracle\r\n\r\n', status: '417' },
    { name: 'a length and chunks at once', bytes: 'POST /fhir/r4/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', status: '400' },
    { name: 'two different lengths', bytes: 'POST /fhir/r4/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello', status: '400' },
  ])('$name is $status with an OperationOutcome', async ({ bytes, status }) => {
    const reply = await rawExchange(running.server.port, bytes);
    expect(reply).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(JSON.parse(reply.slice(reply.indexOf('\r\n\r\n') + 4))).toMatchObject({ resourceType: 'OperationOutcome' });
  }); // prettier-ignore

  it('is 408 when the headers do not come in time', async () => {
    const slow = await startFhirServer(() => answer(patient('a')), { headersMs: 300, requestMs: 300 });
    const reply = await rawExchange(slow.server.port, 'GET /fhir/r4/Patient/1 HTTP/1.1\r\nHost:');
    expect(reply).toMatch(/^HTTP\/1.1 408 /);
    await slow.server.close(0);
  });
});

describe('every code of the closed list', () => {
  it.each(ERROR_CODES)('%s comes out with its status, issue, retry and headers', async (code) => {
    const error = new FicusError(code, 'What happened', {
      retryAfter: 7,
      headers: { allow: 'GET' },
      expression: ['x'],
    });
    const running = await startFhirServer(() => {
      throw error;
    });
    const response = await fetch(`${running.base}/Patient/1`);
    expect(response.status).toBe(error.status);
    expect(response.headers.get('retry-after')).toBe('7');
    expect(response.headers.get('allow')).toBe('GET');
    expect(await response.json()).toEqual({
      resourceType: 'OperationOutcome',
      issue: [
        { severity: 'error', code: error.issues[0]?.code, diagnostics: 'What happened', expression: ['x'] },
      ],
    });
    await running.server.close(0);
  });
});
