import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Resource } from '../../src/fhir/types.ts';
import type { FhirRequest } from '../../src/ports.ts';
import { parseSearch } from '../../src/search/parse.ts';
import { answer, startFhirServer } from '../unit/http/fhir-server.ts';
import type { Running } from '../unit/http/fhir-server.ts';

const SUBSETTED = {
  system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue',
  code: 'SUBSETTED',
};
const WHOLE: Resource = {
  resourceType: 'Patient',
  id: 'p1',
  meta: { versionId: '3' },
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Anna</div>' },
  name: [{ family: 'Muster', given: ['Anna'] }],
  gender: 'female',
  maritalStatus: { text: 'single' },
};
const TAGGED = { resourceType: 'Patient', id: 'p1', meta: { versionId: '3', tag: [SUBSETTED] } };
const { name, gender, text, maritalStatus } = WHOLE;
/** The API promises no search of Patients: a read is shaped all the same. */
const rules = { serves: () => true, parameter: () => undefined, include: () => false };

let running: Running;
let seen: FhirRequest[] = [];

beforeAll(async () => {
  running = await startFhirServer(
    (request) => {
      seen.push(request);
      return request.id === 'gone'
        ? { ...answer({ resourceType: 'OperationOutcome', issue: [] }), status: 410 }
        : answer(WHOLE);
    },
    {
      parseSearch: (type, pairs, handling) => parseSearch(type, pairs, { rules, handling, maxCount: 100 }),
    },
  );
});
beforeEach(() => {
  seen = [];
});
afterAll(() => running.server.close(0));

describe('a read of a part (FHIR R4 http.html#read)', () => {
  it.each([
    { query: '_summary=true', parts: { name, gender } },
    { query: '_summary=text', parts: { text } },
    { query: '_summary=data', parts: { name, gender, maritalStatus } },
    { query: '_elements=maritalStatus,gender', parts: { maritalStatus, gender } },
    { query: '_elements=name&_summary=true', parts: { name } },
  ])('$query gives that part, tagged, with the version of the whole', async ({ query, parts }) => {
    for (const path of ['/Patient/p1', '/Patient/p1/_history/3']) {
      const response = await fetch(`${running.base}${path}?${query}`);
      expect(response.status).toBe(200);
      expect(response.headers.get('etag')).toBe('W/"3"');
      expect(await response.json()).toEqual({ ...TAGGED, ...parts });
    }
  });

  it.each(['_summary=false', '', '_format=json'])('"%s" gives the whole', async (query) => {
    expect(await (await fetch(`${running.base}/Patient/p1?${query}`)).json()).toEqual(WHOLE);
  });

  it('does not change what the next read gives', async () => {
    await fetch(`${running.base}/Patient/p1?_summary=text`);
    expect(await (await fetch(`${running.base}/Patient/p1`)).json()).toEqual(WHOLE);
  });

  it('is 304 when the client has the version', async () => {
    const headers = { 'if-none-match': 'W/"3"' };
    expect((await fetch(`${running.base}/Patient/p1?_summary=true`, { headers })).status).toBe(304);
  });

  it('leaves an explanation whole', async () => {
    const response = await fetch(`${running.base}/Patient/gone?_elements=name`);
    expect(await response.json()).toEqual({ resourceType: 'OperationOutcome', issue: [] });
  });

  it('is asked for in the words of the client, for a service that makes it itself', async () => {
    await fetch(`${running.base}/Patient/p1?_elements=name,gender&_pretty=true`);
    expect(seen[0]?.query?.applied).toEqual([['_elements', 'name,gender']]);
  });

  it.each([
    ['_summary=some', '_summary'],
    ['_summary=count', '_summary'],
    ['_elements=name,shoeSize', '_elements'],
    ['_summary=true&_summary=text', '_summary'],
    ['_count=1', '_count'],
    ['family=Muster', 'family'],
  ])('refuses %s', async (query, parameter) => {
    const response = await fetch(`${running.base}/Patient/p1?${query}`);
    expect(response.status).toBe(400);
    const outcome = (await response.json()) as { issue: { expression?: string[] }[] };
    expect(outcome.issue[0]?.expression).toEqual([parameter]);
    expect(seen).toEqual([]);
  });

  it('comes in a batch, too', async () => {
    const response = await fetch(running.base, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({
        resourceType: 'Bundle',
        type: 'batch',
        entry: [{ request: { method: 'GET', url: 'Patient/p1?_elements=gender' } }],
      }),
    });
    const { entry } = (await response.json()) as { entry: { resource: Resource }[] };
    expect(entry[0]?.resource).toEqual({ ...TAGGED, gender });
  });
});
