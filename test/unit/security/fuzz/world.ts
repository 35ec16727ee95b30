import { createRandom, type Random } from '../../../../src/mapping/laws/random.ts';
import type { Json, Resource } from '../../../../src/fhir/types.ts';

/*
 * Small worlds: some patients, what is said of them in every way that FHIR can say it, what is shared by all. Every state of every resource carries a mark of its own, so that
 * whatever leaves, in whatever shape, says what it is.
 */

export const BASE = 'https://ficus.example/fhir/r4';
export const PATIENTS = ['p0', 'p1', 'p2', 'p3'] as const;
export const TYPES = [
  'Patient',
  'Practitioner',
  'Location',
  'Encounter',
  'Observation',
  'Condition',
  'RelatedPerson',
  'Device',
  'Slot',
] as const;

export type Known = Resource & { readonly id: string };
export { createRandom, type Random };

const MARKS = 'urn:mark';
const CONFIDENTIALITY = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const CATEGORIES = ['lab', 'vital', 'note'];
let marks = 0;

/** What one state of a resource says of itself, whatever is left of it: `meta` always is. */
export function marked(random: Random): Json {
  const security = random.chance(0.3)
    ? [{ system: CONFIDENTIALITY, code: random.pick(['N', 'R', 'V']) }]
    : [];
  return {
    tag: [{ system: MARKS, code: `MARK${(marks += 1)}.` }],
    ...(security.length > 0 ? { security } : {}),
  };
}

export function marksOf(text: string): ReadonlySet<string> {
  return new Set(text.match(/MARK\d+\./g));
}

/** Its own labels, and those of what it contains. */
export function labelsOf(resource: Resource): readonly string[] {
  const meta = resource['meta'] as { security?: { code: string }[] } | undefined;
  const contained = (resource['contained'] ?? []) as unknown as readonly Resource[];
  return [...(meta?.security ?? []).map(({ code }) => code), ...contained.flatMap(labelsOf)];
}

const concept = (code: string): Json => ({ coding: [{ system: 'urn:codes', code }] });

/** A reference to a patient as messages and services write it: here, on this server by its address, in a version, elsewhere, or by a number only. */
export function toPatient(random: Random, id: string = random.pick(PATIENTS)): Json {
  const way = random.int(20);
  if (way < 12) return { reference: `Patient/${id}` };
  if (way < 15) return { reference: `${BASE}/Patient/${id}` };
  if (way === 15) return { reference: `Patient/${id}/_history/1` };
  if (way === 16) return { reference: `https://elsewhere.example/fhir/Patient/${id}` };
  if (way === 17) return { identifier: { system: 'urn:mrn', value: id } };
  if (way === 18) return { reference: `Group/${id}` };
  return { reference: '#inside' };
}

/** One state of a resource. */
export function stateOf(random: Random, type: string, id: string): Known {
  const some = (share: number, element: object): object => (random.chance(share) ? element : {});
  const inside = {
    resourceType: 'Patient',
    id: 'inside',
    meta: marked(random),
    name: [{ family: 'Inside' }],
  };
  const practitioner = { reference: `Practitioner/d${random.int(2)}` };
  const elements: Record<string, () => object> = {
    Patient: () => ({
      identifier: [{ system: 'urn:mrn', value: id }],
      active: true,
      name: [{ family: random.pick(['Smith', 'Jones']) }],
      ...some(0.2, { link: [{ other: { reference: `Patient/${random.pick(PATIENTS)}` }, type: 'seealso' }] }),
      ...some(0.4, { generalPractitioner: [practitioner] }),
    }),
    Practitioner: () => ({ name: [{ family: random.pick(['Kildare', 'House']) }] }),
    Location: () => ({ name: 'Ward', status: 'active' }),
    Encounter: () => ({
      status: 'finished',
      class: { code: 'IMP' },
      ...some(0.9, { subject: toPatient(random) }),
    }),
    Observation: () => {
      const subject = toPatient(random) as { reference?: string };
      return {
        status: random.pick(['final', 'preliminary']),
        code: concept(random.pick(['x', 'y'])),
        ...some(0.9, { category: [concept(random.pick(CATEGORIES))] }),
        ...some(0.95, { subject }),
        ...some(0.4, { performer: [random.chance(0.5) ? practitioner : toPatient(random)] }),
        ...some(0.3, { encounter: { reference: `Encounter/e${random.int(3)}` } }),
        ...some(0.2, { hasMember: [{ reference: `Observation/o${random.int(8)}` }] }),
        identifier: [{ system: 'urn:obs', value: random.pick(['a', 'b', id]) }],
        ...(subject.reference === '#inside' || random.chance(0.1) ? { contained: [inside] } : {}),
      };
    },
    Condition: () => ({
      ...some(0.9, { subject: toPatient(random) }),
      ...some(0.3, { asserter: toPatient(random) }),
      category: [concept(random.pick(CATEGORIES))],
      code: concept(random.pick(['x', 'y'])),
    }),
    RelatedPerson: () => ({ patient: toPatient(random), name: [{ family: 'Relative' }] }),
    Device: () => ({ ...some(0.7, { patient: toPatient(random) }), status: 'active' }),
    Slot: () => ({ status: 'free', schedule: { reference: 'Schedule/s0' } }),
  };
  return { resourceType: type, id, meta: marked(random), ...elements[type]?.() };
}

const NUMBERS: readonly (readonly [type: string, prefix: string, count: number])[] = [
  ['Patient', 'p', 4],
  ['Practitioner', 'd', 2],
  ['Location', 'l', 1],
  ['Encounter', 'e', 3],
  ['Observation', 'o', 8],
  ['Condition', 'c', 4],
  ['RelatedPerson', 'r', 2],
  ['Device', 'v', 2],
  ['Slot', 's', 1],
];

export const idOf = (random: Random, type: string): string => {
  const [, prefix = 'x', count = 1] = NUMBERS.find(([name]) => name === type) ?? [];
  return random.chance(0.08) ? 'nobody' : `${prefix}${random.int(count)}`;
};

/** States in the order in which they came about: of each resource one, of some others before it. */
export function worldOf(random: Random): readonly Known[] {
  return NUMBERS.flatMap(([type, prefix, count]) =>
    Array.from({ length: count }, (_, at) => `${prefix}${at}`).flatMap((id) =>
      Array.from({ length: random.chance(0.25) ? 2 : 1 }, () => stateOf(random, type, id)),
    ),
  );
}
