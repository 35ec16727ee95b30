import { Hl7Message } from '@medplum/core';
import { fileURLToPath } from 'node:url';
import { parseMessage } from '../adapters/hl7v2/parse.ts';
import { messageTree } from '../adapters/hl7v2/tree.ts';
import { loadMappings } from '../src/config/mappings.ts';
import { readTree, writeTree } from '../src/mapping/run-map.ts';
import type { RunContext } from '../src/mapping/run.ts';
import { compareOperations, costRow } from './harness.ts';
import type { Row } from './harness.ts';

// A message with PID and PD1 read into a Patient by the declared mapping, against the same fields read by hand with @medplum/core, which
// does it one way, with nothing said of what was left out. Costs are CPU microseconds a message, from its bytes.

const BYTES = Buffer.from(
  [
    'MSH|^~\\&|CORE|HOSP|FICUS|HOSP|20260701120000||RSP^K22^RSP_K21|1|P|2.5',
    'PID|1||100234^^^HOSP&1.2.3&ISO^MR~X9^^^LAB^PI||Everywoman^Eve^Ann^^Mrs^^L~Eve^^^^^^N||19800315|F|||1 Main St^Apt 4^Springfield^IL^62701^US^H||(217)555-0100^PRN^PH~^NET^Internet^eve@example.org|(217)555-0199^WPN^PH||M^Married^HL70002',
    'PD1||||4711^House^Gregory^^^Dr^^^HOSP',
  ].join('\r'),
);
const CONTEXT: RunContext = {
  authorities: [
    { name: 'HOSP', namespaces: ['HOSP'], oid: '1.2.3', system: 'urn:oid:1.2.3' },
    { name: 'LAB', namespaces: ['LAB'], system: 'https://lab.example/ids' },
  ],
  timeZone: 'Europe/Berlin',
};

function byHand(): object {
  const message = Hl7Message.parse(BYTES.toString());
  const pid = message.getSegment('PID')!;
  const list = (field: number) =>
    Array.from({ length: pid.getField(field)?.components.length ?? 0 }, (_, at) => at);
  const part = (field: number, component: number, at = 0) =>
    pid.getComponent(field, component, undefined, at) || undefined;
  const provider = message.getSegment('PD1')!;
  return {
    resourceType: 'Patient',
    identifier: list(3).map((at) => ({
      value: part(3, 1, at),
      system: part(3, 4, at),
      type: part(3, 5, at),
    })),
    name: list(5).map((at) => ({
      family: part(5, 1, at),
      given: [part(5, 2, at), part(5, 3, at)],
      prefix: part(5, 5, at),
      use: part(5, 7, at),
    })),
    birthDate: part(7, 1)?.replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3'),
    gender: part(8, 1) === 'F' ? 'female' : 'male',
    address: list(11).map((at) => ({
      line: [part(11, 1, at), part(11, 2, at)],
      city: part(11, 3, at),
      state: part(11, 4, at),
      postalCode: part(11, 5, at),
      country: part(11, 6, at),
    })),
    telecom: [13, 14].flatMap((field) =>
      list(field).map((at) => ({ value: part(field, 1, at) ?? part(field, 4, at), use: part(field, 2, at) })),
    ),
    maritalStatus: { coding: [{ code: part(16, 1), display: part(16, 2) }] },
    generalPractitioner: [{ identifier: { value: provider.getComponent(4, 1) } }],
  };
}

/** Reading and updating a Patient by the declared mapping. */
export default function mappingBench(): Promise<readonly Row[]> {
  const set = loadMappings(fileURLToPath(new URL('../mappings', import.meta.url)));
  const map = set.combined(['PID <-> Patient', 'PD1 <-> Patient']);
  const read = () => readTree(map, messageTree(parseMessage(BYTES)), CONTEXT);
  const reported = () => read().loss.length;
  const patient = read().resource!;
  const changed = { ...patient, birthDate: '1980-03-16' };
  // Closures of many rows take longer to warm up than the harness gives them.
  for (let warm = 0; warm < 10_000; warm += 1) reported();
  const update = () => writeTree(map, changed, messageTree(parseMessage(BYTES)), CONTEXT);
  return compareOperations([() => read().resource, reported, update, byHand]).then(
    ([ours, loss, write, peer]) => [
      costRow('PID and PD1 to Patient; against @medplum/core by hand', ours!, peer!, 'us'),
      costRow('the same with its loss report', loss!, peer!, 'us'),
      costRow('update of one element, read back and compared', write!, peer!, 'us'),
    ],
  );
}
