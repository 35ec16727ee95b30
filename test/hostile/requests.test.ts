import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { heapUsed, leaksNothing, startTarget } from './target.ts';
import type { Target } from './target.ts';

/** Requests that are made to be read in two ways, to lead elsewhere, or to cost more than they may. */
let target: Target;

beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.close());
afterEach(async () => {
  await target.serves();
  target.seen.length = 0;
});

const HOST = 'Host: ficus.example\r\n';
const POST = `POST /portal/a HTTP/1.1\r\n${HOST}`;
const GET = `GET /portal/a HTTP/1.1\r\n${HOST}`;
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const BODY = '\r\n5\r\nhello\r\n0\r\n\r\n';
/** A second request that somebody might find in what follows the first. */
const HIDDEN = 'GET /portal/hidden HTTP/1.1\r\nHost: x\r\n\r\n';

describe('a request that two readers could read as two', () => {
  it.each([
    ['a length and chunks', `${POST}Content-Length: 5\r\n${CHUNKED}\r\n0\r\n\r\n${HIDDEN}`, 400],
    ['chunks and a length', `${POST}${CHUNKED}Content-Length: 5\r\n\r\n0\r\n\r\n${HIDDEN}`, 400],
    ['two lengths', `${POST}Content-Length: 5\r\nContent-Length: 44\r\n\r\nhello${HIDDEN}`, 400],
    ['one length twice', `${POST}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`, 400],
    ['a list of lengths', `${POST}Content-Length: 5, 5\r\n\r\nhello`, 400],
    ['a length with a sign', `${POST}Content-Length: +5\r\n\r\nhello`, 400],
    ['a length in hex', `${POST}Content-Length: 0x5\r\n\r\nhello`, 400],
    ['a negative length', `${POST}Content-Length: -5\r\n\r\nhello`, 400],
    ['an obsolete line folding', `${GET}X-A: one\r\n two\r\n\r\n`, 400],
    ['chunks in a folded line', `${POST}Transfer-Encoding:\r\n chunked\r\n${BODY}`, 400],
    ['a size of a chunk that is none', `${POST}${CHUNKED}\r\nzz\r\nhello\r\n0\r\n\r\n`, 400],
    ['a size of a chunk that is too large', `${POST}${CHUNKED}\r\nfffffffffffffffff\r\nhello\r\n`, 400],
    ['a chunk that ends late', `${POST}${CHUNKED}\r\n5\r\nhelloXX\r\n0\r\n\r\n`, 400],
    ['a bare LF behind a chunk extension', `${POST}${CHUNKED}\r\n5;a\nhello\r\n0\r\n\r\n`, 400],
    ['a trailer that is a length', `${POST}${CHUNKED}\r\n5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n`, 400],
    ['another coding', `${POST}Transfer-Encoding: xchunked\r\n${BODY}`, 501],
    ['another coding behind', `${POST}Transfer-Encoding: chunked, identity\r\n${BODY}`, 400],
    ['another coding before', `${POST}Transfer-Encoding: gzip, chunked\r\n${BODY}`, 501],
    ['chunked twice', `${POST}${CHUNKED}${CHUNKED}${BODY}`, 400],
    ['a vertical tab before the coding', `${POST}Transfer-Encoding: \x0bchunked\r\n${BODY}`, 400],
    ['chunks of HTTP/1.0', `POST /portal/a HTTP/1.0\r\n${HOST}${CHUNKED}${BODY}`, 400],
    ['bare LF lines', GET.replaceAll('\r', '') + '\n', 400],
    ['one bare LF', `${GET}X-A: b\nX-B: c\r\n\r\n`, 400],
    ['a bare CR', `${GET}X-A: b\rX-B: c\r\n\r\n`, 400],
    ['a space before a colon', `${POST}Content-Length : 5\r\n\r\nhello`, 400],
    ['a space before a header', `GET /portal/a HTTP/1.1\r\n X-A: b\r\n${HOST}\r\n`, 400],
    ['a NUL in a header', `${GET}X-A: a\x00b\r\n\r\n`, 400],
    ['a NUL in the target', `GET /portal/a\x00b HTTP/1.1\r\n${HOST}\r\n`, 400],
    ['a space in the target', `GET /portal/a b HTTP/1.1\r\n${HOST}\r\n`, 400],
    ['two hosts', `${GET}Host: other.example\r\n\r\n`, 400],
    ['no host', 'GET /portal/a HTTP/1.1\r\n\r\n', 400],
    ['a host that is none', 'GET /portal/a HTTP/1.1\r\nHost: a/b@c\r\n\r\n', 400],
    ['two tokens', `${GET}Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n`, 400],
    ['no version', 'GET /portal/a\r\n\r\n', 400],
    ['a version of its own', `GET /portal/a HTTP/3.7\r\n${HOST}\r\n`, 400],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ])('is refused once, and nothing goes on: %s', async (_what, bytes, status) => {
    const { statuses, closed, text } = await target.raw(bytes);
    expect(statuses).toEqual([status]);
    expect(closed).toBe(true);
    expect(text).toContain('OperationOutcome');
    leaksNothing(text);
    expect(target.seen.filter(({ url }) => url.includes('hidden'))).toEqual([]);
  });

  it.each([
    ['CONNECT', `CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n`],
    ['nothing but an end', '\r\n\r\n\r\n'],
  ])('is not answered: %s', async (_what, bytes) => {
    const { statuses } = await target.raw(bytes, 500);
    expect(statuses).toEqual([]);
  });

  it('is one with its body: what looks like a request in it is none', async () => {
    const { statuses } = await target.raw(
      `${POST}Connection: close\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
    );
    expect(statuses).toEqual([200]);
    expect(target.seen.map(({ url }) => url)).toEqual(['/portal/a']);
  });

  it('is answered in its order when others come before it is', async () => {
    const read = `GET /fhir/r4/metadata HTTP/1.1\r\n${HOST}`;
    const { statuses } = await target.raw(`${read}\r\n`.repeat(20) + `${read}Connection: close\r\n\r\n`);
    expect(statuses).toEqual(Array.from({ length: 21 }, () => 200));
  });

  it('does not come by the hundred on one connection', async () => {
    const { statuses, closed } = await target.raw(`${GET}\r\n`.repeat(400));
    expect(statuses.filter((status) => status === 429)).toHaveLength(1);
    expect(statuses.length).toBeLessThanOrEqual(101);
    expect(closed).toBe(true);
  });
});

describe('an address', () => {
  it.each([
    ['absolute, of another host', 'GET http://evil.example/portal/a HTTP/1.1', 200, '/portal/a'],
    ['absolute, with a name and password', 'GET http://a:b@evil.example/portal/a HTTP/1.1', 400, undefined],
    ['of another protocol', 'GET ftp://evil.example/portal/a HTTP/1.1', 400, undefined],
    ['of an authority', 'GET evil.example:80 HTTP/1.1', 400, undefined],
    ['that climbs', 'GET /portal/../admin HTTP/1.1', 400, undefined],
    ['that climbs, encoded', 'GET /portal/%2e%2E/admin HTTP/1.1', 400, undefined],
    ['that climbs by an encoded slash', 'GET /portal/a/..%2f..%2Fadmin HTTP/1.1', 400, undefined],
    ['that climbs by a backslash', 'GET /portal/..\\admin HTTP/1.1', 400, undefined],
    ['that climbs by an encoded backslash', 'GET /portal/..%5cadmin HTTP/1.1', 400, undefined],
    ['that climbs with a parameter', 'GET /portal/..;x=1/admin HTTP/1.1', 400, undefined],
    ['that begins like a prefix', 'GET /portalx/a HTTP/1.1', 404, undefined],
    ['that begins with two slashes', 'GET //evil.example/portal HTTP/1.1', 404, undefined],
  ])('%s', async (_what, line, status, seen) => {
    const { statuses, text } = await target.raw(`${line}\r\n${HOST}Connection: close\r\n\r\n`);
    expect(statuses).toEqual([status]);
    expect(target.seen.map(({ url }) => url)).toEqual(seen === undefined ? [] : [seen]);
    leaksNothing(text);
  });

  it('longer than it may be is 414, headers too large or too many are 431', async () => {
    const long = await target.raw(`GET /fhir/r4/Patient?family=${'x'.repeat(9_000)} HTTP/1.1\r\n${HOST}\r\n`);
    expect(long.statuses).toEqual([414]);
    const large = await target.raw(`${GET}X-A: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(large.statuses).toEqual([431]);
    const many = Array.from({ length: 120 }, (_, index) => `X-${index}: a\r\n`).join('');
    expect((await target.raw(`${GET}${many}\r\n`)).statuses).toEqual([431]);
    expect(target.seen).toEqual([]);
  });
});

describe('what is refused for its form', () => {
  it.each([
    ['by the parser', 'FOO! /fhir/r4/metadata HTTP/1.1\r\n\r\n', 400],
    ['for its head', `${GET}X-A: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['for its headers', GET.replace(HOST, '\r\n'), 400],
    ['for its expectation', `${GET}Expect: a cake\r\n\r\n`, 417],
    [
      'as a WebSocket',
      `GET /fhir/r4/a HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
      404,
    ],
  ])('%s has an id, and says so in FHIR', async (_why, bytes, status) => {
    const { statuses, text, closed } = await target.raw(bytes);
    expect({ statuses, closed }).toEqual({ statuses: [status], closed: true });
    expect(text).toMatch(/\r\nx-request-id: [0-9a-f-]{36}\r\n/i);
    expect(text).toContain('"resourceType":"OperationOutcome"');
  });

  it('keeps the id that it came with, as far as that was read', async () => {
    const { text } = await target.raw(`${GET.replace(HOST, '')}X-Request-Id: mine-1\r\n\r\n`);
    expect(text).toMatch(/\r\nx-request-id: mine-1\r\n/i);
    const late = await target.raw(`${POST}${CHUNKED}X-Request-Id: mine-2\r\n\r\nzz\r\n`);
    expect(late.text).toMatch(/\r\nx-request-id: mine-2\r\n/i);
  });

  it('does not take the id of the request before it', async () => {
    const { hostname, port } = new URL(target.base);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.write(`${GET}X-Request-Id: mine-3\r\n\r\n`);
    await expect.poll(() => text).toContain('the old portal');
    const first = text.length;
    socket.write('FOO! /fhir/r4/metadata HTTP/1.1\r\n\r\n');
    await once(socket, 'close');
    expect(text.slice(first)).toMatch(/^HTTP\/1\.1 400 [^]*\r\nx-request-id: [0-9a-f-]{36}\r\n/);
  });
});

describe('what a stranger says of itself', () => {
  it('does not go on as the word of a proxy, in any spelling', async () => {
    const names = ['X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Forwarded-Prefix', 'X_Forwarded_For', 'Forwarded', 'X-Real-IP', 'X-Client-IP', 'True-Client-IP', 'CF-Connecting-IP', 'X-Original-URL', 'X-Rewrite-URL', 'Via']; // prettier-ignore
    const said = names.map((name) => `${name}: 6.6.6.6\r\n`).join('');
    await target.raw(`${GET}${said}Connection: close\r\n\r\n`);
    const [seen] = target.seen;
    expect(JSON.stringify(seen)).not.toContain('6.6.6.6');
    expect(seen?.headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' });
  });

  it('is not the host of a link', async () => {
    const { text } = await target.raw(
      'GET /fhir/r4/Patient?family=haller&_count=1 HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\nConnection: close\r\n\r\n',
    );
    expect(text).toContain(target.base);
    expect(text).not.toContain('evil.example');
  });

  it.each(['a%0d%0aSet-Cookie: x', 'a b', '<script>', 'x'.repeat(200), 'ä'])(
    'is no request id: %j',
    async (id) => {
      const { text } = await target.raw(
        `GET /fhir/r4/metadata HTTP/1.1\r\n${HOST}X-Request-Id: ${id}\r\nConnection: close\r\n\r\n`,
      );
      const [head = ''] = text.split('\r\n\r\n');
      expect(head).not.toContain(id);
      expect(head).toMatch(/x-request-id: [0-9a-f-]{36}/i);
    },
  );

  it('opens no WebSocket from a page of elsewhere, and none where there is none', async () => {
    const upgrade = (path: string, origin: string) =>
      target.raw(
        `GET ${path} HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nOrigin: ${origin}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      );
    expect((await upgrade('/portal/echo', 'https://evil.example')).statuses).toEqual([403]);
    expect((await upgrade('/portal/echo', 'null')).statuses).toEqual([403]);
    expect((await upgrade('/fhir/r4/Patient', 'http://ficus.example')).statuses).toEqual([404]);
    expect(target.seen).toEqual([]);
    expect((await upgrade('/portal/echo', 'http://ficus.example')).statuses).toEqual([200]);
  });

  it('that it would rather speak HTTP/2 is no reason not to answer', async () => {
    const { statuses } = await target.raw(
      `GET /fhir/r4/metadata HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
    );
    expect(statuses).toEqual([200]);
  });

  it.each(['//evil.example/', '/\\evil.example/', '///evil.example'])(
    'leads nobody elsewhere by a redirect of the system behind: %s',
    async (path) => {
      const { port } = new URL((await portalOrigin()).href);
      const { text } = await target.raw(
        `${GET}X-Test-Location: http://127.0.0.1:${port}${path}\r\nConnection: close\r\n\r\n`,
      );
      const location = /\r\nlocation: (.*)\r\n/i.exec(text)?.[1];
      expect(new URL(location ?? '', 'http://ficus.example').host).toBe('ficus.example');
    },
  );
});

/** The address of the system behind, as it heard it itself. */
async function portalOrigin(): Promise<URL> {
  await target.raw(`${GET}Connection: close\r\n\r\n`);
  return new URL(`http://${target.seen.at(-1)?.headers.host}`);
}

describe('a body', () => {
  const post = async (body: string, headers: Record<string, string> = {}, path = 'Patient') => {
    const answer = await fetch(`${target.base}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json', ...headers },
      body,
    });
    const text = await answer.text();
    expect(text.length).toBeLessThan(20_000);
    expect(text).toContain('OperationOutcome');
    leaksNothing(text);
    return answer.status;
  };

  it.each([
    ['nested a million deep', '['.repeat(1_000_000), 400],
    ['of objects nested a million deep', '{"a":'.repeat(800_000), 400],
    ['with a million items', `{"resourceType":"Patient","name":[${'1,'.repeat(1_000_000)}1]}`, 413],
    ['with 300,000 members', `{"resourceType":"Patient",${Array.from({ length: 300_000 }, (_, at) => `"k${at}":1`).join(',')}}`, 413], // prettier-ignore
    ['with 90,000 faults', `{"resourceType":"Patient","name":[${'1,'.repeat(90_000)}1]}`, 400],
    ['with a number of four million digits', `{"resourceType":"Patient","x":${'9'.repeat(4_000_000)}}`, 400],
    ['with a string of four million backslashes', `{"resourceType":"Patient","x":"${'\\'.repeat(4_000_000)}`, 400], // prettier-ignore
    ['too long', `{"resourceType":"Patient","x":"${'x'.repeat(6_000_000)}"}`, 413],
    ['with a prototype', '{"resourceType":"Patient","__proto__":{"polluted":true}}', 400],
    ['with an escaped prototype', '{"resourceType":"Patient","\\u005f_proto__":{"polluted":true}}', 400],
    ['with a constructor', '{"resourceType":"Patient","constructor":{"prototype":{"polluted":true}}}', 400],
    ['with names that objects have', '{"resourceType":"Patient","name":[{"toString":"a","valueOf":1,"hasOwnProperty":{}}]}', 400], // prettier-ignore
    ['of a type that objects have', '{"resourceType":"constructor"}', 400],
    ['with a member twice', '{"resourceType":"Patient","id":"a","id":"b"}', 400],
    ['that is no text', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]).toString('latin1'), 400],
    ['with half a pair of surrogates', '{"resourceType":"Patient","name":[{"family":"\\ud800"}]}', 400],
  ])('%s is refused', async (_what, body, status) => {
    expect(await post(body)).toBe(status);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('that is packed is refused before it is unpacked', async () => {
    expect(await post('x', { 'content-encoding': 'gzip' })).toBe(415);
  });

  it('of a batch has no more entries than it may', async () => {
    const entry = '{"request":{"method":"GET","url":"metadata"}}';
    const batch = `{"resourceType":"Bundle","type":"batch","entry":[${Array.from({ length: 500 }, () => entry).join(',')}]}`;
    expect(await post(batch, {}, '')).toBe(400);
  });
});

describe('a search', () => {
  it.each([
    ['with a thousand parameters', 'family=a&'.repeat(300), 400],
    ['with 1,000 values', `family=${'a,'.repeat(1_000)}a`, 400],
    ['with a long chain', 'general-practitioner.organization.partof.partof.partof.name=x', 400],
    ['with many inclusions', '_include=Observation:subject&'.repeat(11) + 'patient=x', 400],
    ['by a name that objects have', '__proto__=a&constructor=b&toString=c&hasOwnProperty=d', 400],
    ['with such a modifier', 'family:constructor=a', 400],
    ['sorted by such a name', '_sort=constructor', 400],
    ['with such an element', 'family=a&_elements=constructor,__proto__', 400],
    ['with an escape that is none', 'family=%ff%fe', 400],
  ])('%s is refused', async (what, query, status) => {
    const type = what.includes('inclusions') ? 'Observation' : 'Patient';
    const answer = await fetch(`${target.base}/${type}?${query}`, { headers: { prefer: 'handling=strict' } });
    const text = await answer.text();
    expect(answer.status).toBe(status);
    expect(text.length).toBeLessThan(20_000);
    leaksNothing(text);
  });

  it('with a form of a megabyte is refused', async () => {
    const answer = await fetch(`${target.base}/Patient/_search`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'a&'.repeat(500_000),
    });
    expect(answer.status).toBe(413);
  });
});

it('leaves nothing behind in memory', async () => {
  const attacks = [
    `${POST}Content-Length: 5\r\n${CHUNKED}\r\n0\r\n\r\n`,
    `GET /fhir/r4/Patient?family=${'x'.repeat(9_000)} HTTP/1.1\r\n${HOST}\r\n`,
    `${POST}${CHUNKED}\r\nzz\r\n`,
    `POST /fhir/r4/Patient HTTP/1.1\r\n${HOST}Content-Type: application/fhir+json\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n${'['.repeat(100_000)}`,
  ];
  const round = async (): Promise<void> => {
    for (let count = 0; count < 10; count++) await Promise.all(attacks.map((bytes) => target.raw(bytes)));
    target.seen.length = 0;
  };
  await round();
  const before = await heapUsed();
  for (let count = 0; count < 5; count++) await round();
  const grown = (await heapUsed()) - before;
  expect(grown).toBeLessThan(8 * 1024 * 1024);
});
