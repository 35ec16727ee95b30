import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bearer, JSON_TYPE, rawly, startAdminScene } from './admin-scene.ts';
import type { AdminScene } from './admin-scene.ts';

/** What a page in somebody's browser can do with the admin API, over real connections: nothing. */
let scene: AdminScene;
beforeAll(async () => {
  scene = await startAdminScene();
});
beforeEach(() => scene.reset());
afterAll(() => scene.close());

describe('a page in a browser', () => {
  const target = { method: 'POST', body: JSON.stringify({ by: 'evil', reason: 'x' }) };
  const path = '/migration/Patient.read/promote';
  const token = bearer('mira:console:migration-lead');
  const form = { 'content-type': 'application/x-www-form-urlencoded', ...token };

  it.each([
    ['a form', { ...form, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, 403],
    ['a form of a browser that says nothing', form, 415],
    ['JSON as plain text', { ...token, 'content-type': 'text/plain' }, 415],
    ['a fetch', { ...token, ...JSON_TYPE, origin: 'https://evil.example' }, 403],
    ['a fetch of a page without an origin', { ...token, ...JSON_TYPE, origin: 'null' }, 403],
    ['a fetch of a neighbour', { ...token, ...JSON_TYPE, 'sec-fetch-site': 'same-site' }, 403],
    ['a fetch that hides where it is from', { ...token, ...JSON_TYPE, 'sec-fetch-site': 'cross-site' }, 403],
  ])('changes nothing by %s', async (_, headers, status) => {
    for (const base of [scene.origin, scene.openOrigin]) {
      const answer = await rawly(`${base}${path}`, headers, target);
      expect(answer.status).toBe(status);
    }
    expect(scene.handled).toEqual([]);
  }); // prettier-ignore

  it('gets no leave to ask (preflight)', async () => {
    const preflight = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
    const response = await fetch(`${scene.origin}${path}`, { method: 'OPTIONS', headers: preflight });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('reads nothing; a link that is followed does, and shows it to nobody else', async () => {
    const cross = { ...token, 'sec-fetch-site': 'cross-site' };
    expect((await rawly(`${scene.origin}/routes`, { ...cross, 'sec-fetch-mode': 'no-cors' })).status).toBe(
      403,
    );
    expect((await rawly(`${scene.origin}/routes`, { ...cross, 'sec-fetch-mode': 'navigate' })).status).toBe(
      200,
    );
  });

  it.each(['evil.example', 'evil.example:8081', 'localhost.evil.example', '127.0.0.1.evil.example'])(
    'cannot make its own name %j ours (DNS rebinding)',
    async (host) => {
      for (const base of [scene.origin, scene.openOrigin])
        expect((await rawly(`${base}/routes`, { ...token, host })).status).toBe(421);
      expect(scene.handled).toEqual([]);
    },
  );

  it.each([
    'localhost',
    'LOCALHOST:8081',
    '127.0.0.1:1',
    '[::1]:8081',
    '10.1.2.3',
    'ficus.internal',
    'Ficus.Internal.:8081',
  ])('is no matter for whoever calls it %s', async (host) => {
    expect((await rawly(`${scene.origin}/routes`, { ...token, host })).status).toBe(200);
  });
});

describe('headers', () => {
  it.each([
    ['an answer', '/routes', bearer('v:c:viewer'), 200],
    ['a refusal', '/routes', {}, 401],
    ['what is not there', '/nothing', {}, 404],
  ])('of %s let nothing be run, framed, shared or kept', async (_, path, headers, status) => {
    const response = await fetch(`${scene.origin}${path}`, { headers });
    expect(response.status).toBe(status);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-security-policy':
        "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
      'cross-origin-embedder-policy': 'require-corp',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'strict-transport-security': 'max-age=15768000',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
    expect(response.headers.get('x-powered-by')).toBeNull();
    expect(response.headers.get('set-cookie')).toBeNull();
  });
});
