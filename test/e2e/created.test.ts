import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';

/** What a client has in hand after a create. */
let hospital: Hospital;
beforeAll(async () => {
  hospital = await startHospital();
});
afterAll(() => hospital.close());

const FHIR = { 'content-type': 'application/fhir+json' };

function create(type: string, resource: object, headers: Record<string, string> = {}): Promise<Response> {
  const body = JSON.stringify({ resourceType: type, ...resource });
  return fetch(`${hospital.base}/${type}`, { method: 'POST', headers: { ...FHIR, ...headers }, body });
}

describe('the Location of a record that the core made', () => {
  it('names its version, and leads to it as long as it is the current one', async () => {
    const person = {
      name: [{ family: 'Neumann', given: ['Ida'] }],
      birthDate: '1991-02-03',
      gender: 'female',
    };
    const created = await create('Patient', person, { prefer: 'return=minimal' });
    expect(created.status).toBe(201);
    const location = created.headers.get('location') ?? '';
    const version = created.headers.get('etag')?.replaceAll(/^W\/"|"$/g, '');
    expect(location).toMatch(new RegExp(`^${hospital.base}/Patient/[^/]+/_history/${version}$`));

    const first = await fetch(location);
    const made = (await first.json()) as Record<string, unknown>;
    expect([first.status, first.headers.get('etag')]).toEqual([200, created.headers.get('etag')]);
    expect(made).toMatchObject({ meta: { versionId: version }, name: [{ family: 'Neumann' }] });

    const married = { ...made, name: [{ family: 'Altmann', given: ['Ida'] }] };
    const updated = await fetch(`${hospital.base}/Patient/${String(made['id'])}`, {
      method: 'PUT',
      headers: FHIR,
      body: JSON.stringify(married),
    });
    expect(updated.status).toBe(200);
    expect((await fetch(location)).status).toBe(404);
  });
});

describe('a repeat of a create that a modern service did', () => {
  it('is given the same answer: status, headers and every byte', async () => {
    const result = {
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
      valueQuantity: { value: JSON.rawJSON('1.50'), unit: 'g/dL' },
    };
    const answers = [];
    for (let times = 0; times < 2; times += 1) {
      const response = await create('Observation', result, { 'idempotency-key': 'once' });
      const { status, headers } = response;
      const kept = ['content-type', 'content-length', 'etag', 'last-modified', 'location', 'x-served-by'];
      answers.push([status, kept.map((name) => headers.get(name)), await response.text()]);
    }
    expect(answers[0]?.[0]).toBe(201);
    expect(answers[0]?.[2]).toContain('"value":1.50');
    expect(answers[1]).toEqual(answers[0]);
  });
});
