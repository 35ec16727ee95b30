import { expect, it } from 'vitest';
import { countPatients } from '../../../src/http/admission.ts';

const OBSERVATIONS = { kind: 'interaction', interaction: 'search', type: 'Observation', form: true } as const;

it('counts each patient that a request names once, and none of more than a search may name', async () => {
  const counted: string[] = [];
  const admission = {
    headers: () => ({}),
    further: async () => {},
    about: async (id: string) => void counted.push(id),
    leave: () => {},
  };
  await countPatients(admission, OBSERVATIONS, [
    ['patient', 'a,Patient/b'],
    ['subject', 'Patient/a'],
    ['code', 'c'],
  ]);
  expect(counted.splice(0)).toEqual(['a', 'b']);
  const many = Array.from({ length: 30_000 }, (_, index) => index).join(',');
  await expect(countPatients(admission, OBSERVATIONS, [['patient', many]])).rejects.toMatchObject({
    code: 'too-costly',
  });
  expect(counted).toEqual([]);
});
