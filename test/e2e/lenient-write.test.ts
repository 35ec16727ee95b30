import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHospital } from '../support/hospital.ts';
import type { Hospital } from '../support/hospital.ts';

let hospital: Hospital;
beforeAll(async () => {
  hospital = await startHospital();
});
afterAll(() => hospital.close());

const PATIENT = {
  resourceType: 'Patient',
  name: [{ family: 'Lenient' }],
  photo: [{ contentType: 'image/png', title: 'portrait' }],
};

const post = (prefer?: string) => {
  const call = request(hospital.base).post('/Patient').set('Content-Type', 'application/fhir+json');
  return (prefer === undefined ? call : call.set('Prefer', prefer)).send(PATIENT);
};

describe('a Patient with an element that the core has no place for', () => {
  it.each([undefined, 'handling=strict', 'return=minimal'])('is refused with Prefer: %s', async (prefer) => {
    const { body } = await post(prefer).expect(422);
    expect(body.issue).toEqual([
      expect.objectContaining({ severity: 'error', code: 'not-supported', expression: ['Patient.photo'] }),
    ]);
  });

  it('is created without it when the client says handling=lenient', async () => {
    const { body, headers } = await post('handling=lenient').expect(201);
    expect(body.name[0].family).toBe('Lenient');
    expect(body.photo).toBeUndefined();
    expect(headers['x-left-out']).toBe('Patient.photo');
  });

  it('is told what was left out although nothing is to be returned', async () => {
    const { headers, text } = await post('handling=lenient, return=minimal').expect(201);
    expect([text, headers['x-left-out']]).toEqual(['', 'Patient.photo']);
  });

  it('is told what was left out as an entry of a batch', async () => {
    const entry = [{ resource: PATIENT, request: { method: 'POST', url: 'Patient' } }];
    const { body } = await request(hospital.base)
      .post('/')
      .set({ 'Content-Type': 'application/fhir+json', Prefer: 'handling=lenient' })
      .send({ resourceType: 'Bundle', type: 'batch', entry })
      .expect(200);
    expect(body.entry[0]).toMatchObject({
      resource: { resourceType: 'Patient' },
      response: { status: '201', outcome: { issue: [{ expression: ['Bundle.entry[0].resource.photo'] }] } },
    });
  });

  it('is told what was left out with return=OperationOutcome', async () => {
    const { body, headers } = await post('handling=lenient, return=OperationOutcome').expect(201);
    expect(headers['location']).toMatch(/\/Patient\/[^/]+/);
    expect(body).toMatchObject({
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'information' }, { severity: 'warning', expression: ['Patient.photo'] }],
    });
  });
});
