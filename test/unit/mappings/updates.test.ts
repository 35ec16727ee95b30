import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../adapters/hl7v2/parse.ts';
import { messageTree } from '../../../adapters/hl7v2/tree.ts';
import { loadMappings } from '../../../src/config/mappings.ts';
import type { JsonObject, Resource } from '../../../src/fhir/types.ts';
import { readTree, writeTree } from '../../../src/mapping/run-map.ts';

const set = loadMappings('mappings');
const CONTEXT = {
  authorities: [{ name: 'HOSP', namespaces: ['HOSP'], oid: '1.2.3', system: 'urn:oid:1.2.3' }],
  timeZone: 'Europe/Berlin',
};
const PATIENT = ['PID <-> Patient', 'PD1 <-> Patient'];
const ENCOUNTER = ['PV1 <-> Encounter', 'PV2 <-> Encounter'];
const PARTICIPATION = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';

interface Update {
  readonly what: string;
  readonly maps: readonly string[];
  readonly before: readonly string[];
  /** Members that the client sends instead; null: without it. */
  readonly change: JsonObject;
  readonly after: readonly string[];
  readonly loss?: readonly string[];
}

const UPDATES: readonly Update[] = [
  {
    what: 'a changed name leaves the alias where it is',
    maps: PATIENT,
    before: ['PID|||1^^^HOSP||Vogel^Anna||||Fink^Anna'],
    change: { name: [{ family: 'Meier', given: ['Anna'] }, { family: 'Fink', given: ['Anna'] }] },
    after: ['PID|||1^^^HOSP||Meier^Anna||||Fink^Anna'],
  },
  {
    what: 'numbers go to the field of their use, others to the personal ones, in the order in which they were sent',
    maps: PATIENT,
    before: ['PID|||1^^^HOSP||||||||||228 1^PRN^PH'],
    change: {
      telecom: [
        { system: 'phone', use: 'mobile', value: '171' },
        { system: 'phone', use: 'home', value: '228 1' },
        { system: 'phone', use: 'work', value: '228 9' },
      ],
    },
    after: ['PID|||1^^^HOSP||||||||||171^PRS^PH~228 1^PRN^PH|228 9^WPN^PH'],
  },
  {
    what: 'a changed address leaves the county apart where it is',
    maps: PATIENT,
    before: ['PID|||1^^^HOSP||||||||Alt 1^^Bonn|Mitte'],
    change: { address: [{ line: ['Alt 1'], city: 'Köln' }, { district: 'Mitte' }] },
    after: ['PID|||1^^^HOSP||||||||Alt 1^^Köln|Mitte'],
  },
  {
    what: 'a birth order takes the place of the indicator',
    maps: PATIENT,
    before: ['PID|||1^^^HOSP|||||||||||||||||||||N'],
    change: { multipleBirthBoolean: null, multipleBirthInteger: 3 },
    after: ['PID|||1^^^HOSP|||||||||||||||||||||""|3'],
  },
  {
    what: 'a date of death takes the place of the indicator',
    maps: PATIENT,
    before: ['PID|||1^^^HOSP|||||||||||||||||||||||||||N'],
    change: { deceasedBoolean: null, deceasedDateTime: '2026-03-01' },
    after: ['PID|||1^^^HOSP||||||||||||||||||||||||||20260301|""'],
  },
  {
    what: 'a general practitioner and a practice go to the fields of their kind',
    maps: PATIENT,
    before: ['PID|||1^^^HOSP', 'PD1||||7^Specht'],
    change: {
      generalPractitioner: [
        { reference: 'Practitioner/HOSP|99' },
        { type: 'Organization', identifier: { system: 'urn:oid:1.2.3', value: '5' }, display: 'Practice' },
      ],
    },
    after: ['PID|||1^^^HOSP', 'PD1|||Practice^^^^^HOSP&1.2.3&ISO^^^^5|99^^^^^^^^HOSP&1.2.3&ISO'],
    loss: [
      'added Patient.generalPractitioner[0].identifier',
      'added Patient.generalPractitioner[0].type',
      'added Patient.generalPractitioner[1].reference',
    ],
  },
  {
    what: 'what a PID has no field for is named',
    maps: PATIENT,
    before: ['PID|||1^^^HOSP'],
    change: { active: true, contact: [{ name: { family: 'Fink' } }], photo: [{ url: 'urn:x' }] },
    after: ['PID|||1^^^HOSP'],
    loss: ['not-carried Patient.active', 'not-carried Patient.contact', 'not-carried Patient.photo'],
  },
  {
    what: 'relationships go to relationship and role, in their order',
    maps: ['NK1 <-> RelatedPerson'],
    before: ['PID|||1^^^HOSP', 'NK1|1|Vogel^Hans|FTH'],
    change: {
      relationship: [
        { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-RoleCode', code: 'MTH', display: 'mother' }] },
        { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0131', code: 'N', display: 'Next-of-Kin' }] },
      ],
    },
    after: ['PID|||1^^^HOSP', 'NK1|1|Vogel^Hans|MTH^mother^HL70063||||N^Next-of-Kin^HL70131'],
  },
  {
    what: 'a transfer moves the location, a consultant joins',
    maps: ENCOUNTER,
    before: ['PID|||1^^^HOSP', 'PV1|1|I|ICU^1||||11^A||||||||||||V1^^^HOSP'],
    change: {
      location: [{ status: 'active', location: { type: 'Location', identifier: { value: 'W2^3' } } }],
      participant: [
        { type: [{ coding: [{ system: PARTICIPATION, code: 'ATND' }] }], individual: { type: 'Practitioner', identifier: { value: '11' }, display: 'A' } },
        { type: [{ coding: [{ system: PARTICIPATION, code: 'CON' }] }], individual: { type: 'Practitioner', identifier: { value: '44' } } },
      ],
    },
    after: ['PID|||1^^^HOSP', 'PV1|1|I|W2^3||||11^A||44||||||||||V1^^^HOSP'],
    loss: ['added Encounter.location[0].location.display'],
  },
  {
    what: 'a status that the record does not say is named, and the class stays',
    maps: ENCOUNTER,
    before: ['PID|||1^^^HOSP', 'PV1|1|I|||||||||||||||||V1^^^HOSP'],
    change: { status: 'onleave' },
    after: ['PID|||1^^^HOSP', 'PV1|1|I|||||||||||||||||V1^^^HOSP'],
    loss: ['not-carried Encounter.status'],
  },
];

describe('an update', () => {
  it.each(UPDATES)('$what', ({ maps, before, change, after, loss = [] }) => {
    const header = 'MSH|^~\\&|A|B|C|D|20260101||ADT^A31|1|P|2.5.1';
    const message = parseMessage(Buffer.from(`${[header, ...before].join('\r')}\r`), { defaultCharset: 'UNICODE UTF-8' });
    const tree = messageTree(message, undefined, ['MSH', 'PID', 'PD1', 'NK1', 'PV1', 'PV2']);
    const map = set.combined(maps);
    const { resource } = readTree(map, tree, CONTEXT);
    const wanted = Object.fromEntries(Object.entries({ ...resource, ...change }).filter(([, value]) => value !== null));
    const result = writeTree(map, wanted as Resource, tree, CONTEXT);
    expect(message.toBytes().toString('utf8').split('\r').slice(1, -1)).toEqual(after);
    expect(result.loss.map(({ kind, path }) => `${kind} ${path}`)).toEqual(loss);
  });
});
