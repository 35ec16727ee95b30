import { describe, expect, it } from 'vitest';
import { feed, PID, segment, type Fields } from './feed-support.ts';

/** What is cancelled, replaced or not done is not shown as if it were there. */

describe('a stay that is cancelled', () => {
  it.each([
    ['A01', 'A11', 'cancelled'],
    ['A14', 'A27', 'cancelled'],
    ['A05', 'A38', 'cancelled'],
    ['A01', 'A23', 'entered-in-error'],
  ])('after %s by %s has no bed, and all else', async (made, event, status) => {
    const { tell, known } = feed();
    const adt = (name: string, fields: Fields): void =>
      tell(`ADT^${name}`, PID, segment('PV1', { 2: 'I', 7: '11^A', 19: 'V7^^^HOSP', ...fields }));
    adt(made, { 3: 'W1^1', 6: 'W0^1', 11: 'T1', 42: 'W9^9', 44: '20260101' });
    adt(event, { 3: 'W1^1', 11: 'T1', 42: 'W9^9' });
    const left = await known('Encounter', 'V7');
    expect(left).toMatchObject({ status, participant: [{}], period: { start: '2026-01-01' } });
    expect(left['location']).toMatchObject([{ status: 'completed', location: { display: 'W0, 1' } }]);
    adt('A08', { 3: 'W1^1', 10: 'SUR' });
    const changed = await known('Encounter', 'V7');
    expect(changed).toMatchObject({ status, serviceType: {}, location: left['location'] });
    adt(made, { 3: 'W2^2' });
    expect(JSON.stringify((await known('Encounter', 'V7'))['location'])).toContain('W2, 2');
  });
});

describe('a document that is replaced', () => {
  const documents = () => {
    const { tell, known } = feed();
    return {
      mdm: (event: string, fields: Fields, text: string): void =>
        tell(
          `MDM^${event}`,
          PID,
          'PV1|1|I',
          segment('TXA', { 2: 'DS', ...fields }),
          ...(text === '' ? [] : [`OBX|1|TX|T^^L||${text}||||||F`]),
        ),
      document: (number: string) => known('DocumentReference', number),
    };
  };
  const [OLD, NEW] = ['D1^HOSP', 'D2^HOSP'];

  it.each([
    ['T09', ''],
    ['T10', 'better'],
  ])(
    'by %s is superseded and keeps its body; the new one says which it replaces, also later',
    async (event, text) => {
      const { mdm, document } = documents();
      mdm('T02', { 12: OLD, 17: 'LA', 25: 'Letter' }, 'worse');
      const { meta: _meta, ...before } = await document('D1');
      expect(before).toMatchObject({ status: 'current' });
      mdm(event, { 12: NEW, 13: OLD }, text);
      const { meta: _newer, ...after } = await document('D1');
      expect(after).toEqual({ ...before, status: 'superseded' });
      const replaces = [{ code: 'replaces', target: { reference: `DocumentReference/${after.id}` } }];
      expect(await document('D2')).toMatchObject({ status: 'current', relatesTo: replaces });
      mdm('T08', { 12: NEW, 13: OLD }, 'best');
      expect(await document('D2')).toMatchObject({ status: 'current', relatesTo: replaces });
      mdm('T03', { 12: OLD }, '');
      expect(await document('D1')).toMatchObject({ status: 'superseded' });
    },
  );

  it('is superseded though nobody told of it, stays in error, and is current where it replaces itself', async () => {
    const { mdm, document } = documents();
    mdm('T10', { 12: NEW, 13: OLD }, 'better');
    expect(await document('D1')).toMatchObject({ status: 'superseded', masterIdentifier: { value: 'D1' } });
    mdm('T11', { 12: OLD }, '');
    mdm('T10', { 12: NEW, 13: OLD }, 'best');
    expect(await document('D1')).toMatchObject({ status: 'entered-in-error' });
    mdm('T10', { 12: NEW, 13: NEW }, 'last');
    expect(await document('D2')).toMatchObject({ status: 'current' });
  });

  it('is not replaced by an addendum', async () => {
    const { mdm, document } = documents();
    mdm('T02', { 12: OLD }, 'text');
    mdm('T06', { 12: NEW, 13: OLD }, 'more');
    expect(await document('D1')).toMatchObject({ status: 'current' });
    expect(await document('D2')).toMatchObject({ relatesTo: [{ code: 'appends' }] });
  });
});

describe('a vaccination', () => {
  const vaccinated = async (fields: Fields) => {
    const { tell, known } = feed();
    tell(
      'VXU^V04',
      PID,
      'ORC|RE||I1^HOSP',
      segment('RXA', { 3: '20260301', 5: '208^COVID-19^CVX', 6: '999', ...fields }),
    );
    return known('Immunization', 'I1');
  };

  it('of an amount that is not known has no dose', async () => {
    expect(await vaccinated({ 20: 'CP' })).toMatchObject({ status: 'completed' });
    expect(await vaccinated({ 7: 'mL^^UCUM', 20: 'CP' })).not.toHaveProperty('doseQuantity');
    expect(await vaccinated({ 6: '0.5', 7: 'mL^^UCUM' })).toHaveProperty('doseQuantity.value');
  });

  it('that was refused, or is of no vaccine, is not done; one that is deleted is in error', async () => {
    const refused = { 18: '00^Parental decision^NIP002', 20: 'RE' };
    expect(await vaccinated(refused)).toMatchObject({ status: 'not-done', statusReason: {} });
    expect(await vaccinated({ 5: '998^no vaccine administered^CVX' })).toMatchObject({ status: 'not-done' });
    expect(await vaccinated({ ...refused, 21: 'D' })).toMatchObject({ status: 'entered-in-error' });
  });

  it('of which nobody knows whether it was given waits for somebody to map the code', async () => {
    await expect(vaccinated({ 20: 'LOCAL' })).rejects.toThrow('parked: mapping-needed');
  });
});

describe('what is booked', () => {
  const booking = () => {
    const { tell, known } = feed();
    return {
      siu: (event: string, ...booked: string[]) =>
        tell(`SIU^${event}^SIU_S12`, segment('SCH', { 2: 'F1^HOSP' }), PID, 'RGS|1', ...booked),
      now: async () => {
        const appointment = await known('Appointment', 'F1');
        const participants = appointment['participant'] as { actor: { display?: string } }[];
        return participants.flatMap(({ actor }) => actor.display ?? []);
      },
      services: async () => (await known('Appointment', 'F1'))['serviceType'],
    };
  };

  it('and taken away in the same message (segment action code D) is not booked; what does not change (X) is', async () => {
    const { siu, now, services } = booking();
    siu('S12', 'AIS|1|D|XR^X-ray^L', 'AIG|1|D|7^Device^L', 'AIL|1|X|R1', 'AIP|1|D|55^Doc', 'AIP|2|A|56^Fox');
    expect(await now()).toEqual(['R1', 'Fox']);
    expect(await services()).toBeUndefined();
  });

  it('is taken away alone, and no other that has its number', async () => {
    const { siu, now, services } = booking();
    siu('S12', 'AIS|1||XR^X-ray^L', 'AIG|1||7^Device^L', 'AIL|1||7', "AIP|1||7^O'Doc", 'AIP|2||8^Fox');
    siu('S14', "AIP|1|D|7^O'Doc");
    expect(await now()).toEqual(['Device', '7', 'Fox']);
    siu('S14', 'AIL|1|D|7');
    siu('S14', 'AIG|1|D|7^Device^L');
    expect(await now()).toEqual(['Fox']);
    expect(await services()).toMatchObject([{ coding: [{ code: 'XR' }] }]);
    siu('S14', 'AIS|1|D|XR^X-ray^L');
    expect(await services()).toBeUndefined();
    siu('S14', 'AIP|1|D|9^Nobody', "AIP|2|D|it's");
    expect(await now()).toEqual(['Fox']);
  });
});
