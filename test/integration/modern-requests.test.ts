import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FhirRequest } from '../../src/ports.ts';
import { CREATE, FHIR, READ, codeOf, contextOf, startScene } from '../unit/adapters/modern/scene.ts';
import type { Scene } from '../unit/adapters/modern/scene.ts';
import { parseSearchPlainly } from '../unit/http/fhir-server.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
});
beforeEach(() => scene.reset());
afterAll(() => scene.close());

describe('a request to a modern service', () => {
  const query = parseSearchPlainly('Patient', [['family', 'O|Neil & x'], ['code', 'ü,1']], 'lenient'); // prettier-ignore
  const cases: { name: string; request: FhirRequest; line: string; headers?: Record<string, string>; body?: string }[] = [
    { name: 'read', request: { ...READ, ifNoneMatch: '3' }, line: 'GET /Patient/p1', headers: { 'if-none-match': 'W/"3"' } },
    { name: 'vread', request: { ...READ, interaction: 'vread', versionId: '7' }, line: 'GET /Patient/p1/_history/7' },
    { name: 'read of a summary', request: { ...READ, query: { ...query, applied: [['_summary', 'true']] } }, line: 'GET /Patient/p1?_summary=true' },
    { name: 'vread of some elements', request: { ...READ, interaction: 'vread', versionId: '7', query: { ...query, applied: [['_elements', 'name,gender']] } }, line: 'GET /Patient/p1/_history/7?_elements=name%2Cgender' },
    {
      name: 'search',
      request: { interaction: 'search', type: 'Patient', handling: 'strict', query },
      line: 'GET /Patient?family=O%7CNeil%20%26%20x&code=%C3%BC%2C1',
      headers: { prefer: 'handling=strict' },
    },
    {
      name: 'long search',
      request: { interaction: 'search', type: 'Patient', handling: 'lenient', query: parseSearchPlainly('Patient', [['_id', 'a'.repeat(5_000)]], 'lenient') },
      line: 'POST /Patient/_search',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `_id=${'a'.repeat(5_000)}`,
    },
    {
      name: 'create',
      request: { ...CREATE, body: Buffer.from('{ "resourceType":"Patient" }'), ifNoneExist: query, returning: 'minimal', idempotencyKey: 'k' },
      line: 'POST /Patient',
      headers: { 'if-none-exist': 'family=O%7CNeil%20%26%20x&code=%C3%BC%2C1', prefer: 'return=minimal', 'idempotency-key': 'k', 'content-type': 'application/fhir+json' },
      body: '{ "resourceType":"Patient" }',
    },
    {
      name: 'update of a decoded resource',
      request: { ...CREATE, interaction: 'update', id: 'p1', ifMatch: '2', resource: { resourceType: 'Patient', x: JSON.rawJSON('1.50') } },
      line: 'PUT /Patient/p1',
      headers: { 'if-match': 'W/"2"' },
      body: '{"resourceType":"Patient","x":1.50}',
    },
    { name: 'conditional update', request: { ...CREATE, interaction: 'update', query }, line: 'PUT /Patient?family=O%7CNeil%20%26%20x&code=%C3%BC%2C1' },
  ]; // prettier-ignore

  it.each(cases)('$name is sent as $line', async ({ request, line, headers, body }) => {
    const { body: answered } = await scene.backend.handle(request, contextOf());
    if (answered.kind === 'pipe') answered.discard();
    const [method, path] = line.split(' ');
    expect(scene.asked[0]).toMatchObject({ method, url: `/modern/fhir${path}` });
    expect(scene.asked[0]?.headers).toMatchObject({
      accept: 'application/fhir+json',
      'accept-encoding': 'identity',
      authorization: 'Bearer of-ficus',
      'x-request-id': 'r-1',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
      ...headers,
    });
    if (body !== undefined) expect(scene.asked[0]?.body).toBe(body);
  });

  it('carries nothing that the client said about hops, forwarding, cookies or itself', async () => {
    await fetch(`${scene.ficus.base}/Patient/p1`, {
      headers: { 'x-forwarded-for': '6.6.6.6', forwarded: 'for=6.6.6.6', cookie: 'a=b', authorization: 'Basic x', te: 'trailers', 'user-agent': 'me' },
    }); // prettier-ignore
    const headers = scene.asked[0]?.headers ?? {};
    for (const name of ['x-forwarded-for', 'forwarded', 'cookie', 'te', 'user-agent'])
      expect(headers[name]).toBeUndefined();
    expect(headers['authorization']).toBe('Bearer of-ficus');
  });

  it('refuses a page that another backend began, instead of giving the first one again', async () => {
    const page: FhirRequest = {
      interaction: 'search',
      type: 'Patient',
      handling: 'lenient',
      query: { ...query, page: 'SEALED' },
    };
    expect(await codeOf(scene.backend.handle(page, contextOf()))).toBe('page-expired');
    expect(scene.asked).toEqual([]);
  });

  it('streams a body that is not to be decoded, and refuses it in the stream when it grows too large', async () => {
    scene.behave = (_req, res) =>
      res.writeHead(201, { location: `${scene.base}/Observation/o1/_history/1` }).end();
    const body = '{"resourceType":"Observation", "value": 1.50}';
    const created = await fetch(`${scene.ficus.base}/Observation`, { method: 'POST', headers: FHIR, body });
    expect([created.status, created.headers.get('location')]).toEqual([
      201,
      `${scene.ficus.base}/Observation/o1/_history/1`,
    ]);
    expect(scene.asked[0]?.body).toBe(body);
    expect(scene.asked[0]?.headers['content-length']).toBe(String(body.length));
    expect(scene.asked[0]?.headers['transfer-encoding']).toBeUndefined();

    const endless = Readable.from(Array.from({ length: 200 }, () => Buffer.alloc(64 * 1024, 0x20)));
    const init = {
      method: 'POST',
      headers: FHIR,
      body: Readable.toWeb(endless),
      duplex: 'half',
    } as RequestInit;
    expect((await fetch(`${scene.ficus.base}/Observation`, init)).status).toBe(413);
  });
});
