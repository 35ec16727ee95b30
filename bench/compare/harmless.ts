import { decimalText, isJsonObject } from '../../src/fhir/json.ts';
import type { Json, JsonObject, Resource } from '../../src/fhir/types.ts';
import type { ComparableSet } from '../../src/strangler/compare/answer.ts';
import { edited, everyObject } from './edit.ts';
import type { Random } from './random.ts';
import { copyOf, SUBJECTS, type Subject } from './resources.ts';

/** A way to write the same, that must not be reported. */
export interface Rewriting {
  readonly name: string;
  readonly on: readonly Subject[];
  readonly rewrite: (resource: Resource, random: Random) => Resource;
}

export interface SetRewriting {
  readonly name: string;
  readonly rewrite: (set: ComparableSet, random: Random) => ComparableSet;
}

/** Bases that are ours, for `createReferences`. */
export const BASES: readonly string[] = [
  'https://api.hospital.example/fhir',
  'http://obs-svc.internal:8080/r4/',
];

/** Codes that say the same, for `codeEquivalences`. */
export const CODE_GROUPS: readonly (readonly string[])[] = [
  ['https://hospital.example/codes/lab|GLU', 'https://lab.example/tests|glucose-mmol'],
  ['http://unitsofmeasure.org|mmol/L', 'https://hospital.example/units|MMOLL'],
  ['http://www.whocc.no/atc|B01AA03', 'http://www.nlm.nih.gov/research/umls/rxnorm|11289'],
];

const RESULTS: readonly Subject[] = ['Observation', 'BloodPressure'];
/** Lists that FHIR does not order, wherever in the resource they stand. */
const LISTS: readonly (readonly [Subject, string])[] = [
  ['Patient', 'identifier'],
  ['Patient', 'name'],
  ['Patient', 'telecom'],
  ['Patient', 'address'],
  ['Patient', 'communication'],
  ['BloodPressure', 'component'],
  ['Observation', 'coding'],
  ['Observation', 'performer'],
  ['Observation', 'contained'],
  ['AllergyIntolerance', 'category'],
  ['AllergyIntolerance', 'reaction'],
  ['AllergyIntolerance', 'manifestation'],
  ['Encounter', 'participant'],
  ['Appointment', 'participant'],
  ['MedicationRequest', 'dosageInstruction'],
  ['MedicationRequest', 'when'],
];

function rewritten(resource: Resource, rewrite: (object: JsonObject) => JsonObject): Resource {
  return everyObject(resource, rewrite) as Resource;
}

function keysTurned(resource: Resource): Resource {
  return rewritten(resource, (object) => Object.fromEntries(Object.entries(object).reverse()));
}

/** Contained resources under other names, and what refers to them. */
function renamed(resource: Resource, names: Readonly<Record<string, string>>): Resource {
  return rewritten(resource, (object) => {
    const { resourceType, id, reference } = object;
    const name = typeof id === 'string' && resourceType !== resource.resourceType ? names[id] : undefined;
    const target = typeof reference === 'string' ? names[reference.replace(/^#/, '')] : undefined;
    return {
      ...object,
      ...(name === undefined ? {} : { id: name }),
      ...(target === undefined ? {} : { reference: `#${target}` }),
    };
  });
}

function withNarrative(resource: Resource, words: string): Resource {
  const div = `<div xmlns="http://www.w3.org/1999/xhtml">${words}</div>`;
  return { ...copyOf(resource), text: { status: 'generated', div } };
}

/** Every relative reference as `write` has it. */
function referencesAs(resource: Resource, write: (reference: string) => string): Resource {
  return rewritten(resource, (object) => {
    const { reference } = object;
    const isOurs = typeof reference === 'string' && /^[A-Z][A-Za-z]+\//.test(reference);
    return isOurs ? { ...object, reference: write(reference) } : object;
  });
}

/** Every string as `write` has it. */
function stringsAs(value: Json, write: (text: string) => string): Json {
  if (typeof value === 'string') return write(value);
  if (Array.isArray(value)) return value.map((item) => stringsAs(item, write));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      member === undefined ? member : stringsAs(member, write),
    ]),
  );
}

const WITH_OFFSET = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/** Every moment with an offset as `write` has it. */
function timesAs(resource: Resource, write: (time: string) => string): Resource {
  return stringsAs(resource, (text) => (WITH_OFFSET.test(text) ? write(text) : text)) as Resource;
}

function atOffset(time: string, hours: number): string {
  const fraction = /\.\d+/.exec(time)?.[0] ?? '';
  const local = new Date(Date.parse(time) + hours * 3_600_000).toISOString().slice(0, 19);
  const sign = hours < 0 ? '-' : '+';
  return `${local}${fraction}${sign}${String(Math.abs(hours)).padStart(2, '0')}:00`;
}

function withMeta(resource: Resource, change: (meta: JsonObject) => JsonObject): Resource {
  return edited(resource, 'meta', (meta) => change(meta as JsonObject));
}

function row(name: string, on: readonly Subject[], rewrite: Rewriting['rewrite']): Rewriting {
  return { name, on, rewrite };
}

const COPY = 'https://lab.example/tests';

export const REWRITINGS: readonly Rewriting[] = [
  row('order of members', SUBJECTS, keysTurned),
  ...LISTS.map(([subject, name]) =>
    row(`order of ${subject} ${name}`, [subject], (resource, random) =>
      rewritten(resource, (object) => {
        const list = object[name];
        return Array.isArray(list) ? { ...object, [name]: random.shuffle(list) } : object;
      }),
    ),
  ),
  row('times in UTC', SUBJECTS, (it) => timesAs(it, (time) => atOffset(time, 0).replace('+00:00', 'Z'))),
  row('times with offset +00:00', SUBJECTS, (it) => timesAs(it, (time) => atOffset(time, 0))),
  row('times of another zone', SUBJECTS, (it) => timesAs(it, (time) => atOffset(time, -5))),
  row('zeros behind the seconds', SUBJECTS, (it) =>
    timesAs(it, (time) =>
      time.includes('.') ? time : time.replace(/(:\d\d)(Z|[+-]\d\d:\d\d)$/, '$1.000$2'),
    ),
  ),
  row('zeros behind the fraction', ['Observation'], (it) =>
    timesAs(it, (time) => time.replace('.345', '.345000')),
  ),
  row('references absolute on our base', SUBJECTS, (it) => referencesAs(it, (ref) => `${BASES[0]!}/${ref}`)),
  row('references absolute on the service’s base', SUBJECTS, (it) =>
    referencesAs(it, (ref) => `${BASES[1]!}${ref}`),
  ),
  row('references with the host in capitals', SUBJECTS, (it) =>
    referencesAs(it, (ref) => `https://API.Hospital.Example/fhir/${ref}`),
  ),
  row('another version', SUBJECTS, (it) => withMeta(it, (meta) => ({ ...meta, versionId: '77' }))),
  row('another time of change', SUBJECTS, (it) =>
    withMeta(it, (meta) => ({ ...meta, lastUpdated: '2026-06-30T00:00:00Z' })),
  ),
  row('another source', SUBJECTS, (it) =>
    withMeta(it, (meta) => ({ ...meta, source: 'urn:uuid:new-service' })),
  ),
  row('nothing of the server in meta', SUBJECTS, (it) =>
    withMeta(it, ({ versionId: _version, lastUpdated: _time, source: _source, ...meta }) => meta),
  ),
  row('tagged SUBSETTED', SUBJECTS, (it) =>
    edited(it, 'meta.tag', (tags) => [
      ...(tags as Json[]),
      { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' },
    ]),
  ),
  row('another generated narrative', ['Patient', ...RESULTS], (it) => withNarrative(it, 'Other words')),
  row('no generated narrative', ['Patient', ...RESULTS], ({ text: _text, ...it }) => it),
  row('a generated narrative more', ['Encounter', 'Appointment'], (it) => withNarrative(it, 'Words')),
  row(
    'letters composed of two',
    SUBJECTS,
    (it) => stringsAs(it, (text) => text.normalize('NFD')) as Resource,
  ),
  row('equivalent local code', ['Observation'], (it) =>
    rewritten(it, (object) =>
      object['code'] === 'GLU' ? { system: COPY, code: 'glucose-mmol', display: 'Glucose' } : object,
    ),
  ),
  row('equivalent unit', ['Observation'], (it) =>
    edited(it, 'valueQuantity', (quantity) => ({
      ...(quantity as JsonObject),
      system: 'https://hospital.example/units',
      code: 'MMOLL',
      unit: 'mmol per liter',
    })),
  ),
  row('equivalent medication code', ['MedicationRequest'], (it) =>
    edited(it, 'medicationCodeableConcept.coding[0]', () => ({
      system: 'http://www.nlm.nih.gov/research/umls/rxnorm',
      code: '11289',
      display: 'Warfarin',
    })),
  ),
  row('contained resources called otherwise', ['Observation'], (it) =>
    renamed(it, { lab: 'c1', meter: 'lab' }),
  ),
  row('contained resources’ names exchanged', ['Observation'], (it) =>
    renamed(it, { lab: 'meter', meter: 'lab' }),
  ),
  row('an integer as exponent', ['BloodPressure'], (it) =>
    edited(it, 'component[0].valueQuantity.value', (value) => JSON.rawJSON(`${decimalText(value)}e0`)),
  ),
  row('members without a value', SUBJECTS, (it) => ({
    ...copyOf(it),
    copyright: undefined,
    contact: it['contact'],
  })),
  row('all of it at once', SUBJECTS, (it) =>
    keysTurned(
      withMeta(
        timesAs(
          referencesAs(it, (ref) => `${BASES[0]!}/${ref}`),
          (time) => atOffset(time, 3),
        ),
        (meta) => ({ ...meta, versionId: '9', lastUpdated: '2026-06-30T00:00:00Z' }),
      ),
    ),
  ),
];

const each = (set: ComparableSet, rewrite: (resource: Resource) => Resource): ComparableSet => ({
  ...set,
  matches: set.matches.map(rewrite),
  included: set.included.map(rewrite),
});

export const SET_REWRITINGS: readonly SetRewriting[] = [
  { name: 'members of entries in another order', rewrite: (set) => each(set, keysTurned) },
  {
    name: 'entries’ references absolute',
    rewrite: (set) => each(set, (it) => referencesAs(it, (ref) => `${BASES[0]!}/${ref}`)),
  },
  {
    name: 'included resources in another order',
    rewrite: (set, random) => ({ ...set, included: random.shuffle(set.included) }),
  },
  {
    name: 'entries of equal sort values in another order',
    rewrite: (set, random) => ({
      ...set,
      matches: [...random.shuffle(set.matches.slice(0, 3)), ...set.matches.slice(3)],
    }),
  },
];
