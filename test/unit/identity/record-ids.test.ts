import { expect, it } from 'vitest';
import { sealRecord } from '../../../src/identity/record-ids.ts';

const asked: string[] = [];
const seal = (type: string, key: string): string => {
  asked.push(`${type} ${key}`);
  return `${type.toLowerCase()}-${key.length}`;
};

it('seals references and addresses that are keys, then the id, and leaves the resource as it was', () => {
  const resource = Object.freeze({
    resourceType: 'DocumentReference',
    id: 'HOSP|D/1',
    subject: { reference: 'Patient/HOSP|100/x|y', display: 'Patient/HOSP|1' },
    content: [{ attachment: { url: 'Binary/HOSP|7\n8', size: JSON.rawJSON('1.0') } }, null],
    status: 'current',
  });
  asked.length = 0;
  expect(sealRecord(resource, seal)).toEqual({
    resourceType: 'DocumentReference',
    id: 'documentreference-8',
    subject: { reference: 'Patient/patient-12', display: 'Patient/HOSP|1' },
    content: [{ attachment: { url: 'Binary/binary-8', size: JSON.rawJSON('1.0') } }, null],
    status: 'current',
  });
  expect(asked).toEqual(['Patient HOSP|100/x|y', 'Binary HOSP|7\n8', 'DocumentReference HOSP|D/1']);
  expect(resource.subject.reference).toBe('Patient/HOSP|100/x|y');
});

it('puts what a resource is in front, and gives one without an id none', () => {
  const sealed = sealRecord({ status: 'current', resourceType: 'Basic', url: 'Binary/A|1' }, seal);
  expect(JSON.stringify(sealed)).toBe('{"resourceType":"Basic","status":"current","url":"Binary/binary-3"}');
});

it.each([
  '#p1',
  'urn:uuid:0a|b',
  'https://ehr.example/Patient/HOSP|1',
  'Patient/abc',
  'Patient/|1',
  'Patient/HOSP|',
  'Patient/a/HOSP|1',
  'P/HOSP|1',
  'patient/HOSP|1',
  'P4tient/HOSP|1',
  'A|B/HOSP|1',
  '/HOSP|1',
  '',
])('leaves %j as it is', (reference) => {
  expect(sealRecord({ resourceType: 'Basic', subject: { reference } }, seal)).toEqual({
    resourceType: 'Basic',
    subject: { reference },
  });
});
