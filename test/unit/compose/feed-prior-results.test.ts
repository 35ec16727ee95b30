import { describe, expect, it } from 'vitest';
import { feed, PID, segment } from './feed-support.ts';

/** Prior results that an order brings along (PRIOR_RESULT, ORC-1 of PR) are history: no orders, and nothing that is known changes. */

const VISIT = segment('PV1', { 2: 'I', 19: 'V1^^^HOSP' });
const MOTHER = segment('PID', { 3: '200^^^HOSP', 5: 'Doe^Ma' });
const THEN = segment('PV1', { 2: 'O', 19: 'V0^^^HOSP' });
const ordered = (control: string, number: string, ...more: string[]): string[] => [
  `ORC|${control}|${number}^HOSP`,
  segment('OBR', { 1: '1', 2: `${number}^HOSP`, 4: 'GLU^Glu^L', 7: '20250101' }),
  ...more,
];
const result = (value: string): string => segment('OBX', { 2: 'NM', 3: 'GLU^Glu^L', 5: value, 11: 'F' });

describe('a prior result', () => {
  it.each(['OML^O21', 'ORM^O01'])(
    'of %s is no order, and is not of the visit of the new one',
    async (type) => {
      const { tell, known } = feed();
      tell(
        type,
        PID,
        VISIT,
        ...ordered('NW', 'O1'),
        ...ordered('PR', 'O9', result('5')),
        ...ordered('NW', 'O2'),
      );
      for (const number of ['O1', 'O2'])
        expect(await known('ServiceRequest', number)).toMatchObject({
          status: 'active',
          encounter: { identifier: { value: 'V1' } },
        });
      await expect(known('ServiceRequest', 'O9')).rejects.toThrow();
      const prior = await known('Observation', 'O9/GLU/GLU/');
      expect(prior).toMatchObject({ valueQuantity: { value: 5 }, effectiveDateTime: '2025-01-01' });
      expect(prior).not.toHaveProperty('encounter');
      expect(prior).not.toHaveProperty('basedOn');
    },
  );

  it.each([
    ['OML^O21', 'SPM|1|S1&HOSP||BLD'],
    ['OMG^O19', 'NTE|1||a note'],
  ])(
    'of %s is of the person whose PID stands before it; the next order is of the patient',
    async (type, last) => {
      const { tell, known, all } = feed();
      const prior = [MOTHER, THEN, 'AL1|1|DA|PEN^Pen^L', ...ordered('PR', 'O9', result('5'))];
      tell(type, PID, VISIT, ...ordered('NW', 'O1', last), ...prior, ...ordered('NW', 'O2'), MOTHER, THEN);
      const subject = (value: string) => ({ subject: { identifier: { value } } });
      expect(await known('Observation', 'O9/GLU/GLU/')).toMatchObject(subject('200'));
      expect(await known('Patient', '200')).toMatchObject({ name: [{ family: 'Doe', given: ['Ma'] }] });
      for (const number of ['O1', 'O2'])
        expect(await known('ServiceRequest', number)).toMatchObject({
          ...subject('100'),
          encounter: { identifier: { value: 'V1' } },
        });
      await expect(known('ServiceRequest', 'O9')).rejects.toThrow();
      await expect(known('Encounter', 'V0')).rejects.toThrow();
      expect(await all('ServiceRequest')).toHaveLength(2);
    },
  );

  it.each(['OML^O21', 'OMG^O19'])('of %s whose order is not said again is no order either', async (type) => {
    const { tell, known, all } = feed();
    const [, ...prior] = ordered('PR', 'O9', result('5'));
    tell(type, PID, VISIT, ...ordered('NW', 'O1'), PID, ...prior, ...ordered('NW', 'O2'));
    expect(await known('Observation', 'O9/GLU/GLU/')).not.toHaveProperty('encounter');
    expect(await all('ServiceRequest')).toHaveLength(2);
    await expect(known('ServiceRequest', 'O9')).rejects.toThrow();
  });

  it('of an order by specimen is of the person whose PID stands before it', async () => {
    const { tell, known, all } = feed();
    const specimen = 'SPM|1|S1&HOSP||BLD';
    const [, ...unordered] = ordered('PR', 'O8', result('4'));
    const prior = [MOTHER, THEN, ...ordered('PR', 'O9', result('5')), MOTHER, ...unordered];
    tell('OML^O33', PID, VISIT, specimen, ...ordered('NW', 'O1'), ...prior, ...ordered('NW', 'O2'));
    for (const [type, number, person] of [
      ['Observation', 'O9/GLU/GLU/', '200'],
      ['Observation', 'O8/GLU/GLU/', '200'],
      ['ServiceRequest', 'O1', '100'],
      ['ServiceRequest', 'O2', '100'],
    ] as const)
      expect(await known(type, number)).toMatchObject({ subject: { identifier: { value: person } } });
    expect(await all('ServiceRequest')).toHaveLength(2);
  });

  it('leaves the order and the result as they are known', async () => {
    const { tell, known } = feed();
    tell('OML^O21', PID, VISIT, ...ordered('NW', 'O9'));
    tell('ORU^R01', PID, VISIT, ...ordered('RE', 'O9', result('6')));
    tell('OML^O21', PID, 'ORC|SC|O9^HOSP|||CM', 'OBR|1|O9^HOSP||GLU^Glu^L');
    const [order, observation] = [
      await known('ServiceRequest', 'O9'),
      await known('Observation', 'O9/GLU/GLU/'),
    ];
    expect(order).toMatchObject({ status: 'completed' });
    tell('OML^O21', PID, VISIT, ...ordered('NW', 'O1'), ...ordered('PR', 'O9', result('5')));
    expect(await known('ServiceRequest', 'O9')).toEqual(order);
    expect(await known('Observation', 'O9/GLU/GLU/')).toEqual(observation);
  });
});
