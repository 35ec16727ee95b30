import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOSP, startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';

/** What the README promises a newcomer, in its order, over the wire. */
let hospital: Hospital;
let haller: string;

beforeAll(async () => {
  hospital = await startHospital();
  haller = await hospital.patientId('100001');
});
afterAll(() => hospital.close());

const api = () => request(hospital.base);

interface Received {
  readonly received: readonly {
    readonly operation: string;
    readonly controlId: string;
    readonly outcome: string;
  }[];
}

const exchangesOf = (requestId: string) =>
  hospital
    .log()
    .filter(
      (line) => line['requestId'] === requestId && (line['messageType'] ?? line['action']) !== undefined,
    );

describe('a newcomer', () => {
  it('reads a patient out of the HL7v2 core as FHIR, under an id that gives nothing away', async () => {
    const { body, headers } = await api().get(`/Patient/${haller}`).expect(200);
    expect(headers['content-type']).toBe('application/fhir+json; charset=utf-8');
    expect(headers['x-served-by']).toBe('legacy:core');
    expect(headers['etag']).toBe(`W/"${body.meta.versionId}"`);
    expect(headers['server-timing']).toMatch(/total;dur=/);
    expect(body).toMatchObject({
      resourceType: 'Patient',
      id: haller,
      birthDate: '1962-03-14',
      gender: 'female',
    });
    expect(body.name[0]).toMatchObject({ family: 'Haller', given: ['Johanna', 'Maria'] });
    expect(body.identifier).toContainEqual(expect.objectContaining({ system: HOSP, value: '100001' }));
    expect(haller).not.toContain('100001');
    expect(haller).toMatch(/^[A-Za-z0-9.-]{1,64}$/);
  });

  it('finds in the log which HL7v2 message a request caused, and the core knows it by the same number', async () => {
    await api()
      .get(`/Patient/${haller}`)
      .set('X-Request-Id', 'newcomer-1')
      .expect(200)
      .expect('x-request-id', 'newcomer-1');
    const exchanges = exchangesOf('newcomer-1');
    expect(exchanges).toHaveLength(1);
    expect(exchanges[0]).toMatchObject({
      messageType: expect.stringMatching(/^QBP\^Q22/),
      ack: 'AA',
      backend: 'core',
    });
    const { received } = await hospital.control<Received>(
      `/received?controlId=${String(exchanges[0]?.['controlId'])}`,
    );
    expect(received).toHaveLength(1);
  });

  it('searches by name, and pages without losing or repeating anyone', async () => {
    const ids: string[] = [];
    let next: string | undefined =
      `${hospital.base}/Patient?birthdate=ge1940-01-01&gender=female&family=a,b,c,d,h,k,m,s,w&_count=3`;
    for (let page = 0; next !== undefined && page < 40; page++) {
      const bundle = (await (await fetch(next)).json()) as {
        entry?: { resource: { id: string; gender: string }; search: { mode: string } }[];
        link: { relation: string; url: string }[];
      };
      const matches = (bundle.entry ?? []).filter((entry) => entry.search.mode === 'match');
      expect(matches.every((entry) => entry.resource.gender === 'female')).toBe(true);
      ids.push(...matches.map((entry) => entry.resource.id));
      next = bundle.link.find((link) => link.relation === 'next')?.url;
    }
    expect(ids.length).toBeGreaterThan(5);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toContain(haller);
  });

  it('books an appointment through SOAP, sees it, cancels it', async () => {
    const created = await api()
      .post('/Appointment')
      .set('content-type', 'application/fhir+json')
      .set('X-Request-Id', 'booking-1')
      .send({
        resourceType: 'Appointment',
        status: 'booked',
        start: '2031-03-04T09:30:00+01:00',
        end: '2031-03-04T09:45:00+01:00',
        participant: [{ actor: { reference: `Patient/${haller}` }, status: 'accepted' }],
      })
      .expect(201);
    expect(created.headers['x-served-by']).toBe('legacy:clinical');
    expect(created.headers['location']).toMatch(
      new RegExp(`^${hospital.base}/Appointment/${created.body.id}`),
    );
    expect(exchangesOf('booking-1').map((line) => line['action'])).toContainEqual(
      expect.stringMatching(/BookAppointment/),
    );

    const path = `/Appointment/${created.body.id}`;
    const { body: booked } = await api().get(path).expect(200);
    expect(booked).toMatchObject({
      status: 'booked',
      start: '2031-03-04T09:30:00+01:00',
      end: '2031-03-04T09:45:00+01:00',
    });
    const { body: found } = await api()
      .get('/Appointment')
      .query({ patient: haller, date: '2031-03-04' })
      .expect(200);
    expect(found.entry.map((entry: { resource: { id: string } }) => entry.resource.id)).toEqual([
      created.body.id,
    ]);

    await api()
      .put(path)
      .set('content-type', 'application/fhir+json')
      .set('if-match', 'W/"stale"')
      .send({ ...booked, status: 'cancelled' })
      .expect(412);
    const { body: cancelled } = await api()
      .put(path)
      .set('content-type', 'application/fhir+json')
      .set('if-match', `W/"${booked.meta.versionId}"`)
      .send({ ...booked, status: 'cancelled' })
      .expect(200);
    expect(cancelled.status).toBe('cancelled');
    expect((await api().get(path).expect(200)).body.status).toBe('cancelled');
  });

  it('has an order placed and acknowledged by the core', async () => {
    const { body } = await api()
      .post('/ServiceRequest')
      .set('content-type', 'application/fhir+json')
      .send({
        resourceType: 'ServiceRequest',
        status: 'active',
        intent: 'order',
        code: { coding: [{ system: 'http://loinc.org', code: '58410-2' }], text: 'CBC' },
        subject: { reference: `Patient/${haller}` },
      });
    expect(body).toMatchObject({ resourceType: 'ServiceRequest' });
    const { orders } = await hospital.control<{ orders: { patient: unknown }[] }>('/orders');
    expect(orders.length).toBeGreaterThan(0);
  });
});

describe('an endpoint', () => {
  const results = () => api().get('/Observation').query({ patient: haller, _count: 50 });

  it('moves from legacy to modern and back with one command each, under the same ids', async () => {
    const { fillModern } = await import('../../src/cli/demo-fill.ts');
    const { createLogger } = await import('../../src/log.ts');
    const legacy = hospital.ficus.backends.get('clinical');
    if (!legacy) throw new Error('no SOAP backend');
    const filled = await fillModern({
      legacy,
      modernBase: hospital.sandbox.addresses.modern,
      patientIds: [haller],
      log: createLogger({ level: 'silent' }),
    });
    expect(filled).toBeGreaterThan(3);

    const set = async (stage: string) => {
      const response = await fetch(`${hospital.ficus.adminBase}/routes/Observation.search`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ stage, by: 'test', reason: 'to see it move' }),
      });
      expect(response.status).toBe(200);
    };
    const idsOf = (body: { entry: { resource: { id: string } }[] }) =>
      body.entry.map((entry) => entry.resource.id).toSorted();

    const before = await results().expect(200).expect('x-served-by', 'legacy:clinical');
    await set('modern');
    const after = await results().expect(200).expect('x-served-by', 'modern:observations');
    expect(idsOf(after.body)).toEqual(idsOf(before.body));
    const urls = after.body.entry.map((entry: { fullUrl: string }) => entry.fullUrl);
    expect(urls.every((url: string) => url.startsWith(`${hospital.base}/Observation/`))).toBe(true);
    expect(JSON.stringify(after.body)).not.toContain(hospital.sandbox.addresses.modern);
    await set('legacy');
    await results().expect(200).expect('x-served-by', 'legacy:clinical');

    const history = (await (
      await fetch(`${hospital.ficus.adminBase}/routes/Observation.search/history`)
    ).json()) as {
      history: { stage: string; updatedBy: string }[];
    };
    expect(history.history.map(({ stage, updatedBy }) => `${stage} by ${updatedBy}`)).toEqual([
      'legacy by config',
      'modern by test',
      'legacy by test',
    ]);
    expect(hospital.log().filter((line) => line['message'] === 'route changed')).toHaveLength(2);
  });

  it('answered by the modern service keeps what it was sent, digits included, under an id that reads', async () => {
    const text = `{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2339-0"}]},"subject":{"reference":"Patient/${haller}"},"valueQuantity":{"value":5.40,"unit":"mmol/L"}}`;
    const created = await api()
      .post('/Observation')
      .set('content-type', 'application/fhir+json')
      .send(text)
      .expect(201);
    expect(created.headers['x-served-by']).toBe('modern:observations');
    const location = String(created.headers['location']).replace(/\/_history.*/, '');
    expect(location.startsWith(`${hospital.base}/Observation/`)).toBe(true);
    const answer = await fetch(location);
    expect(answer.headers.get('x-served-by')).toBe('modern:observations');
    expect(await answer.text()).toContain('"value":5.40');
  });

  it('follows a chain and an include whichever side answers', async () => {
    const search = () =>
      api()
        .get('/Observation')
        .query({ 'patient.identifier': `${HOSP}|100001`, _include: 'Observation:patient', _count: 5 });
    const { body } = await search().expect(200);
    const modes = body.entry.map(
      (entry: { search: { mode: string }; resource: { resourceType: string } }) =>
        `${entry.search.mode} ${entry.resource.resourceType}`,
    );
    expect(modes).toContain('match Observation');
    expect(modes.filter((mode: string) => mode === 'include Patient')).toHaveLength(1);
  });

  it('of a path prefix that is no FHIR is carried as it is', async () => {
    const direct = await (await fetch(hospital.sandbox.addresses.portal)).text();
    const through = await fetch(`${new URL(hospital.base).origin}/portal/`);
    expect(through.status).toBe(200);
    expect(await through.text()).toBe(direct);
  });
});

describe('/metadata', () => {
  it('says what can be done here, and only that', async () => {
    const { body } = await api().get('/metadata').expect(200);
    expect(body).toMatchObject({
      resourceType: 'CapabilityStatement',
      fhirVersion: '4.0.1',
      kind: 'instance',
    });
    const stated = Object.fromEntries(
      body.rest[0].resource.map((one: { type: string; interaction: { code: string }[] }) => [
        one.type,
        one.interaction.map(({ code }) => code).toSorted(),
      ]),
    );
    const told = ['history-instance', 'read', 'search-type', 'vread'];
    expect(stated).toEqual({
      AllergyIntolerance: ['read', 'search-type', 'vread'],
      Appointment: ['create', 'read', 'search-type', 'update', 'vread'],
      Encounter: ['read', 'search-type', 'vread'],
      Observation: ['create', 'read', 'search-type', 'vread'],
      Patient: ['create', 'read', 'search-type', 'update', 'vread'],
      ServiceRequest: ['create'],
      ...Object.fromEntries(
        [
          'Condition',
          'Coverage',
          'DiagnosticReport',
          'DocumentReference',
          'Immunization',
          'Location',
          'MedicationRequest',
          'Organization',
          'Practitioner',
          'Procedure',
          'RelatedPerson',
          'Specimen',
        ].map((type) => [type, told]),
      ),
    });
  });
});
