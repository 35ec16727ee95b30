import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../src/fhir/types.ts';
import { feed, PID, segment, type Fields } from './feed-support.ts';

/** What a later message leaves of what an earlier one said: absent is not deleted, and a cancellation takes back. */

describe('a stay', () => {
  const stay = () => {
    const { tell, known } = feed();
    return {
      adt: (event: string, fields: Fields, ...more: string[]) =>
        tell(`ADT^${event}`, PID, segment('PV1', { 2: 'I', 19: 'V7^^^HOSP', ...fields }), ...more),
      now: () => known('Encounter', 'V7'),
    };
  };
  const places = (encounter: Resource): unknown =>
    (encounter['location'] as { location: { display: string }; status: string }[] | undefined)?.map(
      ({ location, status }) => `${status} ${location.display}`,
    );
  const people = (encounter: Resource): unknown =>
    (encounter['participant'] as { individual: { display: string } }[] | undefined)?.map(
      ({ individual }) => individual.display,
    );
  const ADMITTED = { 3: 'W1^1', 7: '11^A', 9: '13^C', 14: '1', 17: '14^D', 44: '20260101095900' };
  const DISCHARGED = { 36: '02', 37: 'HOME', 45: '20260102120000' };

  it('keeps the start, the source and the people that the discharge does not speak of', async () => {
    const { adt, now } = stay();
    adt('A01', ADMITTED);
    adt('A08', { 9: '99^Z' });
    adt('A03', DISCHARGED);
    const left = await now();
    expect(left).toMatchObject({
      status: 'finished',
      period: { start: '2026-01-01T09:59:00+01:00', end: '2026-01-02T12:00:00+01:00' },
      hospitalization: {
        admitSource: { coding: [{ code: '1' }] },
        dischargeDisposition: { coding: [{ code: '02' }] },
      },
    });
    expect(people(left)).toEqual(['A', 'Z', 'D']);
    expect(places(left)).toEqual(['active W1, 1']);
  });

  it('has no discharge when it is cancelled, and all else', async () => {
    const { adt, now } = stay();
    adt('A01', ADMITTED);
    const before = await now();
    adt('A03', DISCHARGED, segment('PV2', { 11: '2' }));
    expect(await now()).toHaveProperty('length');
    adt('A13', {});
    expect({ ...(await now()), meta: undefined }).toEqual({ ...before, meta: undefined });
  });

  it('stays finished when an A08 of its class follows; not of what an A01 says', async () => {
    const { adt, now } = stay();
    adt('A01', ADMITTED);
    adt('A03', DISCHARGED);
    adt('A08', { 10: 'SUR' });
    expect(await now()).toMatchObject({ status: 'finished', serviceType: {} });
    adt('A01', {});
    expect(await now()).toMatchObject({ status: 'in-progress' });
  });

  it('keeps its class where a message has none', async () => {
    const { adt, now } = stay();
    adt('A01', ADMITTED);
    adt('A08', { 2: '', 3: 'W1^1' });
    expect(await now()).toMatchObject({ status: 'in-progress', class: { code: 'IMP' } });
  });

  it('is back where it was when a transfer is cancelled, and is awaited nowhere when it has come', async () => {
    const { adt, now } = stay();
    adt('A05', { 2: 'P', 3: 'W0^1' });
    expect(places(await now())).toEqual(['planned W0, 1']);
    adt('A01', ADMITTED);
    expect(places(await now())).toEqual(['active W1, 1']);
    adt('A15', { 3: 'W1^1', 42: 'W9^9' });
    expect(places(await now())).toEqual(['active W1, 1', 'reserved W9, 9']);
    adt('A26', {});
    expect(places(await now())).toEqual(['active W1, 1']);
    adt('A02', { 3: 'W2^2', 6: 'W1^1' });
    expect(places(await now())).toEqual(['active W2, 2', 'completed W1, 1']);
    adt('A08', { 7: '12^B' });
    expect(places(await now())).toEqual(['active W2, 2', 'completed W1, 1']);
    adt('A12', { 3: 'W1^1' });
    expect(places(await now())).toEqual(['active W1, 1']);
  });

  it('loses what it is told to delete, where rows tell items of one list apart, too', async () => {
    const { adt, now } = stay();
    adt('A01', ADMITTED);
    adt('A08', { 3: '""', 7: '""', 14: '""' });
    const left = await now();
    expect(people(left)).toEqual(['C', 'D']);
    expect(places(left)).toBeUndefined();
    expect(left).not.toHaveProperty('hospitalization');
  });

  it('changes its bed with that of another', async () => {
    const { tell, known } = feed();
    const [other, bed] = [
      segment('PID', { 3: '200^^^HOSP' }),
      (number: string, at: string) => segment('PV1', { 2: 'I', 3: at, 19: `${number}^^^HOSP` }),
    ];
    tell('ADT^A01', PID, segment('PV1', { 2: 'I', 3: 'W1^1', 7: '11^A', 19: 'V7^^^HOSP' }));
    tell('ADT^A01', other, bed('V8', 'W1^2'));
    tell('ADT^A17', PID, bed('V7', 'W1^2'), other, bed('V8', 'W1^1'));
    expect(places(await known('Encounter', 'V7'))).toEqual(['active W1, 2']);
    expect(people(await known('Encounter', 'V7'))).toEqual(['A']);
    expect(places(await known('Encounter', 'V8'))).toEqual(['active W1, 1']);
  });
});

describe('a patient', () => {
  it('loses the numbers of the use that is told to be deleted', async () => {
    const { tell, known } = feed();
    const visit = segment('PV1', { 2: 'N' });
    tell('ADT^A28', segment('PID', { 3: '100^^^HOSP', 13: '1', 14: '2' }), visit);
    tell('ADT^A31', segment('PID', { 3: '100^^^HOSP', 14: '""' }), visit);
    expect(await known('Patient', '100')).toMatchObject({ telecom: [{ use: 'home', value: '1' }] });
  });

  it('keeps the practice when another doctor is named', async () => {
    const { tell, known } = feed();
    const visit = segment('PV1', { 2: 'N' });
    tell('ADT^A28', PID, segment('PD1', { 3: 'Practice^^^^^HOSP^^^^5', 4: '7^Specht' }), visit);
    tell('ADT^A31', PID, segment('PD1', { 4: '8^Fink' }), visit);
    expect(await known('Patient', '100')).toMatchObject({
      generalPractitioner: [{ display: 'Practice' }, { display: 'Fink' }],
    });
  });
});

describe('an appointment', () => {
  const booking = () => {
    const { tell, known } = feed();
    return {
      siu: (event: string, fields: Fields, ...more: string[]) =>
        tell(`SIU^${event}^SIU_S12`, segment('SCH', { 2: 'F1^HOSP', ...fields }), PID, ...more),
      now: () => known('Appointment', 'F1'),
    };
  };
  const TIME = { 11: '^^^202602010900^202602010930' };
  const RESOURCES = [
    'RGS|1',
    segment('AIG', { 3: 'DEV1^Device^L' }),
    segment('AIL', { 3: 'R1', 6: '202602010900', 9: '30', 10: 'min' }),
    segment('AIP', { 3: '55^Doc' }),
  ];
  const booked = (appointment: Resource): unknown =>
    (appointment['participant'] as { actor: { display?: string; reference?: string } }[]).map(
      ({ actor }) => actor.display ?? actor.reference?.split('/')[0],
    );

  it.each([
    ['S15', 'cancelled'],
    ['S16', 'cancelled'],
    ['S17', 'entered-in-error'],
    ['S26', 'noshow'],
  ])('keeps who and what was booked when %s says only that it is %s', async (event, status) => {
    const { siu, now } = booking();
    siu('S12', { ...TIME, 16: '77^Fil', 20: '78^Ent' }, ...RESOURCES);
    const before = await now();
    siu(event, { 6: 'ILL^Ill^L' });
    const left = await now();
    expect(left).toMatchObject({ status, start: before['start'], participant: before['participant'] });
    expect(booked(left)).toEqual(['Fil', 'Ent', 'Device', 'R1', 'Doc', 'Patient']);
  });

  it('gets another doctor, and the same room; at another time all of them', async () => {
    const { siu, now } = booking();
    siu('S12', TIME, ...RESOURCES);
    siu('S14', {}, 'RGS|1', segment('AIP', { 3: '56^Other' }));
    expect(booked(await now())).toEqual(['Device', 'R1', 'Other', 'Patient']);
    expect(await now()).toMatchObject({ participant: [{}, { period: {} }, {}, {}] });
    siu('S13', { 11: '^^^202602020900^202602020930' });
    const moved = await now();
    expect(moved).toMatchObject({ status: 'booked', start: '2026-02-02T09:00:00+01:00' });
    expect(booked(moved)).toEqual(['Device', 'R1', 'Other', 'Patient']);
    expect(JSON.stringify(moved['participant'])).not.toContain('period');
  });

  it('stays cancelled when something else of it changes, until it is booked anew', async () => {
    const { siu, now } = booking();
    siu('S12', TIME, ...RESOURCES);
    siu('S15', { 6: 'ILL^Ill^L' });
    siu('S14', { 7: 'X^New^L' });
    expect(await now()).toMatchObject({ status: 'cancelled', reasonCode: [{}], cancelationReason: {} });
    siu('S13', TIME);
    expect(await now()).toMatchObject({ status: 'booked' });
    expect(await now()).not.toHaveProperty('cancelationReason');
  });
});

describe('a document', () => {
  it('stays in error, and keeps what belongs to it', async () => {
    const { tell, known } = feed();
    const mdm = (event: string, fields: Fields, ...more: string[]): void =>
      tell(`MDM^${event}`, PID, 'PV1|1|I', segment('TXA', { 2: 'DS', 12: 'D1^HOSP', ...fields }), ...more);
    mdm('T02', { 9: '11^A', 14: 'O1^HOSP', 19: 'AV', 25: 'Letter' }, 'OBX|1|TX|T^^L||hello||||||F');
    const { meta: _meta, ...before } = await known('DocumentReference', 'D1');
    mdm('T11', { 2: '' });
    mdm('T03', { 17: 'LA' });
    expect(await known('DocumentReference', 'D1')).toMatchObject({ ...before, status: 'entered-in-error' });
  });
});

describe('an order', () => {
  it('stays revoked where a message does not say what it is', async () => {
    const { tell, known } = feed();
    const orm = (control: string, ...more: string[]): void =>
      tell('ORM^O01', PID, segment('ORC', { 1: control, 2: 'O1^HOSP' }), ...more);
    const DETAIL = 'OBR|1|O1^HOSP||718-7^Hb^LN';
    orm('NW', 'TQ1|1||||||20260102||R', DETAIL, 'NTE|1||a note');
    orm('DC', 'OBR|1|O1^HOSP||');
    orm('XX', DETAIL);
    expect(await known('ServiceRequest', 'O1')).toMatchObject({
      status: 'revoked',
      priority: 'routine',
      code: { coding: [{ code: '718-7' }] },
      note: [{ text: 'a note' }],
    });
  });

  it('of a drug keeps the drug, its dose and route when it is cancelled, and the route of another dose', async () => {
    const { tell, known } = feed();
    const order = (control: string): string => segment('ORC', { 1: control, 2: 'O1^HOSP' });
    const drug = 'ASA^Aspirin^L';
    tell('OMP^O09', PID, order('NW'), segment('RXO', { 1: drug, 2: '100', 4: 'mg', 7: 'take it' }), 'RXR|PO');
    const { meta: _meta, ...before } = await known('MedicationRequest', 'O1');
    tell('OMP^O09', PID, order('CA'), 'RXO|');
    const { meta: _newer, ...after } = await known('MedicationRequest', 'O1');
    expect(after).toEqual({ ...before, status: 'cancelled' });
    tell('OMP^O09', PID, order('SC'), segment('RXO', { 1: drug, 2: '50', 4: 'mg' }));
    expect(await known('MedicationRequest', 'O1')).toMatchObject({
      status: 'cancelled',
      dosageInstruction: [
        {
          route: { coding: [{ code: 'PO' }] },
          patientInstruction: 'take it',
          doseAndRate: [{ doseQuantity: { value: 50 } }],
        },
      ],
    });
  });

  it('has not the specimen of another one', async () => {
    const { tell, known } = feed();
    const result = (number: string): string =>
      segment('OBX', { 2: 'NM', 3: `${number}^x^L`, 5: '5', 11: 'F' });
    tell(
      'OML^O21',
      PID,
      'ORC|NW|O1^HOSP',
      'OBR|1|O1^HOSP||GLU^Glu^L',
      'SPM|1|S1&HOSP||BLD',
      'ORC|PR|O9^HOSP',
      'OBR|1|O9^HOSP||OLD^Old^L',
      result('OLD'),
    );
    expect(await known('Observation', 'O9/OLD/OLD/')).not.toHaveProperty('specimen');
    expect(await known('ServiceRequest', 'O1')).toHaveProperty('specimen');
  });
});

describe('a problem', () => {
  it('is over once, has no clinical status in error, and is added anew', async () => {
    const { tell, known } = feed();
    const problem = (event: string, fields: Fields): void =>
      tell(
        `PPR^${event}^PPR_PC1`,
        PID,
        segment('PRB', { 2: '20260101', 3: 'D1^Diab^L', 4: 'P1^HOSP', ...fields }),
      );
    const now = () => known('Condition', 'P1');
    problem('PC1', { 1: 'AD', 16: '20200101', 26: 'H^High^L' });
    problem('PC2', { 1: 'UP', 9: '20260105' });
    problem('PC2', { 1: 'UP' });
    expect(await now()).toMatchObject({
      clinicalStatus: { coding: [{ code: 'resolved' }] },
      onsetDateTime: '2020-01-01',
      severity: {},
    });
    problem('PC3', { 1: 'DE' });
    expect(await now()).toMatchObject({ verificationStatus: { coding: [{ code: 'entered-in-error' }] } });
    expect(await now()).not.toHaveProperty('clinicalStatus');
    problem('PC1', { 1: 'AD' });
    expect(await now()).toMatchObject({ clinicalStatus: { coding: [{ code: 'active' }] } });
    expect(await now()).not.toHaveProperty('verificationStatus');
    expect(await now()).not.toHaveProperty('abatementDateTime');
  });
});

describe('a charge', () => {
  it('stays credited, and keeps what was charged', async () => {
    const { tell, known } = feed();
    const charge = (fields: Fields): void =>
      tell('DFT^P03', PID, segment('FT1', { 2: 'T1', 4: '20260101', 7: '99213^Visit^C4', ...fields }));
    charge({ 6: 'CG', 10: '2', 20: '11^A' });
    const { meta: _meta, ...before } = await known('ChargeItem', 'T1');
    charge({ 6: 'CD' });
    charge({});
    const { meta: _newer, ...after } = await known('ChargeItem', 'T1');
    expect(after).toEqual({ ...before, status: 'aborted' });
  });
});
