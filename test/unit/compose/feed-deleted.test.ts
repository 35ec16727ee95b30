import { describe, expect, it } from 'vitest';
import { feed, PID, segment, type Fields } from './feed-support.ts';

/** What a field that is told to be deleted (HL7 v2.5.1 §2.7.2) takes with it, and what not. */

describe('a patient', () => {
  const registered = () => {
    const { tell, known } = feed();
    const adt = (event: string, fields: Fields): void =>
      tell(`ADT^${event}`, segment('PID', { 3: '100^^^HOSP', 5: 'Doe^Jo^^^^^L', ...fields }), 'PV1|1|N');
    adt('A28', {
      3: '100^^^HOSP~77^^^HOSP^DL',
      5: 'Doe^Jo^^^^^L~Fox^Jo^^^^^M',
      9: 'Ray^Jo',
      11: 'Main 1^^Bonn^^^^^^Land',
      12: 'Mitte',
      13: '1',
      14: '2',
      40: '3^^CP',
    });
    return { adt, now: () => known('Patient', '100') };
  };

  it.each([
    ['PID-4', 4],
    ['PID-9', 9],
    ['PID-12', 12],
    ['PID-20', 20],
    ['PID-40', 40],
  ])('loses nothing that other fields say when %s is deleted, which adds to them', async (_name, field) => {
    const { adt, now } = registered();
    const { meta: _meta, ...before } = await now();
    adt('A31', { [field]: '""', 3: '100^^^HOSP~77^^^HOSP^DL' });
    const { meta: _newer, ...after } = await now();
    expect(after).toEqual(before);
  });

  it('loses the home phone alone', async () => {
    const { adt, now } = registered();
    adt('A31', { 13: '""' });
    expect((await now())['telecom']).toMatchObject([{ use: 'work', value: '2' }, { value: '3' }]);
  });

  it('keeps the county that stands in a field of its own when the address changes', async () => {
    const { adt, now } = registered();
    adt('A31', { 11: 'Side 2^^Bonn' });
    expect((await now())['address']).toEqual([{ line: ['Side 2'], city: 'Bonn' }, { district: 'Mitte' }]);
  });
});

it('a problem is active again when its resolution is deleted', async () => {
  const { tell, known } = feed();
  const problem = (fields: Fields): void =>
    tell('PPR^PC2^PPR_PC1', PID, segment('PRB', { 1: 'UP', 3: 'D1^Diab^L', 4: 'P1^HOSP', ...fields }));
  problem({ 9: '20260105' });
  problem({ 9: '""' });
  const now = await known('Condition', 'P1');
  expect(now).toMatchObject({ clinicalStatus: { coding: [{ code: 'active' }] } });
  expect(now).not.toHaveProperty('abatementDateTime');
});

it('an allergy is active again when its status is deleted', async () => {
  const { tell, known } = feed();
  const allergy = (fields: Fields): void =>
    tell('ADT^A60', PID, segment('IAM', { 1: '1', 3: 'PEN^Pen^L', 6: 'U', 7: 'I1^HOSP', ...fields }));
  allergy({ 17: 'I' });
  allergy({});
  expect(await known('AllergyIntolerance', 'I1')).toMatchObject({
    clinicalStatus: { coding: [{ code: 'inactive' }] },
  });
  allergy({ 17: '""' });
  expect(await known('AllergyIntolerance', 'I1')).toMatchObject({
    clinicalStatus: { coding: [{ code: 'active' }] },
  });
});

it('an order loses the days that its timing named, with the timing', async () => {
  const { tell, known } = feed();
  const order = (control: string, repeat: string): void =>
    tell(
      'OML^O21',
      PID,
      `ORC|${control}|O1^HOSP`,
      `TQ1|1||${repeat}|||||1^d&&UCUM`,
      'OBR|1|O1^HOSP||GLU^Glu^L',
    );
  order('NW', '^DW^1^2');
  expect(await known('ServiceRequest', 'O1')).toMatchObject({
    occurrenceTiming: { repeat: { dayOfWeek: ['mon', 'tue'] } },
  });
  order('XO', '""');
  expect(await known('ServiceRequest', 'O1')).not.toHaveProperty('occurrenceTiming.repeat.dayOfWeek');
});
