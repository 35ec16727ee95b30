import { array, assert, asyncProperty, constantFrom } from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FicusError } from '../../src/errors.ts';
import type { Json, JsonObject, Resource } from '../../src/fhir/types.ts';
import { openScene, startScene } from '../integration/hl7v2-core.ts';
import type { Scene } from '../integration/hl7v2-core.ts';

/** No value of a write can become a segment, a field or any smaller part of a message that leaves (HL7 v2.5.1 §2.7). */

/** With everything that the maps of a patient write. */
const PATIENT: Resource = {
  resourceType: 'Patient',
  identifier: [{ system: 'urn:oid:2.999.1.2', value: 'C-999' }],
  name: [
    { use: 'official', family: 'Neu', given: ['Ida', 'Eva'], prefix: ['Frau'], suffix: ['Dr.'] },
    { use: 'maiden', family: 'Alt', given: ['Ida'] },
  ],
  extension: [
    { url: 'http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName', valueString: 'Gerda Alt' },
    { url: 'http://hl7.org/fhir/StructureDefinition/patient-birthPlace', valueAddress: { text: 'Ulm' } },
  ],
  birthDate: '1990-02-03',
  gender: 'female',
  address: [
    { use: 'home', line: ['Weg 1'], city: 'Ulm', postalCode: '89073', country: 'DE' },
    { type: 'postal', line: ['Postfach 4'], city: 'Ulm', postalCode: '89073', country: 'DE' },
  ],
  telecom: [
    { system: 'phone', use: 'home', value: '+49 731 555 0101' },
    { system: 'email', value: 'ida@mail.example', use: 'home' },
    { system: 'phone', use: 'work', value: '+49 731 555 9900' },
  ],
  communication: [{ language: { coding: [{ system: 'urn:ietf:bcp:47', code: 'de', display: 'German' }] } }],
  maritalStatus: {
    coding: [
      {
        system: 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus',
        code: 'M',
        display: 'Married',
      },
    ],
  },
  generalPractitioner: [{ type: 'Practitioner', identifier: { value: '90001' }, display: 'Dr. Ute Sommer' }],
};

const ORDER: Resource = {
  resourceType: 'ServiceRequest',
  status: 'active',
  intent: 'order',
  subject: { reference: 'Patient/HOSP|100001' },
  code: { coding: [{ system: 'http://loinc.org', code: '718-7', display: 'Hemoglobin' }], text: 'Hb' },
};

/** Addresses of all strings of a resource, `resourceType` apart. */
function stringsOf(value: Json | undefined, path: readonly (string | number)[] = []): (string | number)[][] {
  if (typeof value === 'string') return path[0] === 'resourceType' ? [] : [[...path]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    stringsOf(inner as Json, [...path, Array.isArray(value) ? Number(name) : name]),
  );
}

function withValue(resource: Resource, path: readonly (string | number)[], text: string): Resource {
  const copy = structuredClone(resource);
  const [last = '', ...before] = path.toReversed();
  const holder = before
    .toReversed()
    .reduce<Json>((at, name) => (at as JsonObject)[name as string] as Json, copy);
  (holder as Record<string | number, Json>)[last] = text;
  return copy;
}

const PIECES = ['\r', '\n', '\r\n', '|', '^', '~', '&', '\\', '#', '\x0b', '\x1c', '\x1c\r', '\rZPI|1|evil', '\r\x1c\r\x0bMSH|^~\\&|', '\\.br\\', '\\X0D\\', '\\F\\', '\\E', '""', '\u0085', '\u2028', 'Ä', 'x']; // prettier-ignore
const HOSTILE = array(constantFrom(...PIECES), { minLength: 1, maxLength: 6 }).map((pieces) =>
  pieces.join(''),
);

/** How many of each delimiter every segment has, and what it is called: the same for the same elements, whatever their values. */
function shapeOf(message: string): string[] {
  return message
    .replace(/\r$/, '')
    .split('\r')
    .map((segment) => {
      const counts = ['|', '^', '~', '&'].map((one) => segment.split(one).length - 1);
      return `${segment.slice(0, 3)} ${counts.join(' ')}`;
    });
}

/** What a write sent of its own kind; undefined when it was refused and nothing was. */
async function sentBy(
  scene: Scene,
  kind: string,
  write: () => Promise<unknown>,
): Promise<string | undefined> {
  const before = scene.sent().length;
  await write().catch((error: unknown) => {
    if (!(error instanceof FicusError) || error.code === 'internal') throw error;
  });
  const sent = scene.sent().slice(before);
  // No control character but the CR behind each segment.
  for (const message of sent)
    expect(message.split('').filter((one) => one < ' ' && one !== '\r')).toEqual([]);
  return sent.find((message) => message.split('|')[8] === kind);
}

type Write = (scene: Scene, resource: Resource) => Promise<unknown>;
const create: Write = (scene, resource) =>
  scene.source.create(resource.resourceType, resource, scene.context());

describe.each([
  ['Patient.create', PATIENT, 'ADT^A28^ADT_A05', create],
  ['ServiceRequest.create', ORDER, 'OML^O21^OML_O21', create],
] as const)('%s', (_endpoint, resource, kind, write) => {
  let scene: Awaited<ReturnType<typeof startScene>>;
  let usual: string[];

  beforeAll(async () => {
    scene = await startScene({ tapped: true });
    const sent = await sentBy(scene, kind, () => write(scene, resource));
    if (sent === undefined) throw new Error('The usual write is not sent');
    usual = shapeOf(sent);
  });
  afterAll(() => scene.close());

  it.each(stringsOf(resource).map((path) => [path.join('.'), path] as const))(
    'keeps the shape of its message whatever %s holds',
    async (_name, path) => {
      await assert(
        asyncProperty(HOSTILE, async (text) => {
          const sent = await sentBy(scene, kind, () => write(scene, withValue(resource, path, `a${text}`)));
          if (sent !== undefined) expect(shapeOf(sent)).toEqual(usual);
        }),
        { numRuns: 10 },
      );
    },
  );
});

it('sends a name of nothing but delimiters as a name', async () => {
  const scene = await openScene({ tapped: true });
  const write = (text: string) => () => create(scene, withValue(PATIENT, ['name', 0, 'family'], text));
  const usual = await sentBy(scene, 'ADT^A28^ADT_A05', write('Neu'));
  const sent = await sentBy(scene, 'ADT^A28^ADT_A05', write('|^~\\&#|^~\\&#'));
  expect(shapeOf(sent!)).toEqual(shapeOf(usual!));
});

it('does not take the two quotes of a name for an order to delete it', async () => {
  const scene = await openScene({ tapped: true });
  const sent = await sentBy(scene, 'ADT^A28^ADT_A05', () =>
    create(scene, withValue(PATIENT, ['name', 0, 'family'], '""')),
  );
  expect(sent ?? '').not.toMatch(/[|^~&]""[|^~&\r]/);
});
