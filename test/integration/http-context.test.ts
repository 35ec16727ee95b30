import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FicusError } from '../../src/errors.ts';
import { answer, patient, startFhirServer, startRecordingServer } from '../unit/http/fhir-server.ts';
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

describe('identity of a request', () => {
  it('takes a sane X-Request-Id and mints one otherwise', async () => {
    const given = await fetch(`${running.base}/Patient/p1`, { headers: { 'x-request-id': 'abc-123' } });
    expect(given.headers.get('x-request-id')).toBe('abc-123');
    const minted = await fetch(`${running.base}/Patient/p1`, { headers: { 'x-request-id': 'a b{}' } });
    expect(minted.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(running.seen.map(({ context }) => context.requestId)).toEqual([
      'abc-123',
      minted.headers.get('x-request-id'),
    ]);
  });

  it.each([
    [
      '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/,
    ],
    ['00-00000000000000000000000000000000-b7ad6b7169203331-01', /^00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-00$/],
    ['nonsense', /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/],
    [
      '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more',
      /^00-(?!0af7)[0-9a-f]{32}-[0-9a-f]{16}-00$/,
    ],
  ])('continues or replaces traceparent %s', async (traceparent, expected) => {
    await fetch(`${running.base}/Patient/p1`, { headers: { traceparent } });
    expect(running.seen[0]?.context.traceparent).toMatch(expected);
    expect(running.seen[0]?.context.traceparent).not.toContain('b7ad6b7169203331');
  });

  it('is found in the log although the request was refused for its form', async () => {
    const headers = { 'x-request-id': 'too-long-1' };
    const refused = await fetch(`${running.base}/Patient?family=${'x'.repeat(9_000)}`, { headers });
    expect([refused.status, refused.headers.get('x-request-id')]).toEqual([414, 'too-long-1']);
    const lines = running.lines.filter(({ fields }) => fields['requestId'] === 'too-long-1');
    expect(lines.map(({ message, fields }) => [message, fields['route'], fields['status']])).toEqual([
      ['request', 'unrouted', 414],
    ]);
    running.lines.length = 0;
  });

  it('leaves one log line and one observation, with the route and never a value', async () => {
    running.observed.length = 0;
    await fetch(`${running.base}/Patient?family=Roe&identifier=12345`);
    await fetch(`${running.base}/Roe/12345`);
    await expect.poll(() => running.observed.length).toBe(2);
    const lines = running.lines.filter((line) => line.message === 'request');
    expect(lines.map((line) => line.fields['route'])).toEqual(['Patient.search', 'unrouted']);
    expect(lines[0]?.fields).toMatchObject({ method: 'GET', status: 200, servedBy: 'legacy:core' });
    expect(lines.map((line) => line.fields['errorCode'])).toEqual([undefined, 'not-promised']);
    expect(JSON.stringify(running.lines)).not.toMatch(/Roe|12345/);
    expect(running.observed).toEqual([
      { route: 'Patient.search', status: 200, servedBy: 'legacy:core' },
      { route: 'unrouted', status: 404, servedBy: 'ficus' },
    ]);
  });
});

describe('time', () => {
  it('answers 504 at the deadline even if the backend does not heed the signal', async () => {
    const short = await startFhirServer(() => new Promise(() => {}), { http: { deadlineMs: 100 } });
    expect((await fetch(`${short.base}/Patient/p1`)).status).toBe(504);
    const write = await fetch(`${short.base}/Patient`, {
      method: 'POST',
      headers: FHIR,
      body: '{"resourceType":"Patient"}',
    });
    expect(await write.json()).toMatchObject({ issue: [{ code: 'incomplete' }] });
    await short.server.close(0);
  });

  it('aborts the work when the client goes away', async () => {
    const aborted = Promise.withResolvers<unknown>();
    running.reply = (_request, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted.resolve(signal.reason);
          reject(new FicusError('timeout', 'given up'));
        });
      });
    const controller = new AbortController();
    const asked = fetch(`${running.base}/Patient/p1`, { signal: controller.signal }).catch(() => 'gone');
    await expect.poll(() => running.seen.length).toBe(1);
    controller.abort();
    expect(await asked).toBe('gone');
    expect(await aborted.promise).toBeInstanceOf(FicusError);
    await expect.poll(() => running.lines.some((line) => line.fields['status'] === 499)).toBe(true);
  });

  it('shuts down after the requests in flight, and breaks them off at the limit', async () => {
    const release = Promise.withResolvers<void>();
    let arrived = 0;
    const one = await startFhirServer(async () => {
      arrived += 1;
      await release.promise;
      return answer(patient('p1'));
    });
    const asked = fetch(`${one.base}/Patient/p1`);
    await expect.poll(() => arrived).toBe(1);
    const closing = one.server.close(10_000);
    release.resolve();
    expect((await asked).status).toBe(200);
    await closing;
    await expect(fetch(`${one.base}/Patient/p1`)).rejects.toThrow();

    const two = await startFhirServer(() => {
      arrived += 1;
      return new Promise(() => {});
    });
    const hung = fetch(`${two.base}/Patient/p1`).catch(() => 'broken');
    await expect.poll(() => arrived).toBe(2);
    await two.server.close(100);
    expect(await hung).toBe('broken');
  });
});
