import { describe, expect, it } from 'vitest';
import { openScene } from './hl7v2-core.ts';

describe('Patient.read over QBP^Q22', () => {
  it('reads a patient by number and authority, under its key', async () => {
    const { source, context } = await openScene();
    const patient = await source.read('Patient', 'HOSP|100001', context());
    expect(patient).toMatchObject({
      resourceType: 'Patient',
      id: 'HOSP|100001',
      birthDate: '1962-03-14',
      gender: 'female',
    });
  });
});
