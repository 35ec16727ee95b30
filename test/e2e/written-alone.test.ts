import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';

/** The demo's results are made by the modern service alone, and searched at the core: what the core does not know is said. */

interface Answer {
  readonly id?: string;
  readonly total?: number;
  readonly entry?: readonly {
    readonly resource: { readonly id?: string; readonly issue?: readonly object[] };
  }[];
}

let hospital: Hospital;
let query: string;
let made: string;

beforeAll(async () => {
  hospital = await startHospital();
  const haller = await hospital.patientId('100001');
  query = `Observation?patient=${haller}&code=718-7&_total=accurate`;
});
afterEach(() => hospital.clearDials());
afterAll(() => hospital.close());

async function get(path: string): Promise<{ status: number; by: string | null; body: Answer }> {
  const response = await fetch(`${hospital.base}/${path}`);
  const body = (await response.json()) as Answer;
  return { status: response.status, by: response.headers.get('x-served-by'), body };
}

async function set(endpoint: string, stage: string): Promise<void> {
  const response = await fetch(`${hospital.ficus.adminBase}/routes/${endpoint}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ stage, by: 'integration', reason: 'a test' }),
  });
  expect([endpoint, response.status]).toEqual([endpoint, 200]);
}

async function create(loinc: string): Promise<Response> {
  return fetch(`${hospital.base}/Observation`, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify({
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: loinc }] },
      subject: { reference: `Patient/${await hospital.patientId('100001')}` },
      effectiveDateTime: '2026-11-20',
    }),
  });
}

const issuesOf = ({ entry = [] }: Answer) => entry.flatMap(({ resource }) => resource.issue ?? []);
const missing = [
  { severity: 'warning', code: 'incomplete', diagnostics: expect.stringContaining('Observation.create') },
];

describe('a result that modern alone has', () => {
  it('may be one whose creation was not acknowledged', async () => {
    const before = await get(query);
    expect([before.by, before.body.total, issuesOf(before.body)]).toEqual(['legacy:clinical', 1, []]);
    await hospital.dial({ protocol: 'modern', fault: 'kill-mid-write', bytes: 0 });
    expect((await create('2345-7')).status).toBeGreaterThanOrEqual(500);
    const { by, body } = await get(query);
    expect([by, body.total, issuesOf(body)]).toEqual(['legacy:clinical', undefined, missing]);
  });

  it('is not silently missing from a search that the core answers', async () => {
    const response = await create('718-7');
    expect(response.status).toBe(201);
    made = String(((await response.json()) as Answer).id);
    const { status, by, body } = await get(query);
    expect([status, by, body.total]).toEqual([200, 'legacy:clinical', undefined]);
    expect(issuesOf(body)).toEqual(missing);
  });

  it('is found, with the total, where modern answers; and is said to be missing again when modern fails', async () => {
    await set('Observation.search', 'modern');
    expect((await get(query)).body).toMatchObject({ total: 1, entry: [{ resource: { id: made } }] });
    await hospital.dial({ protocol: 'modern', fault: 'status', status: 503, percent: 100 });
    const { status, by, body } = await get(query);
    expect([status, by, body.total]).toEqual([200, 'legacy:clinical; fallback', undefined]);
    expect(issuesOf(body)).toEqual(missing);
    // The core keeps no versions: that modern fails is the answer.
    expect((await get(`Observation/${body.entry?.[0]?.resource.id}/_history`)).status).toBe(503);
  });

  it('is read at modern after its endpoint has gone back, and is never absent while modern fails', async () => {
    await set('Observation.read', 'shadow');
    await expect
      .poll(() => get(`Observation/${made}`))
      .toMatchObject({ status: 200, by: 'modern:observations' });
    await set('Observation.read', 'legacy');
    expect(await get(`Observation/${made}`)).toMatchObject({ status: 200, by: 'modern:observations' });
    expect((await get('Observation/nobodys')).status).toBe(404);
    await hospital.dial({ protocol: 'modern', fault: 'status', status: 503, percent: 100 });
    expect((await get(`Observation/${made}`)).status).toBe(503);
  });
});
