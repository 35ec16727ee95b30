import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { request as httpRequest } from 'node:http';
import { FicusError } from '../../src/errors.ts';
import { answer, patient, rawExchange, startRecordingServer } from '../unit/http/fhir-server.ts';
import type { Recording } from '../unit/http/fhir-server.ts';

const FHIR = { 'content-type': 'application/fhir+json' };

let running: Recording;
beforeAll(async () => {
  running = await startRecordingServer({
    http: { cors: { origins: ['https://app.example'], maxAgeSeconds: 600 } },
  });
});
beforeEach(() => running.reset());
afterAll(() => running.server.close(0));

describe('a search', () => {
  beforeEach(() => {
    running.reply = () => ({
      status: 200,
      headers: {},
      body: { kind: 'searchset', set: { matches: [patient('p1')], included: [], next: 'TOKEN', issues: [] } },
      servedBy: 'legacy:core',
    });
  });

  it('answers with a Bundle whose links stand on the public base and say what was searched', async () => {
    const response = await fetch(`${running.base}/Patient?family=O%27Neil%7C&foo=1&_format=json`);
    const bundle = await response.json();
    expect(bundle).toMatchObject({
      resourceType: 'Bundle',
      type: 'searchset',
      entry: [
        { fullUrl: `${running.base}/Patient/p1`, search: { mode: 'match' } },
        { resource: { resourceType: 'OperationOutcome' }, search: { mode: 'outcome' } },
      ],
    });
    const links = Object.fromEntries(
      (bundle as { link: { relation: string; url: string }[] }).link.map(({ relation, url }) => [
        relation,
        new URL(url),
      ]),
    );
    expect([...(links['self']?.searchParams ?? [])]).toEqual([['family', "O'Neil|"]]);
    expect(links['next']?.searchParams.get('_page')).toBe('TOKEN');
    expect(links['next']?.href.startsWith(`${running.base}/Patient?`)).toBe(true);
  });

  it('takes POST _search, its parameters mixed with those of the address', async () => {
    const response = await fetch(`${running.base}/Patient/_search?code=1&_format=json`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' },
      body: 'family=M%C3%BCller+Meier&family=x%2By&_pretty=true',
    });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('\n  "type": "searchset"');
    expect(running.seen[0]?.request.query?.applied).toEqual([
      ['code', '1'],
      ['family', 'Müller Meier'],
      ['family', 'x+y'],
    ]);
  });

  it('takes POST _search without a body', async () => {
    const response = await fetch(`${running.base}/Patient/_search`, { method: 'POST' });
    expect(response.status).toBe(200);
  });

  it('refuses xml that is asked for in the form', async () => {
    const response = await fetch(`${running.base}/Patient/_search`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: '_format=xml',
    });
    expect(response.status).toBe(406);
  });

  it('never lets a Bundle out that holds a legacy key', async () => {
    running.reply = () => ({
      status: 200,
      headers: {},
      body: {
        kind: 'searchset',
        set: { matches: [patient('a')], included: [patient('HOSP|1')], issues: [] },
      },
      servedBy: 'legacy:core',
    });
    expect((await fetch(`${running.base}/Patient`)).status).toBe(500);
  });
});

describe('a write', () => {
  it.each([
    ['POST', 'Patient', 'If-None-Match', '*'],
    ['PUT', 'Patient/p1', 'If-None-Match', '*'],
    ['POST', 'Patient', 'If-Unmodified-Since', 'Sun, 01 Mar 2026 10:00:00 GMT'],
    ['PUT', 'Patient/p1', 'If-Unmodified-Since', 'Sun, 01 Mar 2026 10:00:00 GMT'],
    ['POST', 'Patient', 'If-Match', 'W/"3"'],
    ['PUT', 'Patient/p1', 'If-None-Exist', 'identifier=1'],
    ['PUT', 'Patient?identifier=1', 'If-None-Exist', 'identifier=1'],
    // Neither is a version that something can have.
    ['PUT', 'Patient/p1', 'If-Match', '*'],
    ['PUT', 'Patient/p1', 'If-Match', '"*"'],
  ])('by %s of %s is not carried out when it depends on %s: %s', async (method, path, name, value) => {
    const init = { method, headers: { ...FHIR, [name]: value }, body: JSON.stringify(patient('p1')) };
    const response = await fetch(`${running.base}/${path}`, init);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ issue: [{ expression: [name] }] });
    expect(running.seen).toEqual([]);
  });

  it('of what is not there is 405: an update makes nothing new', async () => {
    running.reply = () => {
      throw new FicusError('not-found', 'There is no Patient with this id.');
    };
    const body = JSON.stringify(patient('p9'));
    const response = await fetch(`${running.base}/Patient/p9`, { method: 'PUT', headers: FHIR, body });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
    expect(await response.json()).toMatchObject({ issue: [{ code: 'not-supported' }] });
    // Whatever else is not there stays a 404.
    expect((await fetch(`${running.base}/Patient/p9`)).status).toBe(404);
  });

  it('is refused when If-None-Exist came twice', async () => {
    const twice = 'If-None-Exist: identifier=1\r\nIf-None-Exist: family=x\r\n';
    const head = `POST /fhir/r4/Patient HTTP/1.1\r\nHost: a\r\n${twice}Content-Length: 0\r\n\r\n`;
    const text = await rawExchange(running.server.port, head);
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(running.seen).toEqual([]);
  });

  const body = '{"resourceType":"Patient", "multipleBirthInteger": 2.50}';

  it('hands down the decoded resource, the bytes as sent and the preconditions', async () => {
    const response = await fetch(`${running.base}/Patient/p1`, {
      method: 'PUT',
      headers: {
        ...FHIR,
        'if-match': 'W/"7"',
        'idempotency-key': 'k-1',
        prefer: 'return=minimal; handling=strict',
      },
      body,
    });
    expect([response.status, await response.text()]).toEqual([200, '']);
    const { request } = running.seen[0] ?? {};
    expect(request).toMatchObject({
      interaction: 'update',
      id: 'p1',
      ifMatch: '7',
      idempotencyKey: 'k-1',
      handling: 'strict',
      returning: 'minimal',
    });
    expect(Buffer.from(request?.body as Uint8Array).toString()).toBe(body);
    expect(JSON.stringify(request?.resource)).toContain('2.50');
  });

  it('says where a created resource is, by the public base', async () => {
    const response = await fetch(`${running.base}/Patient`, { method: 'POST', headers: FHIR, body });
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe(`${running.base}/Patient/new/_history/3`);
    expect(response.headers.get('etag')).toBe('W/"3"');
  });

  it.each([
    ['names no version', 'Patient/new', 'Patient/new/_history/3'],
    ['names one', 'Patient/new/_history/9', 'Patient/new/_history/9'],
    ['is another resource', 'Patient/other', 'Patient/other'],
  ])('completes a location that %s', async (_, location, expected) => {
    running.reply = () => answer(patient('new', { meta: { versionId: '3' } }), 201, { location });
    for (const prefer of ['return=representation', 'return=minimal']) {
      const headers = { ...FHIR, prefer };
      const response = await fetch(`${running.base}/Patient`, { method: 'POST', headers, body });
      expect(response.headers.get('location')).toBe(`${running.base}/${expected}`);
    }
  });

  it('answers with an OperationOutcome on return=OperationOutcome', async () => {
    const headers = { ...FHIR, prefer: 'return=OperationOutcome' };
    const response = await fetch(`${running.base}/Patient`, { method: 'POST', headers, body });
    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject({
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'information' }],
    });
    expect(response.headers.get('location')).toBe(`${running.base}/Patient/new/_history/3`);
  });

  it('hands down the criteria of If-None-Exist and of a conditional update', async () => {
    const create = { ...FHIR, 'if-none-exist': 'identifier=urn:x%7C1' };
    await fetch(`${running.base}/Patient`, { method: 'POST', headers: create, body });
    await fetch(`${running.base}/Patient?identifier=2`, { method: 'PUT', headers: FHIR, body });
    expect(running.seen[0]?.request.ifNoneExist?.applied).toEqual([['identifier', 'urn:x|1']]);
    expect(running.seen[1]?.request).toMatchObject({
      interaction: 'update',
      query: { applied: [['identifier', '2']] },
    });
    expect(running.seen[1]?.request.id).toBeUndefined();
  });

  it('takes criteria with the question mark of a search, and leaves one in a value alone', async () => {
    for (const criteria of ['?identifier=urn:x%7C1', 'identifier=http://x?y=z|1']) {
      const headers = { ...FHIR, 'if-none-exist': criteria };
      expect((await fetch(`${running.base}/Patient`, { method: 'POST', headers, body })).status).toBe(201);
    }
    expect(running.seen.map(({ request }) => request.ifNoneExist?.applied)).toEqual([
      [['identifier', 'urn:x|1']],
      [['identifier', 'http://x?y=z|1']],
    ]);
  });

  it.each([
    'Patient?identifier=1',
    '/Patient?identifier=1',
    'https://other.example/fhir/Patient?identifier=1',
  ])('says how criteria are written, of %s', async (criteria) => {
    const headers = { ...FHIR, 'if-none-exist': criteria };
    const response = await fetch(`${running.base}/Patient`, { method: 'POST', headers, body });
    expect(response.status).toBe(400);
    const diagnostics = expect.stringContaining('identifier=system|value');
    const issue = [{ code: 'value', diagnostics, expression: ['If-None-Exist'] }];
    expect(await response.json()).toMatchObject({ issue });
    expect(running.seen).toEqual([]);
  });

  it('takes any If-None-Exist and Idempotency-Key only where they mean something', async () => {
    const response = await fetch(`${running.base}/Patient/p1`, {
      headers: { 'if-match': 'x', 'idempotency-key': 'a b' },
    });
    expect(response.status).toBe(200);
    const bad = await fetch(`${running.base}/Patient`, {
      method: 'POST',
      headers: { ...FHIR, 'idempotency-key': 'a b' },
      body,
    });
    expect(bad.status).toBe(400);
  });

  it('lets a client that expects 100 go on, and refuses one before it sends too much', async () => {
    const ask = async (length: number, send: boolean): Promise<{ continued: boolean; status: number }> => {
      const { promise, resolve } = Promise.withResolvers<{ continued: boolean; status: number }>();
      let continued = false;
      const req = httpRequest(`${running.base}/Patient`, {
        method: 'POST',
        headers: { ...FHIR, expect: '100-continue', 'content-length': length },
      });
      req.on('continue', () => {
        continued = true;
        if (send) req.end(body);
      });
      req.on('response', (res) => {
        res.resume();
        resolve({ continued, status: res.statusCode ?? 0 });
        req.destroy();
      });
      req.on('error', () => {});
      req.flushHeaders();
      return promise;
    };
    expect(await ask(body.length, true)).toEqual({ continued: true, status: 201 });
    expect(await ask(20 * 1024 * 1024, false)).toEqual({ continued: false, status: 413 });
  });

  it('refuses 20 MB that come without a length, and does not keep them', async () => {
    let produced = 0;
    const stream = new ReadableStream({
      pull(controller) {
        produced += 1;
        if (produced > 320) controller.close();
        else controller.enqueue(new Uint8Array(64 * 1024));
      },
    });
    const init = { method: 'POST', headers: FHIR, body: stream, duplex: 'half' } as RequestInit;
    const response = await fetch(`${running.base}/Patient`, init);
    expect(response.status).toBe(413);
    expect(running.seen).toEqual([]);
  });
});
