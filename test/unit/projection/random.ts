import * as fc from 'fast-check';
import type { Json } from '../../../src/fhir/types.ts';

/*
 * Small worlds in which much happens to be equal, nearly equal, or written in two ways.
 */

export const pick = <T>(...values: readonly T[]) => fc.constantFrom(...values);
const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 3 });
const few = <T>(value: fc.Arbitrary<T>) => fc.array(value, { maxLength: 2 });
const number = (text: string) =>
  (String(Number(text)) === text ? Number(text) : JSON.rawJSON(text)) as unknown as Json;

export const SYSTEMS = [
  'urn:a',
  'urn:b',
  'http://unitsofmeasure.org',
  'http://hl7.org/fhir/observation-status',
];
export const CODES = [
  'x',
  'X',
  'final',
  'Final',
  'true',
  'mg',
  'MG',
  'preliminary',
  'ÄX',
  'äx',
  '\u{20bb7}',
  '\uff21',
];
export const DATES = [
  '1980',
  '1980-03',
  '1980-03-15',
  '1980-03-15T10:00:00Z',
  '1980-03-15T10:00:00.123Z',
  '1980-03-15T10:00:00.123456789Z',
  '1980-03-15T12:00:00+02:00',
  '1980-03-31T23:59:59.999Z',
  '1980-04-01',
  '0001-01-01',
  '1650',
  '9999-12-31',
  '2024-06-01',
];
export const NUMBERS = [
  '1',
  '1.0',
  '1.50',
  '1.5',
  '0.5',
  '-2',
  '-2.01',
  '100',
  '99.5',
  '100.5',
  '1e2',
  '0',
  '0.05',
  '12345678901234567890',
];
export const WORDS = [
  'Smith',
  'smith-jones',
  "O'Neil",
  'Carreno Quinones',
  'QUIÑONES',
  'Ann',
  '-',
  'straße',
  'de la Cruz',
  'smi',
  'Zoë',
  'Zoe\u0308  Smith',
  'a_b%c',
  'A+B',
  '김철수',
  '\u{20bb7}野',
  '\uff21bc',
];
export const URIS = ['http://x/p', 'http://x/p|1', 'urn:uuid:6f0f31a2-8f5c-4d7a-9a3e-111111111111'];
const UNITS = ['mg', 'g', '%'];
const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, at) => `${prefix}${at}`);
export const PATIENTS = ids('p', 4);

const coding = fc.record({ system: pick(...SYSTEMS), code: pick(...CODES) }, { requiredKeys: [] });
const concept = fc.record({ coding: few(coding), text: pick(...WORDS) }, { requiredKeys: [] });
const identifier = fc.record({ system: pick(...SYSTEMS), value: pick(...CODES) }, { requiredKeys: [] });
const date = pick(...DATES);
const period = fc.record({ start: date, end: date }, { requiredKeys: [] });
const quantity = fc.record(
  {
    value: pick(...NUMBERS).map(number),
    comparator: pick('<', '<=', '>', '>='),
    system: pick('urn:a', 'http://unitsofmeasure.org'),
    code: pick(...UNITS),
    unit: pick(...UNITS),
  },
  { requiredKeys: [] },
);
const name = fc.record(
  { use: pick('official', 'old'), family: pick(...WORDS), given: few(pick(...WORDS)), text: pick(...WORDS) },
  { requiredKeys: [] },
);
const address = fc.record(
  { city: pick(...WORDS), line: few(pick(...WORDS)), postalCode: pick('1010', '10') },
  { requiredKeys: [] },
);
const reference = fc.oneof(
  pick(...PATIENTS, 'nobody').map((id) => ({ reference: `Patient/${id}` })),
  pick(...PATIENTS).map((id) => ({ reference: `https://ficus.example/fhir/r4/Patient/${id}` })),
  pick('Patient/p1/_history/2', 'https://elsewhere.example/Patient/p1', 'Group/p1', '#here', ...URIS).map(
    (it) => ({ reference: it }),
  ),
  identifier.map((it) => ({ identifier: it })),
  fc.tuple(identifier, pick('Patient', 'Group')).map(([it, type]) => ({ type, identifier: it })),
);
const timing = fc.record(
  { event: few(date), repeat: fc.record({ boundsPeriod: period }, { requiredKeys: [] }) },
  { requiredKeys: [] },
);
const instants = pick(...DATES.filter((it) => it.includes('T')));
const meta = fc.record({ profile: few(pick(...URIS)), tag: few(coding) }, { requiredKeys: [] });

/** Without members that are undefined, and without empty lists: as JSON has it. */
function clean<T extends Json | undefined>(value: T): T {
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return value;
  if (Array.isArray(value)) return value.map(clean) as T;
  const kept = Object.entries(value).filter(
    ([, it]) => it !== undefined && !(Array.isArray(it) && it.length === 0),
  );
  return Object.fromEntries(kept.map(([key, it]) => [key, clean(it)])) as T;
}

const resources = (
  type: string,
  prefix: string,
  count: number,
  elements: Record<string, fc.Arbitrary<unknown>>,
) =>
  fc
    .array(fc.record(Object.fromEntries(Object.entries(elements).map(([key, it]) => [key, some(it)]))), {
      maxLength: count,
    })
    .map((all) =>
      all.map(({ effective, value, ...it }, at) => {
        const chosen = { ...(effective as object | undefined), ...(value as object | undefined) };
        return clean({ resourceType: type, id: `${prefix}${at}`, ...it, ...chosen });
      }),
    );

const patients = resources('Patient', 'p', PATIENTS.length, {
  meta,
  name: few(name),
  identifier: few(identifier),
  birthDate: date,
  active: fc.boolean(),
  gender: pick('male', 'female'),
  address: few(address),
  telecom: few(fc.record({ system: pick('phone', 'email'), value: pick(...CODES) })),
  generalPractitioner: few(reference),
  deceasedBoolean: fc.boolean(),
});

const observations = resources('Observation', 'o', 8, {
  meta,
  status: pick('final', 'Final', 'preliminary'),
  code: concept,
  category: few(concept),
  identifier: few(identifier),
  subject: reference,
  encounter: pick('Encounter/e0', 'Encounter/e1').map((it) => ({ reference: it })),
  effective: fc.oneof(
    date.map((it) => ({ effectiveDateTime: it })),
    date.map((it) => ({ effectiveDateTime: it })),
    period.map((it) => ({ effectivePeriod: it })),
    timing.map((it) => ({ effectiveTiming: it })),
    instants.map((it) => ({ effectiveInstant: it })),
  ),
  value: fc.oneof(
    quantity.map((it) => ({ valueQuantity: it })),
    quantity.map((it) => ({ valueQuantity: it })),
    concept.map((it) => ({ valueCodeableConcept: it })),
    pick(...WORDS).map((it) => ({ valueString: it })),
    period.map((it) => ({ valuePeriod: it })),
    date.map((it) => ({ valueDateTime: it })),
  ),
  component: few(
    fc.record(
      { code: concept, valueQuantity: quantity, valueCodeableConcept: concept },
      { requiredKeys: [] },
    ),
  ),
  focus: few(reference),
  derivedFrom: few(reference),
});

const encounters = resources('Encounter', 'e', 3, {
  status: pick('planned', 'finished'),
  class: coding,
  subject: reference,
  period,
  length: quantity,
  location: few(fc.record({ location: reference, period }, { requiredKeys: [] })),
});

const risks = resources('RiskAssessment', 'r', 4, {
  subject: reference,
  occurrencePeriod: period,
  prediction: few(
    fc.record(
      {
        probabilityDecimal: pick(...NUMBERS).map(number),
        probabilityRange: fc.record({ low: quantity, high: quantity }, { requiredKeys: [] }),
      },
      { requiredKeys: [] },
    ),
  ),
});

const valueSets = resources('ValueSet', 'v', 3, {
  url: pick(...URIS),
  name: pick(...WORDS),
  date,
  useContext: few(
    fc.record({ code: coding, valueQuantity: quantity, valueCodeableConcept: concept }, { requiredKeys: [] }),
  ),
  expansion: pick(...URIS).map((it) => ({ identifier: it })),
});

const documents = resources('DocumentReference', 'd', 3, {
  status: pick('current', 'superseded'),
  date: instants,
  relatesTo: few(
    fc.record({
      code: pick('replaces', 'appends'),
      target: pick(
        'DocumentReference/d0',
        'DocumentReference/d1',
        'https://ficus.example/fhir/r4/DocumentReference/d1',
        'https://elsewhere.example/DocumentReference/d1',
      ).map((it) => ({ reference: it })),
    }),
  ),
});

/** All resources of a world, told in some order. */
export const worlds = fc
  .tuple(patients, observations, encounters, risks, valueSets, documents)
  .chain((all) => fc.shuffledSubarray(all.flat(), { minLength: all.flat().length }));

export { fc };
