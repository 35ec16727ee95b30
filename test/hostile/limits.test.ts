import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGuardedHospital } from '../support/guarded-hospital.ts';
import type { GuardedHospital } from '../support/guarded-hospital.ts';
import { leaksNothing, startTarget } from './target.ts';
import type { Target } from './target.ts';

/** One caller takes what it may, and no more; others are served. They are told apart by their address, for security is open here. */
const LIMITS = {
  client: { requests: 40, seconds: 3_600 },
  user: { requests: 20, seconds: 3_600 },
  patient: { requests: 10, seconds: 3_600 },
  concurrency: 5,
  userConcurrency: 3,
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
});
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

describe('with tokens', () => {
  let hospital: GuardedHospital;
  beforeAll(async () => {
    hospital = await startGuardedHospital({}, (loaded) => ({
      ...loaded,
      config: {
        ...loaded.config,
        limits: LIMITS,
        http: { ...loaded.config.http, trustForwarded: ['127.0.0.0/8'] },
      },
    }));
  });
  afterAll(() => hospital?.close());

  const portal = (sub: string) => ({ sub, client_id: 'portal', scope: 'user/*.rs' });

  it('one user of an application takes what one may, and the others are served', async () => {
    const asked = await hospital.ask('/Patient?family=nobody', portal('ada'));
    expect(asked.status).toBe(200);
    expect(Object.fromEntries(asked.headers)).toMatchObject({
      'ratelimit-limit': '20',
      'ratelimit-remaining': '19',
      'ratelimit-policy': '20;w=3600, 40;w=3600, 10;w=3600',
    });
    for (let count = 1; count < 20; count++) await hospital.ask('/Patient?family=nobody', portal('ada'));
    for (let count = 0; count < 30; count++) {
      const refused = await hospital.ask('/Patient?family=nobody', portal('ada'));
      expect(refused.status).toBe(429);
      expect(refused.headers.get('ratelimit-limit')).toBe('20');
      expect(refused.headers.get('ratelimit-remaining')).toBe('0');
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3_000);
      leaksNothing(refused.text);
    }
    for (let count = 0; count < 19; count++)
      expect((await hospital.ask('/Patient?family=nobody', portal('bob'))).status).toBe(200);
    const last = await hospital.ask('/Patient?family=nobody', portal('eve'));
    expect([last.status, last.headers.get('ratelimit-limit')]).toEqual([200, '40']);
    expect((await hospital.ask('/Patient?family=nobody', portal('eve'))).status).toBe(429);
    expect(
      (await hospital.ask('/Patient?family=nobody', { ...portal('ada'), client_id: 'other' })).status,
    ).toBe(200);
  });

  it('whoever tries tokens at the admin port is no longer listened to, there and at the FHIR API', async () => {
    const { adminBase } = hospital.ficus;
    const admin = { sub: 'ina', client_id: 'console', roles: ['admin'] };
    const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
    const wrong = (nth: number, address: string) =>
      fetch(`${adminBase}/routes`, {
        headers: { authorization: `Bearer wrong-${nth}`, 'x-forwarded-for': address },
      });
    expect((await hospital.admin('/routes', { ...admin, jti: 'seen' }, from('10.0.1.1'))).status).toBe(200);
    for (let count = 0; count < 3; count++) expect((await wrong(count, '10.0.1.1')).status).toBe(401);
    const refused = await wrong(3, '10.0.1.1');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3_000);
    leaksNothing(await refused.text());
    expect((await hospital.admin('/routes', { ...admin, jti: 'new' }, from('10.0.1.1'))).status).toBe(429);
    expect((await hospital.ask('/Patient?family=nobody', portal('kim'), from('10.0.1.1'))).status).toBe(429);
    expect((await hospital.admin('/routes', { ...admin, jti: 'elsewhere' }, from('10.0.1.2'))).status).toBe(
      200,
    );
    expect((await fetch(`${adminBase}/healthz`, from('10.0.1.1'))).status).toBe(200);
  });

  it('nobody is another at the admin port because every peer is believed at the FHIR API', async () => {
    const trusting = await startGuardedHospital({}, (loaded) => ({
      ...loaded,
      config: { ...loaded.config, limits: LIMITS, http: { ...loaded.config.http, trustForwarded: true } },
    }));
    try {
      const statuses = [];
      for (let count = 0; count < 4; count++) {
        const headers = { authorization: `Bearer wrong-${count}`, 'x-forwarded-for': `10.0.2.${count}` };
        statuses.push((await fetch(`${trusting.ficus.adminBase}/routes`, { headers })).status);
      }
      expect(statuses).toEqual([401, 401, 401, 429]);
    } finally {
      await trusting.close();
    }
  });
});
