import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startGuarded } from '../support/guarded.ts';
import type { Guarded } from '../support/guarded.ts';
import { JWKS, OPENID, makeKey } from '../support/issuer.ts';
import type { SigningKey } from '../support/issuer.ts';

let old: SigningKey;
let fresh: SigningKey;
let guarded: Guarded;
/** Enough for an answer, little enough to wait for none. */
const SHORT_MS = 1_000;
const seconds = (count: number): number => count * 1_000;

beforeAll(async () => {
  [old, fresh] = await Promise.all([makeKey('old'), makeKey('new', 'ES384')]);
});

beforeEach(async () => {
  guarded = await startGuarded({ key: old });
});

afterEach(() => guarded.close());

const statusWith = async (key: SigningKey): Promise<number> =>
  (await guarded.with(await guarded.token({}, { key }))).status;
const timesRead = (): number => guarded.issuer.asked.get(JWKS) ?? 0;

describe('the keys of an issuer', () => {
  it('are rotated with an overlap, and nobody notices', async () => {
    expect(await statusWith(old)).toBe(200);
    guarded.issuer.published = [old, fresh];
    guarded.pass(seconds(6));
    expect([await statusWith(fresh), await statusWith(old)]).toEqual([200, 200]);
    guarded.issuer.published = [fresh];
    expect(await statusWith(old)).toBe(200);
    guarded.pass(seconds(301));
    // The reading goes on beside this request.
    expect(await statusWith(fresh)).toBe(200);
    await expect.poll(timesRead).toBe(3);
    await expect.poll(() => statusWith(old)).toBe(401);
  });

  it('are read once for many tokens, and again for an unknown name, but not for each of them', async () => {
    for (const _ of [1, 2, 3]) await statusWith(old);
    expect(timesRead()).toBe(1);
    guarded.pass(seconds(6));
    for (const kid of ['a', 'b', 'c']) expect(await statusWith({ ...fresh, kid })).toBe(401);
    expect(timesRead()).toBe(2);
    guarded.pass(seconds(6));
    await statusWith({ ...fresh, kid: 'd' });
    expect(timesRead()).toBe(3);
  });

  it('that are known serve while the issuer is down, but not for ever', async () => {
    expect(await statusWith(old)).toBe(200);
    await guarded.issuer.close();
    guarded.pass(seconds(600));
    expect(await statusWith(old)).toBe(200);
    guarded.pass(seconds(3_600));
    expect(await statusWith(old)).toBe(503);
    await guarded.issuer.open();
    guarded.pass(seconds(2));
    expect(await statusWith(old)).toBe(200);
  });

  it('that nobody could read yet are waited for: 503, when to try again, and nothing of why', async () => {
    await guarded.issuer.close();
    const answer = await guarded.with(await guarded.token());
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    const text = await answer.text();
    expect(text).toContain('"code":"transient"');
    expect(text).not.toContain('127.0.0.1');
    expect(guarded.way.problem()).toMatch(/^127\.0\.0\.1:\d+ cannot be reached/);
    expect(guarded.outcomes).toEqual(['unavailable']);
    await guarded.issuer.open();
    guarded.pass(seconds(2));
    expect(await statusWith(old)).toBe(200);
    expect(guarded.way.problem()).toBeUndefined();
  });

  it('are not asked for by every request while that fails', async () => {
    guarded.issuer.instead.set(JWKS, (_, res) => res.writeHead(500).end());
    for (const _ of [1, 2, 3, 4]) expect(await statusWith(old)).toBe(503);
    expect(timesRead()).toBe(1);
  });

  it('may be of several issuers, each good for its own', async () => {
    const token = await guarded.token({ iss: 'https://other.example' }, { key: old });
    expect((await guarded.with(token)).status).toBe(401);
  });
});

describe('an issuer that is not what it should be', () => {
  it.each<[string, (res: ServerResponse) => void]>([
    ['slow', () => {}],
    ['slow in the middle', (res) => void res.writeHead(200, { 'content-type': 'application/json' }).write('{"keys":[')],
    ['huge', (res) => void res.writeHead(200).end(`{"keys":[],"x":"${'x'.repeat(300_000)}"}`)],
    ['huge without an end', (res) => {
      const more = (): void => {
        while (res.write('x'.repeat(65_536)));
        res.once('drain', more);
      };
      more();
    }],
    ['no JSON', (res) => void res.end('<html></html>')],
    ['no key set', (res) => void res.end('{"keys":"none"}')],
    ['out of order', (res) => void res.writeHead(404).end('{"keys":[]}')],
    ['gone in the middle', (res) => res.destroy()],
  ])('%s: 503 in time, and well again afterwards', async (_, misbehave) => {
    await guarded.close();
    guarded = await startGuarded({ key: old, egress: { ms: SHORT_MS } });
    guarded.issuer.instead.set(JWKS, (_req, res) => misbehave(res));
    expect(await statusWith(old)).toBe(503);
    guarded.issuer.instead.clear();
    await expect.poll(() => (guarded.pass(seconds(2)), statusWith(old))).toBe(200);
  }); // prettier-ignore

  it('redirecting is not followed', async () => {
    const inside = createServer((_, res) => void res.end('{"keys":[]}'));
    inside.listen(0, '127.0.0.1');
    await once(inside, 'listening');
    let came = 0;
    inside.on('request', () => (came += 1));
    const location = `http://127.0.0.1:${(inside.address() as AddressInfo).port}/jwks`;
    guarded.issuer.instead.set(JWKS, (_, res) => res.writeHead(302, { location }).end());
    expect([await statusWith(old), came]).toEqual([503, 0]);
    inside.close();
  });

  it.each([
    ['another host', 'https://other.example/jwks'],
    ['where clouds keep credentials', 'http://169.254.169.254/latest/meta-data'],
    ['a file', 'file:///etc/passwd'],
    ['another port of this machine', 'http://127.0.0.1:1/jwks'],
    ['no address', 17],
  ])('pointing its keys to %s is not followed', async (_, jwks_uri) => {
    guarded.issuer.metadata = { jwks_uri };
    expect(await statusWith(old)).toBe(503);
    expect(guarded.outcomes).toEqual(['unavailable']);
  });

  it('speaking for another one is not heard', async () => {
    guarded.issuer.metadata = { issuer: 'https://other.example' };
    expect(await statusWith(old)).toBe(503);
  });

  it('that speaks RFC 8414 only is heard', async () => {
    const { url } = guarded.issuer;
    guarded.issuer.instead.set(OPENID, (_, res) => res.writeHead(404).end());
    guarded.issuer.instead.set('/.well-known/oauth-authorization-server', (_, res) => {
      res.end(JSON.stringify({ issuer: url, jwks_uri: `${url}${JWKS}` }));
    });
    expect(await statusWith(old)).toBe(200);
  });
});
