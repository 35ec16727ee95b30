import { createClientAsync, WSSecurity, type Client } from 'soap';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLegacyCore, type LegacyCore } from '../../sandbox/legacy-core/index.ts';

let core: LegacyCore;
let wsdl: string;
beforeAll(async () => {
  const security = { user: 'ficus', password: 'secret' };
  core = await createLegacyCore({ mllpPort: 0, soapPort: 0, security });
  wsdl = `http://127.0.0.1:${core.soapPort}/ClinicalService?wsdl`;
});
afterAll(() => core.close());

interface Answer {
  readonly Result: { readonly ReturnCode: number; readonly ReasonCode?: string };
  readonly [name: string]: unknown;
}
type Operation = (request: unknown, callback: (error: Error | null, result: Answer) => void) => void;

/** The npm `soap` package as an independent client, made from the WSDL as it is served. */
async function client(port: 'ClinicalSoap11' | 'ClinicalSoap12', password = 'secret') {
  const made: Client = await createClientAsync(wsdl, { forceSoap12Headers: port === 'ClinicalSoap12' });
  made.setSecurity(new WSSecurity('ficus', password, { passwordType: 'PasswordDigest', hasTimeStamp: true }));
  const service = (made as unknown as Record<string, Record<string, Record<string, Operation>>>)[
    'ClinicalService'
  ];
  return (operation: string, request: unknown): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const method = service?.[port]?.[operation];
      if (!method) throw new Error(`The WSDL has no ${operation}`);
      method(request, (error, result) => (error ? reject(error) : resolve(result)));
    });
}

describe.each(['ClinicalSoap11', 'ClinicalSoap12'] as const)('npm soap over %s', (port) => {
  const Patient = { MRN: '100001', AssigningAuthority: 'HOSP' };

  // Each operation: the request, and what the answer holds.
  it.each([
    [
      'FindAppointments',
      { Patient, StatusCode: ['BOOKED', 'DONE'] },
      { Appointments: { Appointment: [{ ApptNo: 'A50002' }, { ApptNo: 'A50001' }, { ApptNo: 'A50004' }] } },
    ],
    [
      'GetAppointment',
      { ApptNo: 'A50001' },
      { Appointment: { ApptTime: '09:30', Department: { Code: 'CARD', AltCode: '394579002' } } },
    ],
    [
      'FindAllergies',
      { Patient, RecordStatus: ['ACTIVE'] },
      { Allergies: { Allergy: [{ AllergyNo: 'AL3001' }, { AllergyNo: 'AL3002' }] } },
    ],
    [
      'GetAllergy',
      { AllergyNo: 'AL3001' },
      {
        Allergy: {
          OnsetDate: '1998',
          Reactions: { Reaction: [{ SeverityCode: 'SV' }, { SeverityCode: 'MO' }] },
        },
      },
    ],
    [
      'FindEncounters',
      { Patient },
      { Encounters: { Encounter: [{ VisitNo: 'V7002' }, { VisitNo: 'V7001' }] } },
    ],
    [
      'GetEncounter',
      { VisitNo: 'V7001' },
      {
        Encounter: {
          VisitClass: 'I',
          Stays: { Stay: [{ Place: { Ward: 'ICU' } }, { Place: { Ward: '3B' } }] },
        },
      },
    ],
    [
      'FindObservations',
      { Patient, Code: ['A1C'] },
      { Observations: { Observation: [{ ObsNo: 'R90002', Value: { Numeric: { Number: '6.0' } } }] } },
    ],
    [
      'GetObservation',
      { ObsNo: 'R90001' },
      { Observation: { Value: { Numeric: { Number: '5.40', Unit: 'mmol/L' } } } },
    ],
  ])('%s', async (operation, request, expected) => {
    const answer = await (await client(port))(operation, request);
    expect(answer.Result.ReturnCode).toBe(0);
    expect(answer).toMatchObject(expected);
  });

  it('books, changes and cancels an appointment', async () => {
    const run = await client(port);
    const Appointment = {
      ExternalRef: `EXT-${port}`,
      Patient,
      ApptDate: '2027-02-01',
      ApptTime: port === 'ClinicalSoap11' ? '09:00' : '10:00',
      DurationMin: 30,
      ApptType: { Code: 'FU' },
      Providers: { Provider: [{ ProviderId: 'P104' }] },
      Comments: 'Ärztin & <Kind>',
    };
    const booked = await run('BookAppointment', { Appointment });
    expect(booked).toMatchObject({
      Result: { ReturnCode: 0 },
      Appointment: { StatusCode: 'BOOKED', RowVersion: 1, Comments: 'Ärztin & <Kind>' },
    });
    const { ApptNo } = booked['Appointment'] as { ApptNo: string };
    const changed = await run('UpdateAppointment', { ApptNo, RowVersion: 1, Change: { DurationMin: 45 } });
    expect(changed).toMatchObject({
      Appointment: { DurationMin: 45, RowVersion: 2, Comments: 'Ärztin & <Kind>' },
    });
    const cancelled = await run('CancelAppointment', { ApptNo, CancelReason: { Code: 'PATREQ' } });
    expect(cancelled).toMatchObject({
      Appointment: { StatusCode: 'CANC', CancelReason: { Code: 'PATREQ' } },
    });
    expect((await run('CancelAppointment', { ApptNo })).Result).toMatchObject({
      ReturnCode: 8,
      ReasonCode: 'CONFLICT',
    });
  });

  it('is turned away with a Fault when the password is wrong', async () => {
    const run = await client(port, 'wrong');
    await expect(run('GetAppointment', { ApptNo: 'A50001' })).rejects.toThrow(
      /FailedAuthentication|could not be authenticated/,
    );
  });
});

describe('the WSDL', () => {
  it('names the address it was fetched from', async () => {
    const text = await (await fetch(wsdl)).text();
    expect(text).not.toContain(':8091');
    expect(text.split(`location="http://127.0.0.1:${core.soapPort}/ClinicalService"`)).toHaveLength(3);
  });
});
