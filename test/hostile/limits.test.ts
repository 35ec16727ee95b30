import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leaksNothing, startTarget } from './target.ts';
import type { Target } from './target.ts';

/** One caller takes what it may, and no more; others are served. They are told apart by their address, for security is open here. */
const LIMITS = {
  client: { requests: 40, seconds: 3_600 },
  patient: { requests: 10, seconds: 3_600 },
  concurrency: 5,
  refusals: { requests: 3, seconds: 3_600 },
  keys: 1_000,
};
let target: Target;

beforeAll(async () => {
  target = await startTarget((config) => ({
    ...config,
    limits: LIMITS,
    http: { ...config.http, trustForwarded: ['127.0.0.0/8', '10.9.0.0/16'] },
  }));
}, 60_000);
afterAll(() => target.close());

/** As a client of an address, through a proxy that is trusted. */
const ask = (
  address: string,
  path: string,
  init: { method?: string; headers?: Record<string, string>; body?: string } = {},
) => fetch(`${target.base}/${path}`, { ...init, headers: { 'x-forwarded-for': address, ...init.headers } });

describe('a client', () => {
  it('is told what it may still ask, and refused when that is nothing', async () => {
    const first = await ask('10.0.0.1', 'Patient?family=nobody');
    await first.text();
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'ratelimit-limit': '40',
      'ratelimit-remaining': '39',
      'ratelimit-policy': '40;w=3600, 10;w=3600',
    });
    for (let count = 1; count < 40; count++) await (await ask('10.0.0.1', 'Patient?family=nobody')).text();
    const refused = await ask('10.0.0.1', 'Patient?family=nobody');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3_000);
    expect(refused.headers.get('ratelimit-remaining')).toBe('0');
    const text = await refused.text();
    expect(text).toContain('"throttled"');
    leaksNothing(text);
    expect((await ask('10.0.0.2', 'Patient?family=nobody')).status).toBe(200);
    // Nobody becomes another by what it says before the trusted proxy has spoken.
    expect((await ask('10.0.0.3, 10.0.0.1, 10.9.0.4', 'Patient?family=nobody')).status).toBe(429);
    expect((await ask('10.0.0.1', 'metadata')).status).toBe(200);
  });

  it('is refused one patient when it has asked for that one too often, and no other', async () => {
    const id = await target.patientId('100001');
    const statuses = [];
    for (let count = 0; count < 12; count++) {
      const answer = await ask('10.0.0.4', count % 2 ? `Patient/${id}` : `Observation?patient=${id}`);
      await answer.text();
      statuses.push(answer.status);
    }
    expect(statuses.slice(0, 10).every((status) => status === 200)).toBe(true);
    expect(statuses.slice(10)).toEqual([429, 429]);
    const other = await target.patientId('100002');
    expect((await ask('10.0.0.4', `Patient/${other}`)).status).toBe(200);
    expect((await ask('10.0.0.5', `Patient/${id}`)).status).toBe(200);
  });

  it('does not hide a hundred requests in a batch', async () => {
    const entry = { request: { method: 'GET', url: 'Patient?family=nobody' } };
    const batch = (entries: number) => ({
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({
        resourceType: 'Bundle',
        type: 'batch',
        entry: Array.from({ length: entries }, () => entry),
      }),
    });
    const some = await ask('10.0.0.6', '', batch(30));
    expect([some.status, some.headers.get('ratelimit-remaining')]).toEqual([200, '10']);
    await some.text();
    const more = await ask('10.0.0.6', '', batch(30));
    expect(more.status).toBe(429);
  });

  it('has only so many requests under way at once', async () => {
    await target.dial({ protocol: 'mllp', fault: 'slow', delayMs: 500 });
    try {
      const answers = await Promise.all(
        Array.from({ length: 12 }, () => ask('10.0.0.7', 'Patient?family=haller')),
      );
      const statuses = await Promise.all(
        answers.map(async (answer) => {
          await answer.text();
          return answer.status;
        }),
      );
      expect(statuses.filter((status) => status === 429)).toHaveLength(7);
    } finally {
      await target.clearDials();
    }
    expect((await ask('10.0.0.7', 'Patient?family=haller')).status).toBe(200);
  });
});
