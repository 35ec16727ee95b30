import { expect, it } from 'vitest';
import { messageTree } from '../../../adapters/hl7v2/tree.ts';
import { parseMessage } from '../../../adapters/hl7v2/parse.ts';
import { hdFrom, readHd } from '../../../src/mapping/authority.ts';
import { startRun } from '../../../src/mapping/run.ts';

const AUTHORITIES = [
  { name: 'HOSP', namespaces: ['HOSP', 'MPI'], oid: '2.999.1.1', system: 'https://hospital.example/mrn' },
  { name: 'CLINIC', namespaces: ['CLINIC'], system: 'urn:oid:2.999.1.2' },
  { name: 'LAB', namespaces: ['LAB'], system: 'https://lab.example/ids' },
];

it.each([
  ['HOSP', 'HOSP'],
  ['MPI&2.999.1.1&ISO', 'HOSP'],
  ['&2.999.1.1&ISO', 'HOSP'],
  ['&2.999.1.2&ISO', 'CLINIC'],
  ['ELSEWHERE&2.999.1.1&ISO', 'HOSP'],
  ['LAB&lab.example&DNS', 'LAB'],
  ['ELSEWHERE', undefined],
  ['hosp', undefined],
  ['&2.999.1.1', undefined],
  ['HOSP&2.999.7&ISO', undefined],
  ['CLINIC&2.999.7&ISO', undefined],
  ['CLINIC&2.999.1.1&ISO', undefined],
  ['LAB&2.999.1.1&ISO', undefined],
  ['HOSP&2.999.1.2&ISO', undefined],
])('the assigning authority %s is %s', (hd, name) => {
  const message = parseMessage(Buffer.from(`MSH|^~\\&|A|B|C|D|2025||ADT^A01|1|P|2.5\rPID|1||7^^^${hd}\r`));
  const { run } = startRun({ authorities: AUTHORITIES, timeZone: 'UTC' });
  const place = messageTree(message).child('PID').child(3).child(4);
  expect(readHd(hdFrom(place, 1), run)?.authority?.name).toBe(name);
});
