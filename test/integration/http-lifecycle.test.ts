import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FicusError } from '../../src/errors.ts';
import { endingsOf } from '../../src/http/lifecycle.ts';
import type { FhirResponse } from '../../src/ports.ts';
import { answer, patient, startFhirServer } from '../unit/http/fhir-server.ts';
import type { Running } from '../unit/http/fhir-server.ts';

const FHIR = { 'content-type': 'application/fhir+json' };
const ending = endingsOf([
  {
    type: 'Patient',
    lifecycle: {
      deprecated: '2027-01-31',
      sunset: '2028-06-30',
      successor: 'https://ehr.example/fhir/r5/Patient',
      notice: 'https://ehr.example/ende/ü>',
    },
  },
  { type: 'AllergyIntolerance', lifecycle: { deprecated: '2025-05-01' } },
  { type: 'Observation', lifecycle: {} },
]);

let running: Running;
beforeAll(async () => {
  running = await startFhirServer(
    (request): FhirResponse => {
      if (request.id === 'missing') throw new FicusError('not-found', 'There is none');
      const own = { deprecation: '@1', sunset: 'Thu, 01 Jan 1970 00:00:00 GMT' };
      return answer(patient('p1'), request.interaction === 'create' ? 201 : 200, own);
    },
    { ...(ending ? { ending } : {}), http: { cors: { origins: ['*'], maxAgeSeconds: 1 } } },
  );
});
afterAll(() => running.server.close(0));

async function told(path: string, init: RequestInit = {}): Promise<(string | null)[]> {
  const { status, headers } = await fetch(`${running.base}${path}`, init);
  return [String(status), headers.get('deprecation'), headers.get('sunset'), headers.get('link')];
}

describe('a type whose end is in sight', () => {
  const END = ['@1801353600', 'Fri, 30 Jun 2028 00:00:00 GMT'];
  const LINKS =
    '<https://ehr.example/fhir/r5/Patient>; rel="successor-version", <https://ehr.example/ende/%C3%BC%3E>; rel="deprecation"';

  it.each([
    ['a read', '200', '/Patient/p1', {}],
    ['a HEAD', '200', '/Patient/p1', { method: 'HEAD' }],
    ['a create', '201', '/Patient', { method: 'POST', headers: FHIR, body: '{"resourceType":"Patient"}' }],
    ['a failure', '404', '/Patient/missing', {}],
    ['a search that is refused', '400', '/Patient?unknown=1', { headers: { prefer: 'handling=strict' } }],
  ])('says so in every answer: %s', async (_, status, path, init) => {
    expect(await told(path, init)).toEqual([status, ...END, LINKS]);
  });

  it('says what is known of it', async () => {
    expect(await told('/AllergyIntolerance/p1')).toEqual(['200', '@1746057600', END_OF_SERVICE, null]);
  });

  it('tells pages of other origins, too', async () => {
    const response = await fetch(`${running.base}/Patient/p1`, {
      headers: { origin: 'https://app.example' },
    });
    expect(response.headers.get('access-control-expose-headers')).toMatch(/Deprecation, Link, .*Sunset/);
  });
});

/** What a service says of itself passes where the contract says nothing. */
const END_OF_SERVICE = 'Thu, 01 Jan 1970 00:00:00 GMT';

describe('any other type', () => {
  it('says nothing of an end of its own', async () => {
    expect(await told('/Observation/p1')).toEqual(['200', '@1', END_OF_SERVICE, null]);
  });

  it('costs nothing where no type ends', () => {
    expect(endingsOf([{ type: 'Patient', lifecycle: {} }])).toBeUndefined();
  });
});
