import { parseJson, stringifyJson } from '../../src/fhir/json.ts';
import type { Json, JsonObject, Resource } from '../../src/fhir/types.ts';
import { createRandom, type Random } from './random.ts';

// Resources that look like a hospital's and are nobody's. Every element that a fault or a rewriting of the catalogue touches is in them.

const LOINC = 'http://loinc.org';
const LOCAL = 'https://hospital.example/codes/lab';
const UCUM = 'http://unitsofmeasure.org';
const SCT = 'http://snomed.info/sct';
const V3 = 'http://terminology.hl7.org/CodeSystem/v3-';
const TERMS = 'http://terminology.hl7.org/CodeSystem/';

/** A copy that shares nothing with its original; digits of numbers stay. */
export function copyOf<Value extends Json>(value: Value): Value {
  return parseJson(stringifyJson(value)) as Value;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}

function coded(system: string, code: string, display: string): JsonObject {
  return { coding: [{ system, code, display }], text: display };
}

function meta(random: Random): JsonObject {
  return {
    versionId: String(1 + random.below(9)),
    lastUpdated: `2026-04-0${1 + random.below(9)}T10:00:00.000Z`,
    source: '#core',
    profile: ['https://hospital.example/profiles/base'],
    tag: [{ system: 'https://hospital.example/tags', code: 'ward' }],
  };
}

const narrative = (text: string): JsonObject => ({
  status: 'generated',
  div: `<div xmlns="http://www.w3.org/1999/xhtml">${text}</div>`,
});

function patient(random: Random): Resource {
  const birth = `19${40 + random.below(60)}-${two(1 + random.below(9))}-${two(10 + random.below(3))}`;
  return {
    resourceType: 'Patient',
    id: `p${random.below(1e6)}`,
    meta: meta(random),
    text: narrative('A patient'),
    extension: [
      {
        url: 'http://hl7.org/fhir/StructureDefinition/patient-birthPlace',
        valueAddress: { city: 'Graz' },
      },
    ],
    identifier: [
      { use: 'usual', system: 'https://hospital.example/mrn', value: String(100000 + random.below(899999)) },
      { system: 'urn:oid:1.2.40.0.10.1.4.3.1', value: String(1000000000 + random.below(899999999)) },
    ],
    active: true,
    name: [
      {
        use: 'official',
        family: random.pick(['Müller', 'Großmann', 'Čapek', 'Ångström']),
        given: [random.pick(['Jörg', 'Eva', 'Zoë']), 'Maria', 'Anna'],
        prefix: ['Dr.'],
      },
      { use: 'maiden', family: 'Öztürk' },
    ],
    telecom: [
      { system: 'phone', value: `+43 316 ${100000 + random.below(899999)}`, use: 'home' },
      { system: 'phone', value: `+43 664 ${100000 + random.below(899999)}`, use: 'mobile' },
      { system: 'email', value: 'someone@mail.example' },
    ],
    gender: random.pick(['female', 'male']),
    birthDate: birth,
    _birthDate: {
      extension: [
        {
          url: 'http://hl7.org/fhir/StructureDefinition/patient-birthTime',
          valueDateTime: `${birth}T07:30:00+01:00`,
        },
      ],
    },
    deceasedBoolean: false,
    address: [
      { use: 'home', line: ['Annenstraße 3', 'Stiege 2'], city: 'Graz', postalCode: '8020', country: 'AT' },
      { use: 'work', line: ['Hauptplatz 1'], city: 'Wien', postalCode: '1010', country: 'AT' },
    ],
    maritalStatus: coded(`${V3}MaritalStatus`, 'M', 'Married'),
    contact: [
      {
        relationship: [coded(`${TERMS}v2-0131`, 'N', 'Next-of-Kin')],
        name: { family: 'Huber', given: ['Karl'] },
        telecom: [{ system: 'phone', value: '+43 316 700700' }],
      },
    ],
    communication: [
      { language: coded('urn:ietf:bcp:47', 'de', 'German'), preferred: true },
      { language: coded('urn:ietf:bcp:47', 'tr', 'Turkish') },
    ],
    generalPractitioner: [{ reference: `Practitioner/g${random.below(99)}`, display: 'Dr. Gruber' }],
  };
}

function observation(random: Random): Resource {
  const hour = two(10 + random.below(10));
  const day = `2026-03-${two(10 + random.below(18))}`;
  return {
    resourceType: 'Observation',
    id: `o${random.below(1e6)}`,
    meta: meta(random),
    contained: [
      { resourceType: 'Organization', id: 'lab', name: 'Central laboratory' },
      { resourceType: 'Device', id: 'meter', deviceName: [{ name: 'Meter 7', type: 'user-friendly-name' }] },
    ],
    text: narrative('Glucose'),
    identifier: [{ system: 'https://hospital.example/lab', value: `L${random.below(1e6)}` }],
    basedOn: [{ reference: `ServiceRequest/s${random.below(99)}` }],
    status: random.pick(['final', 'amended', 'preliminary']),
    category: [coded(`${TERMS}observation-category`, 'laboratory', 'Laboratory')],
    code: {
      coding: [
        { system: LOINC, code: '15074-8', display: 'Glucose [Moles/volume] in Blood' },
        { system: LOCAL, code: 'GLU', display: 'Glukose' },
      ],
      text: 'Glucose',
    },
    subject: { reference: `Patient/p${random.below(1e6)}`, display: 'A patient' },
    encounter: { reference: `Encounter/e${random.below(99)}` },
    effectiveDateTime: `${day}T${hour}:30:00+01:00`,
    issued: `${day}T${hour}:45:12.345+01:00`,
    performer: [{ reference: '#lab' }, { reference: `Practitioner/d${random.below(99)}` }],
    device: { reference: '#meter' },
    valueQuantity: {
      value: JSON.rawJSON(`${4 + random.below(5)}.${1 + random.below(9)}0`),
      comparator: '<',
      unit: 'mmol/L',
      system: UCUM,
      code: 'mmol/L',
    },
    interpretation: [coded(`${V3}ObservationInterpretation`, 'H', 'High')],
    note: [{ text: 'Sample taken while fasting; see order & protocol.' }],
    referenceRange: [
      {
        low: { value: 3.9, unit: 'mmol/L', system: UCUM, code: 'mmol/L' },
        high: { value: 5.6, unit: 'mmol/L', system: UCUM, code: 'mmol/L' },
        type: coded(`${TERMS}referencerange-meaning`, 'normal', 'Normal Range'),
      },
    ],
  };
}

function bloodPressure(random: Random): Resource {
  const component = (code: string, display: string, value: number): JsonObject => ({
    code: coded(LOINC, code, display),
    valueQuantity: { value, unit: 'mmHg', system: UCUM, code: 'mm[Hg]' },
  });
  const { contained: _contained, device: _device, valueQuantity: _value, ...rest } = observation(random);
  return {
    ...rest,
    performer: [{ reference: `Practitioner/d${random.below(99)}` }],
    code: coded(LOINC, '85354-9', 'Blood pressure panel'),
    component: [
      component('8480-6', 'Systolic', 110 + random.below(40)),
      component('8462-4', 'Diastolic', 60 + random.below(30)),
      component('8478-0', 'Mean', 92 + random.below(5)),
    ],
  };
}

function allergy(random: Random): Resource {
  return {
    resourceType: 'AllergyIntolerance',
    id: `a${random.below(1e6)}`,
    meta: meta(random),
    clinicalStatus: coded(`${TERMS}allergyintolerance-clinical`, 'active', 'Active'),
    verificationStatus: coded(`${TERMS}allergyintolerance-verification`, 'refuted', 'Refuted'),
    type: 'allergy',
    category: ['medication', 'environment'],
    criticality: 'high',
    code: coded(SCT, '91936005', 'Allergy to penicillin'),
    patient: { reference: `Patient/p${random.below(1e6)}` },
    onsetDateTime: '2019-05',
    recordedDate: '2020-01-15',
    reaction: [
      {
        manifestation: [coded(SCT, '39579001', 'Anaphylaxis'), coded(SCT, '247472004', 'Hives')],
        severity: 'severe',
      },
      { manifestation: [coded(SCT, '271807003', 'Rash')], severity: 'mild' },
    ],
  };
}

function encounter(random: Random): Resource {
  return {
    resourceType: 'Encounter',
    id: `e${random.below(1e6)}`,
    meta: meta(random),
    status: 'in-progress',
    class: { system: `${V3}ActCode`, code: 'IMP', display: 'inpatient encounter' },
    subject: { reference: `Patient/p${random.below(1e6)}` },
    participant: [
      {
        type: [coded(`${V3}ParticipationType`, 'ATND', 'attender')],
        individual: { reference: 'Practitioner/d1', display: 'Dr. Ilic' },
      },
      {
        type: [coded(`${V3}ParticipationType`, 'CON', 'consultant')],
        individual: { reference: 'Practitioner/d2', display: 'Dr. Novak' },
      },
    ],
    period: { start: `2026-02-${two(10 + random.below(18))}T08:15:00+01:00` },
    location: [{ location: { reference: 'Location/w7', display: 'Ward 7' }, status: 'active' }],
  };
}

function appointment(random: Random): Resource {
  const day = `2026-05-${two(10 + random.below(18))}`;
  const participant = (reference: string, status: string): JsonObject => ({ actor: { reference }, status });
  return {
    resourceType: 'Appointment',
    id: `t${random.below(1e6)}`,
    meta: meta(random),
    status: 'booked',
    description: 'Control',
    start: `${day}T09:00:00+02:00`,
    end: `${day}T09:30:00+02:00`,
    minutesDuration: 30,
    participant: [
      participant(`Patient/p${random.below(1e6)}`, 'accepted'),
      participant('Practitioner/d1', 'accepted'),
      participant('Location/w7', 'needs-action'),
    ],
  };
}

function prescription(random: Random): Resource {
  return {
    resourceType: 'MedicationRequest',
    id: `m${random.below(1e6)}`,
    meta: meta(random),
    modifierExtension: [{ url: 'https://hospital.example/not-given', valueBoolean: true }],
    status: 'active',
    intent: 'order',
    medicationCodeableConcept: coded('http://www.whocc.no/atc', 'B01AA03', 'warfarin'),
    subject: { reference: `Patient/p${random.below(1e6)}` },
    authoredOn: '2026-03-01T09:00:00+01:00',
    dosageInstruction: [
      {
        sequence: 1,
        text: 'Take 2.5 mg once daily',
        timing: { repeat: { frequency: 1, period: 1, periodUnit: 'd', when: ['MORN', 'PCM'] } },
        route: coded(SCT, '26643006', 'Oral route'),
        doseAndRate: [{ doseQuantity: { value: 2.5, unit: 'mg', system: UCUM, code: 'mg' } }],
      },
      {
        sequence: 2,
        text: 'Then 5 mg',
        doseAndRate: [{ doseQuantity: { value: 5, unit: 'mg', system: UCUM, code: 'mg' } }],
      },
    ],
  };
}

const MAKERS = {
  Patient: patient,
  Observation: observation,
  BloodPressure: bloodPressure,
  AllergyIntolerance: allergy,
  Encounter: encounter,
  Appointment: appointment,
  MedicationRequest: prescription,
} as const;

/** What a case of the catalogue is about. */
export type Subject = keyof typeof MAKERS;

export const SUBJECTS = Object.keys(MAKERS) as Subject[];

/** A resource of a kind, the same for the same seed. */
export function resourceOf(subject: Subject, seed: number): Resource {
  return copyOf(MAKERS[subject](createRandom(seed)));
}

/** What a search for results of one patient finds: `count` observations, newest first. */
export function resultsOf(count: number, seed: number): Resource[] {
  const subject = { reference: `Patient/p${seed}` };
  return Array.from({ length: count }, (_, at) => ({
    ...resourceOf(at % 4 === 3 ? 'BloodPressure' : 'Observation', seed * 1000 + at),
    id: `o${seed}-${at}`,
    subject,
    effectiveDateTime: new Date(Date.UTC(2026, 2, 1) - at * 3_600_000).toISOString().replace('.000Z', 'Z'),
  }));
}
