import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { validateResource } from '../../src/fhir/validate.ts';
import type { Resource } from '../../src/fhir/types.ts';
import type { LegacySource } from '../../src/search/source.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { contextOf, createTold, ofPatient, openSandbox, openSource, withIds } from './soap-core.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(() => sandbox.close());

const TYPES = ['Appointment', 'AllergyIntolerance', 'Encounter', 'Observation'] as const;

/** Every page of a patient's records. */
async function allOf(source: LegacySource, type: string, patient: string, count = 100): Promise<Resource[]> {
  const found: Resource[] = [];
  let cursor: string | undefined;
  do {
    const page = { count, ...(cursor === undefined ? {} : { cursor }) };
    const { resources, next, issues } = await source.search(type, [ofPatient(patient)], page, contextOf());
    // A merged number finds the records of the number that counts now, and says so.
    for (const issue of issues ?? []) expect(issue.expression).toEqual(['patient']);
    expect(resources.length).toBeLessThanOrEqual(count);
    found.push(...resources);
    cursor = next;
  } while (cursor !== undefined);
  return found;
}

describe.each(['1.1', '1.2'] as const)('the clinical service over SOAP %s', (soapVersion) => {
  let source: ReturnType<typeof openSource>;
  beforeAll(() => {
    source = openSource(sandbox, createTold(), { soapVersion });
  });
  afterAll(() => source.close());

  it('reads an appointment by its key', async () => {
    const appointment = await source.read('Appointment', 'APPT|A50001', contextOf());
    expect(appointment).toMatchObject({
      resourceType: 'Appointment',
      id: 'APPT|A50001',
      status: 'booked',
      start: '2026-12-03T09:30:00+01:00',
      end: '2026-12-03T10:00:00+01:00',
      participant: [
        { actor: { reference: 'Patient/HOSP|100001', display: 'HALLER, Johanna' }, status: 'accepted' },
        { actor: { type: 'Practitioner', display: 'Dr. med. Martin Adler' } },
        { actor: { type: 'Location', identifier: { value: 'WEST/AMB/K2' } } },
      ],
    });
  });

  it.each(TYPES)('gives valid %s resources of every patient, in pages of any size', async (type) => {
    const patients = Array.from({ length: 60 }, (_, index) => `HOSP|${100_001 + index}`);
    let count = 0;
    for (const patient of [...patients, 'CLINIC|C-20101', 'CLINIC|C-20103']) {
      const all = await allOf(source, type, patient);
      count += all.length;
      for (const resource of all) expect(validateResource(withIds(resource)), resource.id).toEqual([]);
      if (all.length > 1) expect(await allOf(source, type, patient, 1)).toEqual(all);
    }
    expect(count).toBeGreaterThan(10);
  });

  it('says that a record is not there', async () => {
    const reads = [
      'Appointment APPT|NONE',
      'Observation OBS|NONE',
      'Encounter APPT|V7001',
      'Encounter V7001',
    ];
    for (const [type = '', key = ''] of reads.map((it) => it.split(' ')))
      await expect(source.read(type, key, contextOf())).rejects.toMatchObject({ code: 'not-found' });
  });
});
