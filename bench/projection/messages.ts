import { searchParameter } from '../../src/fhir/search-parameters.ts';
import type { MessageContent, ResourceChange } from '../../src/projection-ports.ts';
import type { RequestContext } from '../../src/ports.ts';
import type { SearchRules } from '../../src/search/rules.ts';

/** What the mapping makes of ADT and ORU messages, about as large as it does. */

const START = Date.parse('2024-01-01T00:00:00Z');
const LOINC = [
  '718-7',
  '4544-3',
  '6690-2',
  '777-3',
  '2345-7',
  '2160-0',
  '3094-0',
  '2951-2',
  '2823-3',
  '1975-2',
];
const MR = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] };

/** The content of message `at`: an odd one is an ORU with ten results, an even one an ADT; with `patient` all of them are ORU of that patient's. */
export function message(at: number, { patient }: { readonly patient: number }): MessageContent {
  const eventAt = START + at * 60_000;
  const time = new Date(eventAt).toISOString();
  const content = (changes: readonly ResourceChange[]): MessageContent => ({
    patient: `p${patient}`,
    eventAt,
    changes,
    identity: [],
    hashed: [],
  });
  const person = update(personOf(patient));
  const visit = update(visitOf(at, patient, time));
  if (patient !== 0 && at % 2 === 0) return content([person, visit, ...mentions()]);
  const results = LOINC.map((code, index) =>
    snapshot(resultOf(`o${at}-${index}`, patient, code, time, index)),
  );
  return content([person, visit, ...mentions(), snapshot(reportOf(at, patient, time)), ...results]);
}

const update = (resource: ResourceChange['resource']): ResourceChange => ({ resource, mode: 'update' });
const snapshot = (resource: ResourceChange['resource']): ResourceChange => ({ resource, mode: 'snapshot' });

const mentions = (): ResourceChange[] => [
  {
    mode: 'mention',
    resource: { resourceType: 'Practitioner', id: 'dr1', name: [{ family: 'House', given: ['Gregory'] }] },
  },
  { mode: 'mention', resource: { resourceType: 'Location', id: 'ward7', name: 'Ward 7' } },
];

const personOf = (patient: number): ResourceChange['resource'] => ({
  resourceType: 'Patient',
  id: `p${patient}`,
  identifier: [
    { use: 'usual', type: MR, system: 'urn:oid:1.2.3', value: String(100_000 + patient) },
    {
      type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'PI' }] },
      system: 'https://lab.example/ids',
      value: `X${patient}`,
    },
  ],
  active: true,
  name: [{ use: 'official', family: `Everywoman-${patient % 300}`, given: ['Eve', 'Ann'], prefix: ['Mrs'] }],
  telecom: [{ system: 'phone', use: 'home', value: '(217)555-0100' }],
  gender: 'female',
  birthDate: '1980-03-15',
  address: [
    {
      use: 'home',
      line: ['1 Main St', 'Apt 4'],
      city: 'Springfield',
      state: 'IL',
      postalCode: '62701',
      country: 'US',
    },
  ],
});

const visitOf = (at: number, patient: number, time: string): ResourceChange['resource'] => ({
  resourceType: 'Encounter',
  id: `e${patient}`,
  identifier: [{ system: 'urn:oid:1.2.3.4', value: `V${patient}` }],
  status: 'in-progress',
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'IMP' },
  subject: { reference: `Patient/p${patient}` },
  participant: [{ individual: { reference: 'Practitioner/dr1' } }],
  period: { start: '2024-01-01T08:00:00Z' },
  location: [{ location: { reference: 'Location/ward7' }, period: { start: time } }],
  reasonCode: [{ text: `Reason ${at % 7}` }],
});

const reportOf = (at: number, patient: number, time: string): ResourceChange['resource'] => ({
  resourceType: 'DiagnosticReport',
  id: `d${at}`,
  identifier: [{ system: 'https://lab.example/orders', value: `F${at}` }],
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '58410-2', display: 'CBC panel' }] },
  subject: { reference: `Patient/p${patient}` },
  encounter: { reference: `Encounter/e${patient}` },
  effectiveDateTime: time,
  issued: time,
  result: LOINC.map((_, index) => ({ reference: `Observation/o${at}-${index}` })),
});

const resultOf = (
  id: string,
  patient: number,
  code: string,
  time: string,
  index: number,
): ResourceChange['resource'] => ({
  resourceType: 'Observation',
  id,
  identifier: [{ system: 'https://lab.example/results', value: id }],
  status: 'final',
  category: [
    {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }],
    },
  ],
  code: {
    coding: [
      { system: 'http://loinc.org', code, display: `Test ${code}` },
      { system: 'urn:local', code: `L${code}` },
    ],
    text: `Test ${code}`,
  },
  subject: { reference: `Patient/p${patient}` },
  encounter: { reference: `Encounter/e${patient}` },
  effectiveDateTime: time,
  issued: time,
  performer: [{ reference: 'Practitioner/dr1' }],
  valueQuantity: {
    value: index % 3 === 0 ? JSON.rawJSON(`${10 + index}.50`) : 10 + index,
    unit: 'g/dL',
    system: 'http://unitsofmeasure.org',
    code: 'g/dL',
  },
  interpretation: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation', code: 'N' }] },
  ],
  referenceRange: [{ low: { value: 9, unit: 'g/dL' }, high: { value: 18, unit: 'g/dL' }, text: '9-18' }],
});

/** All that R4 defines is promised. */
export const RULES: SearchRules = {
  serves: () => true,
  parameter: (type, name) => (searchParameter(type, name) ? { modifiers: [] } : undefined),
  include: () => true,
};

const nothing = (): void => undefined;
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => log };

export const CONTEXT: RequestContext = {
  requestId: 'bench',
  traceparent: '',
  principal: { key: 'anonymous' },
  signal: new AbortController().signal,
  deadline: Number.MAX_SAFE_INTEGER,
  log,
  timing: nothing,
};
