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
    const { body } = await post('handling=lenient').expect(201);
    expect(body.name[0].family).toBe('Lenient');
    expect(body.photo).toBeUndefined();
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
