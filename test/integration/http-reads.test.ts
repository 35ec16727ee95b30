import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { request as httpRequest } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { CAPABILITY, answer, patient, META, startRecordingServer } from '../unit/http/fhir-server.ts';
import type { Recording } from '../unit/http/fhir-server.ts';

let running: Recording;
beforeAll(async () => {
  running = await startRecordingServer({
    http: { cors: { origins: ['https://app.example'], maxAgeSeconds: 600 } },
  });
});
beforeEach(() => running.reset());
afterAll(() => running.server.close(0));

describe('a read', () => {
  it('answers with the resource, its version and where it came from', async () => {
    running.reply = (_request, context) => {
      context.timing('core', 12.345, 'ADT "x"');
      return answer(patient('p1', { meta: META }));
    };
    const response = await fetch(`${running.base}/Patient/p1`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(patient('p1', { meta: META }));
    const headers = Object.fromEntries(response.headers);
    expect(headers).toMatchObject({
      etag: 'W/"3"',
      'last-modified': 'Sun, 01 Mar 2026 10:00:00 GMT',
      'content-type': 'application/fhir+json; charset=utf-8',
      'x-served-by': 'legacy:core',
      'cache-control': 'no-store',
      vary: 'Accept, Accept-Encoding, Origin, Prefer',
    });
    expect(headers['server-timing']).toMatch(/^core;dur=12\.3\d;desc="ADT x", total;dur=\d/);
    expect(headers['x-powered-by']).toBeUndefined();
    expect(running.seen[0]?.request).toEqual({
      interaction: 'read',
      type: 'Patient',
      id: 'p1',
      handling: 'lenient',
    });
  });

  it.each([
    ['//Patient//p1/', 'read'],
    ['/Patient/p1/_history/3', 'vread'],
  ])('%s is a %s', async (path, interaction) => {
    expect((await fetch(running.base + path)).status).toBe(200);
    expect(running.seen[0]?.request).toMatchObject({ interaction, type: 'Patient', id: 'p1' });
  });

  it.each([
    { name: 'If-None-Match of the same version', headers: { 'if-none-match': 'W/"3"' }, status: 304 },
    { name: 'If-None-Match strong', headers: { 'if-none-match': '"3"' }, status: 304 },
    { name: 'If-None-Match with several', headers: { 'if-none-match': 'W/"1", W/"3"' }, status: 304 },
    {
      name: 'If-None-Match with a comma in a tag',
      headers: { 'if-none-match': '"1,2",, W/"3",' },
      status: 304,
    },
    { name: 'If-None-Match of any', headers: { 'if-none-match': '*' }, status: 304 },
    { name: 'If-None-Match of another version', headers: { 'if-none-match': 'W/"2"' }, status: 200 },
    {
      name: 'If-Modified-Since of that moment',
      headers: { 'if-modified-since': 'Sun, 01 Mar 2026 10:00:00 GMT' },
      status: 304,
    },
    {
      name: 'If-Modified-Since before',
      headers: { 'if-modified-since': 'Sun, 01 Mar 2026 09:59:59 GMT' },
      status: 200,
    },
    { name: 'If-Modified-Since that is no date', headers: { 'if-modified-since': 'yesterday' }, status: 200 },
    {
      name: 'If-None-Match wins over If-Modified-Since',
      headers: { 'if-none-match': 'W/"2"', 'if-modified-since': 'Sun, 01 Mar 2026 10:00:00 GMT' },
      status: 200,
    },
  ])('$name: $status', async ({ headers, status }) => {
    const response = await fetch(`${running.base}/Patient/p1`, { headers });
    expect(response.status).toBe(status);
    expect(response.headers.get('etag')).toBe('W/"3"');
    expect((await response.text()).length > 0).toBe(status === 200);
  });

  it('hands the one version of If-None-Match down, and a 304 up', async () => {
    running.reply = () => ({
      status: 304,
      headers: { etag: 'W/"3"' },
      body: { kind: 'none' },
      servedBy: 'legacy:core',
    });
    const response = await fetch(`${running.base}/Patient/p1`, { headers: { 'if-none-match': 'W/"3"' } });
    expect([response.status, await response.text()]).toEqual([304, '']);
    expect(running.seen[0]?.request.ifNoneMatch).toBe('3');
  });

  it('takes a _format or _pretty without a value as none', async () => {
    const ask = (accept: string) =>
      fetch(`${running.base}/Patient/p1?_format=&_pretty=`, { headers: { accept } }).then(
        ({ status }) => status,
      );
    expect([await ask('application/fhir+json'), await ask('application/fhir+xml')]).toEqual([200, 406]);
  });

  it('answers HEAD with the headers of GET and no body', async () => {
    const get = await fetch(`${running.base}/Patient/p1`);
    const head = await fetch(`${running.base}/Patient/p1`, { method: 'HEAD' });
    expect(await head.text()).toBe('');
    for (const name of ['etag', 'content-type', 'content-length', 'last-modified']) {
      expect(head.headers.get(name)).toBe(get.headers.get(name));
    }
  });

  it.each(['json', 'application/json', 'application/fhir+json', 'application%2Ffhir%2Bjson', 'text/json'])(
    'takes _format=%s over any Accept',
    async (format) => {
      const response = await fetch(`${running.base}/Patient/p1?_format=${format}`, {
        headers: { accept: 'text/html' },
      });
      expect(response.status).toBe(200);
    },
  );

  it.each([
    'application/fhir+json;fhirVersion=4.0',
    'text/html, application/xhtml+xml, */*;q=0.8',
    'application/fhir+xml;q=0.9, application/json',
    'application/fhir+json;q=0, application/json',
    'application/fhir+json;fhirVersion=5.0, application/*;q=0.1',
  ])('takes Accept: %s', async (accept) => {
    expect((await fetch(`${running.base}/Patient/p1`, { headers: { accept } })).status).toBe(200);
  });

  it('indents on _pretty=true and keeps the digits of decimals', async () => {
    running.reply = () => answer(patient('p1', { x: JSON.rawJSON('1.50') }));
    const plain = await (await fetch(`${running.base}/Patient/p1`)).text();
    const pretty = await (await fetch(`${running.base}/Patient/p1?_pretty=true`)).text();
    expect(plain).toContain('"x":1.50');
    expect(pretty).toContain('\n  "x": 1.50');
  });

  it('writes a resource that several requests share once', async () => {
    let reads = 0;
    const shared = patient('p1');
    const counted = { ...shared, toJSON: () => ((reads += 1), shared) };
    running.reply = () => answer(counted as unknown as typeof shared);
    await fetch(`${running.base}/Patient/p1`);
    await fetch(`${running.base}/Patient/p1`);
    expect(reads).toBe(1);
  });
});

describe('compression', () => {
  const big = patient('p1', { text: { status: 'generated', div: 'x'.repeat(5_000) } });
  const get = async (encoding: string): Promise<{ body: Buffer; headers: Record<string, unknown> }> => {
    const { promise, resolve } = Promise.withResolvers<{ body: Buffer; headers: Record<string, unknown> }>();
    httpRequest(`${running.base}/Patient/p1`, { headers: { 'accept-encoding': encoding } }, (res) => {
      void buffer(res).then((body) => resolve({ body, headers: res.headers }));
    }).end();
    return promise;
  };

  it.each([
    ['gzip', 'gzip', gunzipSync],
    ['br;q=0.5, gzip', 'br', brotliDecompressSync],
    ['br;q=0, gzip', 'gzip', gunzipSync],
  ])('for %s uses %s', async (accept, encoding, decode) => {
    running.reply = () => answer(big);
    const { body, headers } = await get(accept);
    expect(headers).toMatchObject({ 'content-encoding': encoding, 'content-length': String(body.length) });
    expect(JSON.parse(decode(body).toString())).toEqual(big);
  });

  it('is left out for small bodies and for identity', async () => {
    expect((await get('gzip')).headers['content-encoding']).toBeUndefined();
    running.reply = () => answer(big);
    expect((await get('identity')).headers['content-encoding']).toBeUndefined();
  });
});

describe('metadata and OPTIONS', () => {
  it('gives the CapabilityStatement with an ETag, and 304 for it', async () => {
    const first = await fetch(`${running.base}/metadata`);
    expect(await first.json()).toEqual(CAPABILITY);
    expect(first.headers.get('cache-control')).toBe('no-cache');
    const etag = first.headers.get('etag') ?? '';
    const again = await fetch(`${running.base}/metadata`, { headers: { 'if-none-match': etag } });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });

  it('lets the pages of an allowed origin in, preflight and all', async () => {
    const origin = 'https://app.example';
    const preflight = await fetch(`${running.base}/Patient/p1`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'PUT',
        'access-control-request-headers': 'if-match',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin);
    expect(preflight.headers.get('access-control-allow-methods')).toContain('PUT');
    expect(preflight.headers.get('access-control-allow-headers')).toMatch(/If-Match/i);
    const actual = await fetch(`${running.base}/Patient/p1`, { headers: { origin } });
    expect(actual.headers.get('access-control-allow-origin')).toBe(origin);
    expect(actual.headers.get('access-control-expose-headers')).toContain('ETag');
    const failing = await fetch(`${running.base}/Nothing`, { headers: { origin } });
    expect(failing.headers.get('access-control-allow-origin')).toBe(origin);
  });

  it('says nothing to the pages of other origins', async () => {
    const response = await fetch(`${running.base}/Patient/p1`, {
      headers: { origin: 'https://evil.example' },
    });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('lists the methods of an address', async () => {
    const response = await fetch(`${running.base}/Patient/p1`, { method: 'OPTIONS' });
    expect([response.status, response.headers.get('allow')]).toEqual([204, 'GET, HEAD, PUT, OPTIONS']);
  });
});
