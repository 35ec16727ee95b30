import type { ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { SoapClientOptions } from '../../adapters/soap/client.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { ANSWER, callOf, connect, envelope, listen, refusal, serve, xml } from './soap-service.ts';

/** A code, and `?` where a second issue says that the outcome is unknown. */
type Outcome = ErrorCode | `${ErrorCode}?`;

/** What a service does, and what becomes of a query and of a write. */
const misbehaviours: [
  string,
  (response: ServerResponse) => void,
  ErrorCode,
  Outcome,
  Partial<SoapClientOptions>?,
][] = [
  ['closes without an answer', (r) => r.socket?.destroy(), 'unavailable', 'outcome-unknown'],
  ['resets the connection', (r) => r.socket?.resetAndDestroy(), 'unavailable', 'outcome-unknown'],
  [
    'breaks off inside the answer',
    (r) =>
      r
        .writeHead(200, { 'content-length': 999, 'content-type': 'text/xml' })
        .write('<a>', () => r.socket?.destroy()),
    'unavailable',
    'outcome-unknown',
  ],
  [
    'breaks off a chunked answer',
    (r) => r.writeHead(200, { 'content-type': 'text/xml' }).write(ANSWER, () => r.socket?.destroy()),
    'unavailable',
    'outcome-unknown',
  ],
  ['answers HTML', (r) => xml(r, '<html></html>', 200, 'text/html'), 'legacy-malformed', 'legacy-malformed?'],
  ['answers HTML as XML', (r) => xml(r, '<html><br></html>'), 'legacy-malformed', 'legacy-malformed?'],
  ['answers garbage', (r) => xml(r, Buffer.from([1, 2, 0xff, 0])), 'legacy-malformed', 'legacy-malformed?'],
  ['answers nothing', (r) => xml(r, ''), 'legacy-malformed', 'legacy-malformed?'],
  ['answers 204', (r) => r.writeHead(204).end(), 'legacy-malformed', 'legacy-malformed?'],
  ['answers half an envelope', (r) => xml(r, ANSWER.slice(0, -9)), 'legacy-malformed', 'legacy-malformed?'],
  ['answers XML that is no SOAP', (r) => xml(r, '<a/>'), 'legacy-malformed', 'legacy-malformed?'],
  [
    'answers a bomb',
    (r) =>
      xml(
        r,
        `<!DOCTYPE a [<!ENTITY b "${'x'.repeat(1000)}"><!ENTITY c "${'&b;'.repeat(1000)}">]>${envelope('<a>&c;</a>')}`,
      ),
    'legacy-malformed',
    'legacy-malformed?',
  ],
  [
    'answers in another version',
    (r) => xml(r, envelope('<a/>', '', '1.2')),
    'legacy-malformed',
    'legacy-malformed?',
  ],
  [
    'demands what we do not do',
    (r) => xml(r, envelope('<a/>', '<h xmlns="urn:h" e:mustUnderstand="1"/>')),
    'legacy-malformed',
    'legacy-malformed?',
  ],
  [
    'compresses unasked',
    (r) => r.writeHead(200, { 'content-type': 'text/xml', 'content-encoding': 'gzip' }).end(gzipSync(ANSWER)),
    'legacy-malformed',
    'legacy-malformed?',
  ],
  [
    'announces more than the cap',
    (r) => r.writeHead(200, { 'content-length': 1_000_000, 'content-type': 'text/xml' }).write('<a>'),
    'legacy-malformed',
    'legacy-malformed?',
    { limits: { maxBytes: 10_000 } },
  ],
  [
    'sends more than the cap',
    (r) => xml(r, envelope(`<a>${'x'.repeat(20_000)}</a>`)),
    'legacy-malformed',
    'legacy-malformed?',
    { limits: { maxBytes: 10_000 } },
  ],
  [
    'sends more than the cap without an end',
    (r) => {
      const more = (): boolean => r.write('x'.repeat(5000), () => !r.destroyed && more());
      more();
    },
    'legacy-malformed',
    'legacy-malformed?',
    { limits: { maxBytes: 100_000 } },
  ],
  [
    'sends a header without an end',
    (r) => r.socket?.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}`),
    'legacy-malformed',
    'legacy-malformed?',
  ],
  [
    'answers something else than HTTP',
    (r) => r.socket?.end('ICY 200 OK\r\n\r\n'),
    'legacy-malformed',
    'legacy-malformed?',
  ],
  [
    'answers 500 in HTML',
    (r) => xml(r, '<h1>Error</h1>', 500, 'text/html'),
    'legacy-exception',
    'legacy-exception?',
  ],
  ['answers 500 with an answer', (r) => xml(r, ANSWER, 500), 'legacy-exception', 'legacy-exception?'],
  ['answers 500 with broken XML', (r) => xml(r, '<e:Envelope', 500), 'legacy-exception', 'legacy-exception?'],
  ['answers 404', (r) => r.writeHead(404).end(), 'legacy-exception', 'legacy-exception'],
  ['answers 401', (r) => r.writeHead(401).end(), 'legacy-exception', 'legacy-exception'],
  [
    'redirects',
    (r) => r.writeHead(307, { location: '/elsewhere' }).end(),
    'legacy-exception',
    'legacy-exception',
  ],
  ['answers 503', (r) => r.writeHead(503).end(), 'unavailable', 'unavailable'],
  ['answers 429', (r) => r.writeHead(429).end(), 'unavailable', 'unavailable'],
  ['is behind a gateway that lost it', (r) => r.writeHead(502).end(), 'legacy-exception', 'outcome-unknown'],
  ['is behind a gateway that gave up', (r) => r.writeHead(504).end(), 'timeout', 'outcome-unknown'],
];

describe.each(['query', 'write'] as const)('a %s to a service that', (kind) => {
  it.each(misbehaviours)('%s', async (_, misbehave, query, write, options) => {
    let calls = 0;
    const url = await serve((response) => {
      if (calls++ === 0) misbehave(response);
      else xml(response, ANSWER);
    });
    const client = connect(url, { connections: 1, ...options });
    const error = await refusal(client.call(callOf(kind)));
    const isDoubtful = error.issues.some(
      (issue) => issue.code === 'incomplete' && issue.severity === 'warning',
    );
    expect(error.code + (isDoubtful ? '?' : '')).toBe(kind === 'query' ? query : write);
    expect(calls).toBe(1);
    // The next call is none the worse for it.
    expect(await client.call(callOf('query'))).toMatchObject({ kind: 'answer' });
  });

  it('is not there', async () => {
    const server = createServer();
    const port = await listen(server);
    await new Promise((resolve) => {
      server.close(resolve);
    });
    const error = await refusal(connect(`http://127.0.0.1:${port}/`).call(callOf(kind)));
    expect(error).toMatchObject({ code: 'unavailable', retryAfter: 5 });
    expect(error.message).toContain('ECONNREFUSED');
  });
});

describe('a service that is down', () => {
  it.each([
    ['7', 7],
    ['999999', 3600],
    ['Wed, 21 Oct 2026 07:28:00 GMT', 5],
    ['-1', 5],
  ])('and says Retry-After: %s', async (said, retryAfter) => {
    const url = await serve((response) => response.writeHead(503, { 'retry-after': said }).end());
    expect(await refusal(connect(url).call(callOf('query')))).toMatchObject({
      code: 'unavailable',
      retryAfter,
    });
  });
});
