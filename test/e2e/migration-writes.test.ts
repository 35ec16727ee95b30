import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MANY } from '../../sandbox/index.ts';
import { runLoad } from '../../sandbox/load/index.ts';
import type { LoadOptions, LoadReport } from '../../sandbox/load/index.ts';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';
import { migrationDesk, until } from '../support/migration-desk.ts';
import type { MigrationDesk } from '../support/migration-desk.ts';

/**
 * Appointment on its way, writes and all (M3): legacy writes and modern is told; a cohort of one facility is written by modern and legacy is told; rolled
 * back under load; in the end both sides hold every write that a client was told of, once.
 */
const WRITES = ['Appointment.create', 'Appointment.update'] as const;
const ENDPOINTS = ['Appointment.read', 'Appointment.search', ...WRITES] as const;
const MIX = ['Appointment.search', 'Appointment.read', 'Patient.read'];
/** Of a request, in milliseconds; a write that goes back to legacy waits a quarter of it for those before it. */
const DEADLINE_MS = 60_000;

let hospital: Hospital;
let desk: MigrationDesk;
let seeded = 0;
const accepted: LoadReport['accepted'][number][] = [];

beforeAll(async () => {
  hospital = await startHospital(
    (loaded) => ({
      ...loaded,
      config: {
        ...loaded.config,
        log: { level: 'warn' },
        // What is measured is the way back, not how much one small machine can carry: it queues instead of refusing.
        http: { ...loaded.config.http, deadlineMs: DEADLINE_MS },
        limits: 'off',
        backends: Object.fromEntries(
          Object.entries(loaded.config.backends).map(([name, backend]) => [
            name,
            { ...backend, deadlineMs: 50_000, queue: 10_000 },
          ]),
        ),
        migration: {
          ...loaded.config.migration,
          gates: {
            ...loaded.config.migration.gates,
            minCalls: 20,
            minPatients: 20,
            latencyFactor: 10,
            latencySlackMs: 5_000,
          },
          outbox: { ...loaded.config.migration.outbox, firstRetryMs: 100, maxRetryMs: 500 },
        },
      },
    }),
    { others: MANY },
  );
  desk = migrationDesk(hospital);
  seeded = (await inLegacy()).length;
});
afterAll(() => hospital.close());

/** Everybody's requests for some seconds; what was accepted is remembered. */
async function load(options: Pick<LoadOptions, 'reads' | 'writes' | 'seconds' | 'onOutcome'>) {
  const report = await runLoad({
    fhirBase: hospital.base,
    controlBase: hospital.sandbox.addresses.control,
    endpoints: MIX,
    // Nobody gives up before Ficus does.
    timeoutMs: 2 * DEADLINE_MS,
    ...options,
  });
  accepted.push(...report.accepted);
  return report;
}

async function drained(): Promise<void> {
  await until(
    'nothing is owed to either side',
    async () => {
      const { body } = await desk.get('/migration/outbox');
      return (body['entries'] as unknown[]).length === 0;
    },
    120_000,
  );
}

interface Drift {
  readonly state: string;
  readonly different: number;
  readonly unreadable: number;
  readonly writes: { readonly accepted: number; readonly legacy: number; readonly modern: number };
}

async function reconciled(endpoint: string): Promise<Drift> {
  expect((await desk.post(`/migration/${endpoint}/reconcile`)).status).toBe(202);
  const drift = async () => (await desk.get(`/migration/${endpoint}/drift`)).body as unknown as Drift;
  await until('the reconciler has ended', async () => (await drift()).state !== 'running', 120_000);
  return drift();
}

/** What the core keeps; each booking has the number that Ficus gave the write. */
async function inLegacy(): Promise<readonly string[]> {
  const { appointments } = await hospital.control<{ appointments: { externalRef: string }[] }>(
    '/appointments',
  );
  return appointments.map(({ externalRef }) => externalRef);
}

/** Numbers of the bookings in the modern service, as often as it keeps them. */
async function inModern(): Promise<readonly string[]> {
  const found: string[] = [];
  let next: string | undefined = `${hospital.sandbox.addresses.modern}/Appointment?_count=100`;
  while (next !== undefined) {
    const bundle = (await (await fetch(next)).json()) as {
      entry?: { resource: { identifier?: { system: string; value: string }[] } }[];
      link: { relation: string; url: string }[];
    };
    for (const { resource } of bundle.entry ?? [])
      found.push(...(resource.identifier ?? []).map(({ value }) => value));
    next = bundle.link.find(({ relation }) => relation === 'next')?.url;
  }
  return found;
}

/** Every accepted booking is on each side once, under the id that its client knows, and nothing else was made. */
async function expectOneCopyEach(others = 0): Promise<void> {
  const references = [...new Set(accepted.map((one) => one.reference))];
  const modern = await inModern();
  expect(references.filter((reference) => modern.filter((one) => one === reference).length !== 1)).toEqual(
    [],
  );
  const legacy = await inLegacy();
  const made = legacy.filter((number) => number !== '');
  expect(new Set(made).size).toBe(made.length);
  expect(legacy.length - seeded).toBe(references.length + others);
}

/** Deliveries to legacy that failed. */
function notTaken() {
  return hospital
    .log()
    .filter((line) => line['message'] === 'a write was not delivered' && line['to'] === 'legacy');
}

describe('in shadow', () => {
  it('legacy writes, and modern is told of every write under the same id', async () => {
    await desk.post('/migration/backends/observations/verify');
    for (const endpoint of ENDPOINTS)
      expect((await desk.post(`/migration/${endpoint}/promote`)).status, endpoint).toBe(200);
    const report = await load({ reads: 20, writes: 15, seconds: 8 });
    expect(report.failed).toBe(0);
    expect(new Set(report.accepted.map(({ servedBy }) => servedBy))).toEqual(new Set(['legacy:clinical']));
    await drained();
    await expectOneCopyEach();
  });

  it('the reconciler finds both sides the same, and says how many writes each has', async () => {
    const drift = await reconciled('Appointment.create');
    expect(drift).toMatchObject({ state: 'done', different: 0, unreadable: 0 });
    expect(drift.writes.accepted).toBe(accepted.length);
    expect([drift.writes.legacy, drift.writes.modern]).toEqual([accepted.length, accepted.length]);
    await reconciled('Appointment.update');
  });
});

describe('in canary', () => {
  it('modern writes for a cohort of one facility, whose clients read their own writes on the same side', async () => {
    for (const endpoint of WRITES) {
      const cohort = { percent: 0, facilities: ['EAST'] };
      expect((await desk.post(`/migration/${endpoint}/cohort`, { cohort })).status).toBe(200);
      const moved = await desk.post(`/migration/${endpoint}/promote`, { percent: 10 });
      expect([moved.status, moved.body.message, moved.body.reasons]).toEqual([200, undefined, undefined]);
    }
    const patient = await hospital.patientId('100001');
    const body = JSON.stringify({
      resourceType: 'Appointment',
      status: 'booked',
      start: '2032-03-01T09:00:00+01:00',
      end: '2032-03-01T09:15:00+01:00',
      participant: [{ actor: { reference: `Patient/${patient}` }, status: 'accepted' }],
    });
    const created = await fetch(`${hospital.base}/Appointment`, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json', 'x-facility': 'EAST' },
      body,
    });
    expect([created.status, created.headers.get('x-served-by')]).toEqual([201, 'modern:observations']);
    const { id } = (await created.json()) as { id: string };
    const read = await fetch(`${hospital.base}/Appointment/${id}`);
    expect(read.status).toBe(200);
    await drained();
    const later = await fetch(`${hospital.base}/Appointment/${id}`);
    expect([later.status, later.headers.get('x-served-by')]).toEqual([200, 'legacy:clinical']);
    expect(((await later.json()) as { id: string }).id).toBe(id);
    const found = await fetch(`${hospital.base}/Appointment?patient=${patient}&date=2032-03-01`);
    const bundle = (await found.json()) as { entry?: { resource: { id: string } }[] };
    expect(bundle.entry?.map(({ resource }) => resource.id)).toEqual([id]);
  });

  it('rolled back at two hundred requests a second: all new writes at legacy within a second, no error more than one in a thousand', async () => {
    let backAt = Number.POSITIVE_INFINITY;
    const before = notTaken().length;
    const late: { readonly atMs: number; readonly ms: number }[] = [];
    const owed: string[] = [];
    const roll = (async () => {
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      for (const endpoint of WRITES) {
        const moved = await desk.post(`/migration/${endpoint}/rollback`);
        expect(moved.status).toBe(200);
        owed.push(...((moved.body['warnings'] as string[] | undefined) ?? []));
      }
      backAt = performance.now();
    })();
    const report = await load({
      reads: 185,
      writes: 15,
      seconds: 10,
      onOutcome: ({ endpoint, ms, result }) => {
        const begun = performance.now() - ms;
        const modern = 'servedBy' in result && result.servedBy.startsWith('modern:');
        if (endpoint.endsWith('.create') && modern && begun > backAt + 1_000)
          late.push({ atMs: begun - backAt, ms });
      },
    });
    await roll;
    await drained();
    expect(new Set(report.accepted.map(({ servedBy }) => servedBy))).toEqual(
      new Set(['legacy:clinical', 'modern:observations']),
    );
    // Only what legacy does not take keeps a patient with modern: it refused or failed, which is logged, or a write has waited for it in vain.
    const failed = notTaken().slice(before);
    const inVain = late.some(({ ms }) => ms >= DEADLINE_MS / 4);
    expect(failed.length > 0 || inVain ? [] : late).toEqual([]);
    expect(report.failed / report.sent).toBeLessThanOrEqual(0.001);
  });

  it('leaves every accepted write on both sides, once, under the id that its client knows', async () => {
    await expectOneCopyEach(1);
    const drift = await reconciled('Appointment.create');
    expect(drift).toMatchObject({ state: 'done', different: 0, unreadable: 0 });
    expect([drift.writes.legacy, drift.writes.modern]).toEqual([
      drift.writes.accepted,
      drift.writes.accepted,
    ]);
    for (const { id } of accepted.filter(({ servedBy }) => servedBy.startsWith('modern:')).slice(0, 20)) {
      const read = await fetch(`${hospital.base}/Appointment/${id}`);
      expect([read.status, read.headers.get('x-served-by')]).toEqual([200, 'legacy:clinical']);
    }
  });
});

describe('with the side that is owed gone', () => {
  it('keeps its patients with the other side, warns whoever goes back, and loses nothing', async () => {
    for (const endpoint of WRITES) expect((await desk.post(`/routes/${endpoint}`)).status).toBe(405);
    for (const endpoint of WRITES) {
      const set = await fetch(`${hospital.ficus.adminBase}/routes/${endpoint}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ stage: 'modern', by: 'integration', reason: 'a test' }),
      });
      expect(set.status).toBe(200);
    }
    await hospital.dial({ protocol: 'soap', fault: 'down' });
    const report = await load({ reads: 0, writes: 5, seconds: 4 });
    expect(report.accepted.length).toBeGreaterThan(0);
    const back = await desk.post('/migration/Appointment.create/rollback', { to: 'shadow' });
    expect((back.body['warnings'] as string[]).join()).toMatch(
      /\d+ writes accepted by modern are not in legacy yet/,
    );
    const { id } = report.accepted[0] as { id: string };
    const read = await fetch(`${hospital.base}/Appointment/${id}`);
    expect([read.status, read.headers.get('x-served-by')]).toEqual([200, 'modern:observations']);
    await hospital.clearDials();
    await drained();
    await expectOneCopyEach(1);
  });
});
