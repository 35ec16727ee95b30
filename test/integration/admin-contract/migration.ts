import { expect, it } from 'vitest';
import { until } from '../../support/migration-desk.ts';
import { SIGNED } from './desk.ts';
import type { Desk } from './desk.ts';

const SEARCH = 'Observation.search';
const CREATE = 'Appointment.create';
const DIAL = { protocol: 'modern', fault: 'status', status: 422 };

/** What the operations of a migration answer, along the way of its endpoints. */
export function answersOfMigration(desk: () => Desk): void {
  it('fit the document while an endpoint goes its way', async () => {
    const { hospital, answered, ask, fitting, when } = desk();
    const endpoint = { params: { endpoint: SEARCH } };
    for (const id of ['health', 'ready', 'listRoutes', 'board', 'listRules', 'listOutbox', 'listBackfills'])
      await fitting(id);
    for (const id of ['getRoute', 'routeHistory', 'show', 'report', 'diffs']) await fitting(id, endpoint);

    await fitting('verifyBackend', { params: { name: 'observations' } });
    await fitting('promote', endpoint);
    await hospital.dial({ protocol: 'modern', fault: 'wrong-unit', percent: 100 });
    await until('a difference is counted', async () => {
      await search(desk());
      return ((await fitting('diffs', endpoint))['differences'] as unknown[]).length > 0;
    });
    const { differences } = await fitting('diffs', endpoint);
    const [worst] = differences as { signature: string; samples: string[] }[];
    const sample = worst?.samples[0] ?? '';
    await fitting('openSample', { params: { id: sample }, body: { ...SIGNED, role: 'clinical' } });
    const rule = {
      ...SIGNED,
      endpoint: SEARCH,
      signature: worst?.signature,
      verdict: 'bug-in-modern',
      owner: 'Ada',
      days: 3,
    };
    const { id: made } = await fitting('addRule', { body: rule });
    await fitting('listRules');
    await fitting('diffs', endpoint);
    await fitting('show', endpoint);
    await hospital.clearDials();

    const { id: replay } = await fitting('replay', {
      ...endpoint,
      body: { ...SIGNED, fresh: true, perSecond: 100 },
    });
    await when('getReplay', { params: { id: String(replay) } }, ({ state }) => state === 'done');
    await fitting('removeRule', { params: { id: String(made) } });
    await fitting('waive', { ...endpoint, body: { ...SIGNED, gate: 'latency', days: 3 } });
    await fitting('hold', endpoint);
    await fitting('board');
    await fitting('release', endpoint);
    await fitting('note', endpoint);
    await fitting('setOwners', { ...endpoint, body: { ...SIGNED, owners: { technical: 'mira' } } });
    await until('every gate is open', async () => {
      await search(desk());
      return ((await fitting('show', endpoint))['next'] as { open: boolean }).open;
    });
    await fitting('promote', endpoint);
    await fitting('setCohort', {
      ...endpoint,
      body: { ...SIGNED, cohort: { percent: 1, facilities: ['EAST'] } },
    });
    await fitting('board');
    await fitting('rollback', endpoint);
    await fitting('freshEvidence', endpoint);
    await fitting('report', endpoint);
    expect((await ask('report', { ...endpoint, query: '?format=markdown' })).text).toContain(`# ${SEARCH}`);
    expect((await ask('metrics')).text).toContain('# HELP');
    answered.add('metrics');
    await fitting('setRoute', { ...endpoint, body: { ...SIGNED, stage: 'modern' } });
  });

  it('fit the document for writes with two sides', async () => {
    const { hospital, patient, fitting, when } = desk();
    const endpoint = { params: { endpoint: CREATE } };
    await fitting('promote', endpoint);
    await hospital.dial(DIAL);
    await book(desk(), 3);
    await book(desk(), 4);
    const dead = await when(
      'listOutbox',
      {},
      ({ entries }) => (entries as { state: string }[]).filter(({ state }) => state === 'dead').length === 2,
    );
    await fitting('board');
    await fitting('reconcile', endpoint);
    await when('drift', endpoint, ({ state }) => state !== 'running');
    await hospital.clearDials();
    const [first, second] = dead['entries'] as { id: string }[];
    await fitting('retryEntry', { params: { id: first?.id ?? '' } });
    await fitting('discardEntry', { params: { id: second?.id ?? '' } });

    const fill = { ...SIGNED, patients: [patient, patient], perSecond: 1 };
    const { id } = await fitting('startBackfill', { ...endpoint, body: fill });
    const job = { params: { id: String(id) } };
    await fitting('stopBackfill', job);
    await fitting('resumeBackfill', job);
    await when('getBackfill', job, ({ state }) => state === 'done');
    await fitting('listBackfills');
    await fitting('report', endpoint);
  });

  it('fit the document for a retirement', async () => {
    const { fitting } = desk();
    const endpoint = { params: { endpoint: SEARCH } };
    await search(desk());
    for (const gate of [
      'contract',
      'criticals',
      'parity',
      'shapes',
      'patients',
      'latency',
      'errors',
      'outbox',
      'drift',
      'legacy-calls',
      'long-tail',
    ])
      await fitting('waive', { ...endpoint, body: { ...SIGNED, gate, days: 1 } });
    await fitting('retire', endpoint);
    await fitting('show', endpoint);
    await fitting('retire', { ...endpoint, body: { ...SIGNED, by: 'somebody else' } });
    await fitting('show', endpoint);
    await fitting('board');
  });
}

const fhir = ({ hospital }: Desk, path: string, body?: object): Promise<Response> =>
  fetch(
    `${hospital.base}/${path}`,
    body && {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(body),
    },
  );

async function book(desk: Desk, day: number): Promise<void> {
  const response = await fhir(desk, 'Appointment', {
    resourceType: 'Appointment',
    status: 'booked',
    start: `2031-03-0${day}T09:30:00+01:00`,
    end: `2031-03-0${day}T09:45:00+01:00`,
    participant: [{ actor: { reference: `Patient/${desk.patient}` }, status: 'accepted' }],
  });
  expect(response.status).toBe(201);
  await response.arrayBuffer();
}

async function search(desk: Desk): Promise<void> {
  await (await fhir(desk, `Observation?patient=${desk.patient}`)).arrayBuffer();
}
