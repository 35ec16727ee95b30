import { CODES, DATES, fc, NUMBERS, PATIENTS, pick, SYSTEMS, URIS, WORDS } from './random.ts';

/** Searches as text, `name=value&…`, over what random.ts makes. */

const PREFIXES = ['', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'];
const escaped = (text: string) => text.replace(/[\\,$|]/g, '\\$&');

const codes = pick(...CODES);
const systems = pick(...SYSTEMS, 'urn:none');
const token = fc.oneof(
  codes,
  fc.tuple(systems, codes).map(([system, code]) => `${system}|${code}`),
  codes.map((code) => `|${code}`),
  systems.map((system) => `${system}|`),
);
const date = fc
  .tuple(pick(...PREFIXES), pick(...DATES, '1980-03-15T10:00', '2262-04-12'))
  .map(([prefix, it]) => prefix + it);
const number = fc
  .tuple(pick(...PREFIXES), pick(...NUMBERS, '1.49', '-2.0'))
  .map(([prefix, it]) => prefix + it);
const unit = pick('', '|urn:a|mg', '||mg', '|http://unitsofmeasure.org|mg', '||%', '|urn:a|');
const quantity = fc.tuple(number, unit).map(([it, by]) => it + by);
const text = pick(...WORDS.filter((word) => word !== '-'), 'quin', 'jones', 'neil', 'o ne', 's', 'cruz').map(
  escaped,
);
const exact = pick(...WORDS).map(escaped);
const patient = fc.oneof(
  pick(...PATIENTS, 'nobody'),
  pick(...PATIENTS).map((id) => `Patient/${id}`),
  pick(...PATIENTS).map((id) => `https://ficus.example/fhir/r4/Patient/${id}`),
);
const anything = fc.oneof(patient, pick('https://elsewhere.example/Patient/p1', ...URIS.map(escaped)));

type Filters = fc.Arbitrary<string>;
const oneOf = (name: string, value: fc.Arbitrary<string>): Filters =>
  fc.uniqueArray(value, { minLength: 1, maxLength: 3 }).map((all) => `${name}=${all.join(',')}`);
const missing = (...names: string[]): Filters =>
  fc.tuple(pick(...names), fc.boolean()).map(([name, is]) => `${name}:missing=${is}`);
const tokens = (...names: string[]): Filters =>
  fc.tuple(pick(...names), pick('', '', ':not')).chain(([name, modifier]) => oneOf(name + modifier, token));
const strings = (...names: string[]): Filters =>
  fc
    .tuple(pick(...names), pick('', ':contains', ':exact'))
    .chain(([name, modifier]) => oneOf(name + modifier, modifier === ':exact' ? exact : text));
const dates = (...names: string[]): Filters => pick(...names).chain((name) => oneOf(name, date));
const identified = (name: string): Filters => oneOf(`${name}:identifier`, token);
const pair = (name: string, first: fc.Arbitrary<string>, second: fc.Arbitrary<string>): Filters =>
  oneOf(
    name,
    fc.tuple(first, second).map(([a, b]) => `${a}$${b}`),
  );

const patientFilters = fc.oneof(
  strings('name', 'family', 'given', 'address', 'address-city'),
  tokens('identifier', 'gender', 'telecom', '_tag').filter((it) => !/^telecom.*\|/.test(it)),
  oneOf('active', pick('true', 'false')),
  oneOf('deceased', pick('true', 'false')),
  dates('birthdate', '_lastUpdated'),
  oneOf('_id', pick(...PATIENTS, 'nobody')),
  oneOf('general-practitioner:Practitioner', pick('p1')),
  oneOf('_profile', pick(...URIS.map(escaped))),
  missing('name', 'identifier', 'birthdate', 'general-practitioner', 'deceased', 'gender'),
);
const observationFilters = fc.oneof(
  tokens('code', 'status', 'category', 'identifier', 'combo-code', 'component-code'),
  dates('date', '_lastUpdated'),
  oneOf('value-quantity', quantity),
  oneOf('component-value-quantity', quantity),
  oneOf('patient', patient),
  oneOf('subject', anything),
  oneOf('subject:Patient', pick(...PATIENTS)),
  identified('subject'),
  identified('patient'),
  strings('value-string'),
  tokens('value-concept', 'combo-value-concept', 'component-value-concept'),
  dates('value-date'),
  oneOf('combo-value-quantity', quantity),
  oneOf('focus', anything),
  oneOf('encounter', pick('e0', 'Encounter/e1')),
  pair('code-value-quantity', token, quantity),
  pair('code-value-date', token, date),
  pair('code-value-string', token, text),
  pair('component-code-value-quantity', token, quantity),
  pair('combo-code-value-concept', token, token),
  missing(
    'code',
    'value-quantity',
    'subject',
    'date',
    'patient',
    'combo-code',
    'combo-value-quantity',
    'category',
  ),
);
const encounterFilters = fc.oneof(
  dates('date', 'location-period'),
  tokens('status', 'class'),
  oneOf('length', quantity),
  oneOf('subject', patient),
  missing('date', 'length'),
);
const riskFilters = fc.oneof(
  oneOf('probability', number),
  dates('date'),
  oneOf('patient', patient),
  missing('probability'),
);
const valueSetFilters = fc.oneof(
  oneOf('url', pick(...URIS.map(escaped))),
  oneOf('expansion', pick(...URIS.map(escaped))),
  strings('name'),
  dates('date'),
  oneOf('context-quantity', quantity),
  pair('context-type-quantity', token, quantity),
);

const document = pick(
  'd1',
  'DocumentReference/d0',
  'https://ficus.example/fhir/r4/DocumentReference/d1',
  'https://elsewhere.example/DocumentReference/d1',
);
const documentFilters = fc.oneof(
  oneOf('relatesto', document),
  tokens('relation', 'status'),
  pair('relationship', document, pick('replaces', 'appends', '|replaces')),
  dates('date'),
  missing('relatesto'),
);

const all = (filters: Filters, max: number) =>
  fc.array(filters, { minLength: 1, maxLength: max }).map((it) => it.join('&'));
const sortedBy = (...names: string[]) =>
  fc
    .uniqueArray(pick(...names), { maxLength: 2 })
    .chain((it) => fc.tuple(...it.map((name) => pick(name, `-${name}`))))
    .map((it) => (it.length === 0 ? '' : `_sort=${it.join(',')}`));

export interface RandomSearch {
  readonly type: string;
  readonly filters: string;
  readonly sort: string;
}

const searches = (type: string, filters: Filters, ...sorts: string[]): fc.Arbitrary<RandomSearch> =>
  fc.record({ type: fc.constant(type), filters: all(filters, 3), sort: sortedBy(...sorts) });

/** One patient's resources by when they were, as is asked most. */
const ofOnePatient: fc.Arbitrary<RandomSearch> = fc
  .tuple(
    pick('patient=p1', 'subject=Patient/p1', 'patient=p0,p1'),
    fc.option(observationFilters, { nil: undefined }),
    pick('-date', 'date', '-date,status', '-date,-_id', '-_id'),
  )
  .map(([patient, more, by]) => ({
    type: 'Observation',
    filters: more === undefined ? patient : `${more}&${patient}`,
    sort: `_sort=${by}`,
  }));

/** Searches whose every filter is of the resource itself. */
export const plainSearches = fc.oneof(
  ofOnePatient,
  searches(
    'Patient',
    patientFilters,
    'family',
    'name',
    'birthdate',
    'gender',
    'address',
    '_lastUpdated',
    'identifier',
    '_id',
    'given',
    'telecom',
    'active',
    'deceased',
  ),
  searches(
    'Observation',
    observationFilters,
    'date',
    'code',
    'value-quantity',
    'status',
    '_id',
    'combo-code',
    'component-code',
    'combo-value-quantity',
    'identifier',
    'value-string',
    'value-date',
  ),
  searches('DocumentReference', documentFilters, 'date', 'status', 'relation'),
  searches('Encounter', encounterFilters, 'date', 'length', 'class'),
  searches('RiskAssessment', riskFilters, 'date', 'probability'),
  searches('ValueSet', valueSetFilters, 'url', 'date', 'name'),
);

export interface LinkedSearch {
  readonly type: string;
  /** The filter before it is prefixed, of `inner`. */
  readonly filter: string;
  readonly inner: string;
  readonly param: string;
  readonly backwards: boolean;
}

const link = (
  type: string,
  param: string,
  inner: string,
  backwards: boolean,
  filter: Filters,
): fc.Arbitrary<LinkedSearch> =>
  fc.record({
    type: fc.constant(type),
    param: fc.constant(param),
    inner: fc.constant(inner),
    backwards: fc.constant(backwards),
    filter,
  });

/** One chained parameter, forwards or backwards. */
export const linkedSearches = fc.oneof(
  link('Observation', 'subject', 'Patient', false, patientFilters),
  link('Observation', 'patient', 'Patient', false, patientFilters),
  link('Encounter', 'patient', 'Patient', false, patientFilters),
  link('Observation', 'encounter', 'Encounter', false, encounterFilters),
  link('Patient', 'patient', 'Observation', true, observationFilters),
  link('Patient', 'subject', 'Encounter', true, encounterFilters),
  link('Encounter', 'encounter', 'Observation', true, observationFilters),
);
