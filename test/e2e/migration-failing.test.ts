import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DemoPatient } from '../../src/cli/demo-data.ts';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';
import { fillSandbox, migrationDesk, until } from '../support/migration-desk.ts';
import type { MigrationDesk } from '../support/migration-desk.ts';

/** A modern service that fails by halves: in the middle of a body, after a write was done and before it is said; and what clients see of that. */

let hospital: Hospital;
let desk: MigrationDesk;
let patients: readonly DemoPatient[];

beforeAll(async () => {
  hospital = await startHospital((loaded) => ({
    ...loaded,
    config: {
      ...loaded.config,
      log: { level: 'warn' },
      migration: {
        ...loaded.config.migration,
        outbox: { ...loaded.config.migration.outbox, firstRetryMs: 100, maxRetryMs: 500 },
      },
    },
  }));
  desk = migrationDesk(hospital);
  patients = await fillSandbox(hospital);
});
afterEach(() => hospital.clearDials());
afterAll(() => hospital.close());

async function set(endpoint: string, stage: string): Promise<void> {
  const response = await fetch(`${hospital.ficus.adminBase}/routes/${endpoint}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ stage, by: 'integration', reason: 'a test' }),
  });
  expect([endpoint, response.status]).toEqual([endpoint, 200]);
}

function booking(hour: string): Readonly<Record<string, unknown>> {
  return {
    resourceType: 'Appointment',
    status: 'booked',
    start: `2033-03-01T${hour}:00:00+01:00`,
    end: `2033-03-01T${hour}:15:00+01:00`,
    participant: [{ actor: { reference: `Patient/${patients[0]?.id}` }, status: 'accepted' }],
  };
}

async function send(method: string, path: string, body: object, headers: Record<string, string> = {}) {
  const response = await fetch(`${hospital.base}/${path}`, {
    method,
    headers: { 'content-type': 'application/fhir+json', ...headers },
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    by: response.headers.get('x-served-by'),
    body: (await response.json()) as { id?: string; issue?: readonly { code: string }[] },
  };
}

const owed = async (): Promise<unknown[]> =>
  (await desk.get('/migration/outbox')).body['entries'] as unknown[];

describe('bodies that modern breaks off', () => {
  it('never look whole, and send the endpoint back although every status was good', async () => {
    await set('Observation.search', 'modern');
    await hospital.dial({ protocol: 'modern', fault: 'kill-mid-write', percent: 40 });
    let broken = 0;
    for (let at = 0; (await desk.stage('Observation.search')) === 'modern'; at++) {
      const { id } = patients[at % patients.length] as DemoPatient;
      // What breaks off before a byte of it was written has no status: the connection ends.
      const response = await fetch(`${hospital.base}/Observation?patient=${id}`).catch(() => undefined);
      if (response) expect(response.status).toBe(200);
      await (response?.json() ?? Promise.reject(new Error('no answer'))).catch(() => (broken += 1));
      expect(at).toBeLessThan(300);
    }
    expect(broken).toBeGreaterThan(0);
    const { body } = await desk.get('/routes/Observation.search/history');
    expect((body['history'] as { reason: string }[]).at(-1)?.reason).toMatch(
      /^Rolled back Observation\.search from modern to shadow: error rate/,
    );
  });
});

describe('a write that modern did and did not say', () => {
  const ENDPOINTS = ['Appointment.create', 'Appointment.update'];

  it('is told to whoever repeats it, wherever the endpoint has gone since', async () => {
    for (const endpoint of ENDPOINTS) await set(endpoint, 'modern');
    const key = { 'idempotency-key': 'told-late' };
    const write = { protocol: 'modern', fault: 'kill-mid-write', bytes: 0, count: 1 };
    await hospital.dial({ ...write, operation: 'Appointment.update' });
    expect((await send('POST', 'Appointment', booking('09'), key)).status).toBe(504);
    await until('legacy has been told of it', async () => (await owed()).length === 0);
    for (const stage of ['shadow', 'legacy']) {
      for (const endpoint of ENDPOINTS) await set(endpoint, stage);
      const again = await send('POST', 'Appointment', booking('09'), key);
      expect([again.status, again.by]).toEqual([201, 'modern:observations']);
      const read = await fetch(`${hospital.base}/Appointment/${again.body.id}`);
      expect([read.status, read.headers.get('x-served-by')]).toEqual([200, 'legacy:clinical']);
    }
    const found = await fetch(`${hospital.base}/Appointment?patient=${patients[0]?.id}&date=2033-03-01`);
    expect(((await found.json()) as { entry: unknown[] }).entry).toHaveLength(1);
  });
});

describe('an update of what nobody has', () => {
  it.each(['legacy', 'shadow', 'modern'])('makes nothing in %s', async (stage) => {
    for (const endpoint of ['Appointment.create', 'Appointment.update']) await set(endpoint, stage);
    const id = 'd5d7a1a6-3c0f-4b6e-9a55-6c2f4fb1a0c1';
    const put = await send('PUT', `Appointment/${id}`, { ...booking('10'), id });
    expect([put.status, put.body.issue?.[0]?.code]).toEqual([405, 'not-supported']);
    expect(await owed()).toEqual([]);
  });
});
