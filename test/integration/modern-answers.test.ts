import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FHIR, READ, codeOf, contextOf, startScene } from '../unit/adapters/modern/scene.ts';
import type { Scene } from '../unit/adapters/modern/scene.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
});
beforeEach(() => scene.reset());
afterAll(() => scene.close());

describe('the answer of a modern service', () => {
  it('comes byte for byte, with its own headers and ours', async () => {
    const bytes = '{ "resourceType" : "Patient",\n\t"id":"p1", "x": 1.50e0, "y":"\\u00e4" }\n';
    scene.behave = (_req, res) =>
      res.writeHead(200, { ...FHIR, etag: 'W/"7"', 'last-modified': 'Sun, 01 Mar 2026 10:00:00 GMT', 'set-cookie': 'a=b', server: 'x', 'x-powered-by': 'x', 'access-control-allow-origin': '*' }).end(bytes); // prettier-ignore
    const response = await fetch(`${scene.ficus.base}/Patient/p1`);
    expect(await response.text()).toBe(bytes);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      etag: 'W/"7"',
      'last-modified': 'Sun, 01 Mar 2026 10:00:00 GMT',
      'content-type': FHIR['content-type'],
      'content-length': String(bytes.length),
      'x-served-by': 'modern:labs',
      'cache-control': 'no-store',
    });
    for (const name of ['set-cookie', 'server', 'x-powered-by', 'access-control-allow-origin']) {
      expect(response.headers.get(name)).toBeNull();
    }
  });

  it('has its links, Location and Content-Location led to us, however its chunks are cut', async () => {
    const bundle = JSON.stringify({
      resourceType: 'Bundle',
      link: [{ relation: 'next', url: `${scene.base}?_getpages=1` }],
      entry: Array.from({ length: 50 }, (_, at) => ({
        fullUrl: `${scene.base}/Patient/p${at}`,
        note: `${scene.base}2/x`,
      })),
    });
    scene.behave = (_req, res) => {
      res.writeHead(200, { ...FHIR, 'content-location': `${scene.base}/Patient/p1/_history/1` });
      const send = (at: number): void => {
        if (at >= bundle.length) res.end();
        else res.write(bundle.slice(at, at + 97), () => setImmediate(send, at + 97));
      };
      send(0);
    };
    const response = await fetch(`${scene.ficus.base}/Patient?family=x`);
    const expected = bundle
      .replaceAll(`${scene.base}/`, `${scene.ficus.base}/`)
      .replaceAll(`${scene.base}?`, `${scene.ficus.base}?`);
    expect(await response.text()).toBe(expected);
    expect(expected).toContain(`${scene.base}2/x`);
    expect(response.headers.get('content-location')).toBe(`${scene.ficus.base}/Patient/p1/_history/1`);
  });

  it('is decoded first when it came compressed unasked', async () => {
    scene.behave = (_req, res) =>
      res.writeHead(200, { ...FHIR, 'content-encoding': 'gzip' }).end(gzipSync(`{"url":"${scene.base}/x"}`));
    const response = await fetch(`${scene.ficus.base}/Patient/p1`);
    expect(response.headers.get('content-encoding')).toBeNull();
    expect(await response.text()).toBe(`{"url":"${scene.ficus.base}/x"}`);
  });

  it('may be 304, and answers HEAD without a body', async () => {
    scene.behave = (_req, res) => res.writeHead(304, { etag: 'W/"3"' }).end();
    const unchanged = await fetch(`${scene.ficus.base}/Patient/p1`, {
      headers: { 'if-none-match': 'W/"3"' },
    });
    expect([unchanged.status, unchanged.headers.get('etag'), await unchanged.text()]).toEqual([
      304,
      'W/"3"',
      '',
    ]);
    scene.behave = (_req, res) =>
      res.writeHead(200, { ...FHIR, etag: 'W/"3"' }).end('{"resourceType":"Patient"}');
    const head = await fetch(`${scene.ficus.base}/Patient/p1`, { method: 'HEAD' });
    expect([head.status, head.headers.get('etag'), await head.text()]).toEqual([200, 'W/"3"', '']);
  });

  it.each(['0', undefined])('to a write may have no body, of length %s, and says so once', async (length) => {
    scene.behave = (_req, res) =>
      res
        .writeHead(201, {
          ...(length ? { 'content-length': length } : {}),
          location: `${scene.base}/Patient/n1/_history/1`,
        })
        .end();
    const { status, headers } = await new Promise<{ status: number | undefined; headers: string[] }>(
      (resolve, reject) => {
        const req = request(`${scene.ficus.base}/Patient`, {
          method: 'POST',
          headers: { ...FHIR, prefer: 'return=minimal' },
        });
        req.on('error', reject);
        req.on('response', (res) => {
          res.resume();
          resolve({ status: res.statusCode, headers: res.rawHeaders.filter((_, at) => at % 2 === 0) });
        });
        req.end('{"resourceType":"Patient"}');
      },
    );
    expect(status).toBe(201);
    expect(headers.filter((name) => name.toLowerCase() === 'content-length')).toHaveLength(1);
  });

  it('makes 304 of an answer whose ETag the client has, when the service does not', async () => {
    scene.behave = (_req, res) =>
      res.writeHead(200, { ...FHIR, etag: 'W/"3"' }).end('{"resourceType":"Patient"}');
    const response = await fetch(`${scene.ficus.base}/Patient/p1`, { headers: { 'if-none-match': 'W/"3"' } });
    expect([response.status, await response.text()]).toEqual([304, '']);
  });

  it.each([404, 409, 412, 422, 500, 503])(
    'of status %i passes as the service explained it in FHIR',
    async (status) => {
      const outcome = `{ "resourceType":"OperationOutcome", "issue":[{"severity":"error","code":"x"}] }`;
      scene.behave = (_req, res) => res.writeHead(status, { ...FHIR, 'retry-after': '9' }).end(outcome);
      const response = await fetch(`${scene.ficus.base}/Patient/p1`);
      expect([response.status, await response.text()]).toEqual([status, outcome]);
      expect(response.headers.get('retry-after')).toBe('9');
    },
  );

  it.each([
    { status: 500, ours: 502, issue: 'exception' },
    { status: 502, ours: 502, issue: 'exception' },
    { status: 503, ours: 503, issue: 'transient' },
    { status: 401, ours: 502, issue: 'exception' },
    { status: 404, ours: 404, issue: 'not-found' },
    { status: 410, ours: 410, issue: 'deleted' },
    { status: 429, ours: 429, issue: 'throttled' },
  ])('of status $status in HTML becomes $ours with our OperationOutcome', async ({ status, ours, issue }) => {
    scene.behave = (_req, res) =>
      res
        .writeHead(status, { 'content-type': 'text/html', 'content-length': '17', 'retry-after': '9' })
        .end('<h1>Jane Roe</h1>');
    const response = await fetch(`${scene.ficus.base}/Patient/p1`);
    const text = await response.text();
    expect(response.status).toBe(ours);
    expect(JSON.parse(text)).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: issue }] });
    expect(text).not.toContain('Jane');
    if (ours === 503 || ours === 429) expect(response.headers.get('retry-after')).toBe('9');
  });

  it.each([
    {
      name: 'a success that is HTML',
      head: { 'content-type': 'text/html' },
      body: '<html>',
      code: 'legacy-malformed',
    },
    {
      name: 'a success that is only called FHIR',
      head: FHIR,
      body: '<html>',
      code: 'legacy-malformed',
    },
    { name: 'a success without a body', head: {}, body: '', code: 'legacy-malformed' },
    {
      name: 'an unknown content encoding',
      head: { ...FHIR, 'content-encoding': 'zstd9' },
      body: 'x',
      code: 'legacy-malformed',
    },
  ])('that is $name is refused', async ({ head, body, code }) => {
    scene.behave = (_req, res) =>
      res.writeHead(200, { ...head, 'content-length': String(Buffer.byteLength(body)) }).end(body);
    expect(await codeOf(scene.backend.handle(READ, contextOf()))).toBe(code);
  });

  it('that is a redirect is not followed', async () => {
    scene.behave = (_req, res) => res.writeHead(302, { location: 'http://elsewhere.internal/x' }).end();
    const away = await fetch(`${scene.ficus.base}/Patient/p1`, { redirect: 'manual' });
    expect([away.status, away.headers.get('location')]).toEqual([502, null]);
    scene.behave = (_req, res) =>
      res.writeHead(301, { ...FHIR, location: '/modern/fhir/Patient/p2' }).end('{}');
    const within = await fetch(`${scene.ficus.base}/Patient/p1`, { redirect: 'manual' });
    expect([within.status, within.headers.get('location')]).toEqual([301, `${scene.ficus.base}/Patient/p2`]);
    expect(scene.asked).toHaveLength(2);
  });
});
