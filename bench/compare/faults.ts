import { decimalText } from '../../src/fhir/json.ts';
import type { Json, JsonObject, Resource } from '../../src/fhir/types.ts';
import type { ComparableSet } from '../../src/strangler/compare/answer.ts';
import { added, edited, swapped, type Edit } from './edit.ts';
import type { Random } from './random.ts';
import type { Subject } from './resources.ts';

/** The severity that a planted difference must get. */
type Severity = 'critical' | 'major' | 'minor';

/** One kind of difference, planted in a resource. */
export interface Fault {
  readonly name: string;
  readonly on: Subject;
  /** Where it must be found, and what it must be called. */
  readonly path: string;
  readonly severity: Severity;
  readonly plant: (resource: Resource, random: Random) => Resource;
}

/** One kind of difference, planted in what a search found. */
export interface SetFault {
  readonly name: string;
  readonly path: string;
  readonly severity: Severity;
  readonly plant: (set: ComparableSet, random: Random) => ComparableSet;
}

const text =
  (change: (text: string) => string): Edit =>
  (value) =>
    change(value as string);
const to =
  (value: Json): Edit =>
  () =>
    value;
const gone: Edit = () => undefined;
const number =
  (change: (value: number) => number): Edit =>
  (value) =>
    change(Number(decimalText(value)));
const listed =
  (change: (list: Json[]) => Json[]): Edit =>
  (value) =>
    change(value as Json[]);

/** A row: what, on which resource, where it is planted, the edit, where it must be found, its severity. */
function fault(
  name: string,
  on: Subject,
  place: string,
  edit: Edit,
  path: string,
  severity: Severity = 'critical',
): Fault {
  return { name, on, path, severity, plant: (resource) => edited(resource, place, edit) };
}

function special(name: string, on: Subject, path: string, severity: Severity, plant: Fault['plant']): Fault {
  return { name, on, path, severity, plant };
}

const shifted = (ms: number): Edit =>
  text((time) => new Date(Date.parse(time) + ms).toISOString().replace('.000Z', 'Z'));
const HOUR = 3_600_000;
const ANOTHER = 'Patient/somebody-else';
const NEGATION: Json = [{ url: 'https://hospital.example/not-given', valueBoolean: true }];

export const FAULTS: readonly Fault[] = [
  fault('unit changed', 'Observation', 'valueQuantity.unit', to('mg/dL'), 'Observation.valueQuantity.unit'),
  fault(
    'unit’s code changed',
    'Observation',
    'valueQuantity.code',
    to('mg/dL'),
    'Observation.valueQuantity.code',
  ),
  fault('unit missing', 'Observation', 'valueQuantity.unit', gone, 'Observation.valueQuantity.unit'),
  fault(
    'status changed',
    'Observation',
    'status',
    text((it) => (it === 'final' ? 'amended' : 'final')),
    'Observation.status',
  ),
  fault(
    'UTC without offset',
    'Observation',
    'effectiveDateTime',
    text((it) => new Date(it).toISOString().slice(0, 19)),
    'Observation.effectiveDateTime',
  ),
  fault(
    'local time without offset',
    'Observation',
    'effectiveDateTime',
    text((it) => it.slice(0, 19)),
    'Observation.effectiveDateTime',
  ),
  fault(
    'an hour off (daylight saving)',
    'Observation',
    'effectiveDateTime',
    shifted(HOUR),
    'Observation.effectiveDateTime',
  ),
  fault('a day off', 'Observation', 'effectiveDateTime', shifted(24 * HOUR), 'Observation.effectiveDateTime'),
  fault('a minute off', 'Observation', 'effectiveDateTime', shifted(60_000), 'Observation.effectiveDateTime'),
  fault(
    'another offset, same clock',
    'Observation',
    'effectiveDateTime',
    text((it) => it.replace('+01:00', 'Z')),
    'Observation.effectiveDateTime',
  ),
  fault(
    'time of day lost',
    'Observation',
    'effectiveDateTime',
    text((it) => it.slice(0, 10)),
    'Observation.effectiveDateTime',
    'major',
  ),
  fault(
    'month made a day',
    'AllergyIntolerance',
    'onsetDateTime',
    text((it) => `${it}-01`),
    'AllergyIntolerance.onsetDateTime',
    'major',
  ),
  fault(
    'fraction of a second lost',
    'Observation',
    'issued',
    text((it) => it.replace(/\.\d+/, '')),
    'Observation.issued',
    'minor',
  ),
  fault(
    'precision lost (rounded)',
    'Observation',
    'valueQuantity.value',
    number(Math.round),
    'Observation.valueQuantity.value',
  ),
  fault(
    'trimmed zero',
    'Observation',
    'valueQuantity.value',
    number((it) => it),
    'Observation.valueQuantity.value',
  ),
  special('zero added', 'Observation', 'Observation.valueQuantity.value', 'critical', (it) =>
    edited(it, 'valueQuantity.value', (value) => JSON.rawJSON(`${decimalText(value)}0`)),
  ),
  fault(
    'value changed',
    'Observation',
    'valueQuantity.value',
    number((it) => it + 0.1),
    'Observation.valueQuantity.value',
  ),
  fault(
    'decimal point lost',
    'Observation',
    'valueQuantity.value',
    number((it) => Math.round(it * 10)),
    'Observation.valueQuantity.value',
  ),
  fault(
    'number as string',
    'Observation',
    'valueQuantity.value',
    (it) => decimalText(it),
    'Observation.valueQuantity.value',
  ),
  fault(
    'comparator dropped',
    'Observation',
    'valueQuantity.comparator',
    gone,
    'Observation.valueQuantity.comparator',
  ),
  fault(
    'comparator turned',
    'Observation',
    'valueQuantity.comparator',
    to('>'),
    'Observation.valueQuantity.comparator',
  ),
  special(
    'value as text',
    'Observation',
    'Observation.valueQuantity',
    'critical',
    ({ valueQuantity: _value, ...rest }) => ({
      ...(rest as Resource),
      valueString: '5.40 mmol/L',
    }),
  ),
  fault(
    'interpretation flipped',
    'Observation',
    'interpretation[0].coding[0].code',
    to('L'),
    'Observation.interpretation.coding.code',
  ),
  fault('interpretation missing', 'Observation', 'interpretation', gone, 'Observation.interpretation'),
  fault(
    'reference range shifted',
    'Observation',
    'referenceRange[0].high.value',
    number((it) => it + 1),
    'Observation.referenceRange.high.value',
  ),
  fault('reference range dropped', 'Observation', 'referenceRange', gone, 'Observation.referenceRange'),
  special(
    'components’ values swapped',
    'BloodPressure',
    'Observation.component.valueQuantity.value',
    'critical',
    (it) => swapped(it, 'component[0].valueQuantity', 'component[1].valueQuantity'),
  ),
  fault('component dropped', 'BloodPressure', 'component[1]', gone, 'Observation.component'),
  fault(
    'component doubled',
    'BloodPressure',
    'component',
    listed((it) => [...it, it[0]!]),
    'Observation.component',
  ),
  fault('wrong subject', 'Observation', 'subject.reference', to(ANOTHER), 'Observation.subject.reference'),
  fault(
    'merged patient’s reference',
    'AllergyIntolerance',
    'patient.reference',
    text((it) => `${it}-survivor`),
    'AllergyIntolerance.patient.reference',
  ),
  fault('subject missing', 'Encounter', 'subject', gone, 'Encounter.subject'),
  fault(
    'another patient in a participant',
    'Appointment',
    'participant[0].actor.reference',
    to(ANOTHER),
    'Appointment.participant.actor.reference',
  ),
  fault(
    'logical id changed',
    'Patient',
    'id',
    text((it) => `${it}0`),
    'Patient.id',
  ),
  special('identifier systems swapped', 'Patient', 'Patient.identifier.value', 'critical', (it) =>
    swapped(it, 'identifier[0].system', 'identifier[1].system'),
  ),
  fault(
    'identifier’s system changed',
    'Patient',
    'identifier[0].system',
    to('urn:oid:1.2.3'),
    'Patient.identifier.system',
  ),
  fault(
    'zero before an identifier',
    'Patient',
    'identifier[0].value',
    text((it) => `0${it}`),
    'Patient.identifier.value',
  ),
  fault('identifier dropped', 'Patient', 'identifier[1]', gone, 'Patient.identifier'),
  fault('code changed', 'Observation', 'code.coding[0].code', to('2345-7'), 'Observation.code.coding.code'),
  fault(
    'code system changed',
    'Observation',
    'code.coding[0].system',
    to('urn:oid:2.16.840.1.113883.6.999'),
    'Observation.code.coding.system',
  ),
  fault('code as text only', 'AllergyIntolerance', 'code.coding', gone, 'AllergyIntolerance.code.coding'),
  fault('one coding dropped', 'Observation', 'code.coding[0]', gone, 'Observation.code.coding'),
  fault(
    'extra coding',
    'Observation',
    'code.coding',
    listed((it) => [...it, { system: 'urn:oid:9.9', code: 'X' }]),
    'Observation.code.coding',
    'major',
  ),
  fault(
    'text contradicts the code',
    'AllergyIntolerance',
    'code.text',
    to('Allergy to latex'),
    'AllergyIntolerance.code.text',
    'major',
  ),
  fault(
    'display changed',
    'Observation',
    'code.coding[0].display',
    to('Glucose'),
    'Observation.code.coding.display',
    'minor',
  ),
  fault('text beside a code missing', 'Observation', 'code.text', gone, 'Observation.code.text', 'minor'),
  fault(
    'negation lost (modifierExtension)',
    'MedicationRequest',
    'modifierExtension',
    gone,
    'MedicationRequest.modifierExtension:not-given',
  ),
  special(
    'negation added (modifierExtension)',
    'Observation',
    'Observation.modifierExtension:not-given',
    'critical',
    (it) => added(it, '', 'modifierExtension', NEGATION),
  ),
  fault(
    'negation turned (modifierExtension)',
    'MedicationRequest',
    'modifierExtension[0].valueBoolean',
    to(false),
    'MedicationRequest.modifierExtension:not-given.valueBoolean',
  ),
  fault(
    'dose ten times',
    'MedicationRequest',
    'dosageInstruction[0].doseAndRate[0].doseQuantity.value',
    to(25),
    'MedicationRequest.dosageInstruction.doseAndRate.doseQuantity.value',
  ),
  fault(
    'dose’s unit changed',
    'MedicationRequest',
    'dosageInstruction[0].doseAndRate[0].doseQuantity.unit',
    to('g'),
    'MedicationRequest.dosageInstruction.doseAndRate.doseQuantity.unit',
  ),
  fault(
    'frequency doubled',
    'MedicationRequest',
    'dosageInstruction[0].timing.repeat.frequency',
    to(2),
    'MedicationRequest.dosageInstruction.timing.repeat.frequency',
  ),
  fault(
    'route changed',
    'MedicationRequest',
    'dosageInstruction[0].route.coding[0].code',
    to('47625008'),
    'MedicationRequest.dosageInstruction.route.coding.code',
  ),
  fault(
    'dosage step dropped',
    'MedicationRequest',
    'dosageInstruction[1]',
    gone,
    'MedicationRequest.dosageInstruction',
  ),
  fault(
    'medication changed',
    'MedicationRequest',
    'medicationCodeableConcept.coding[0].code',
    to('B01AC06'),
    'MedicationRequest.medicationCodeableConcept.coding.code',
  ),
  fault(
    'allergy’s criticality lowered',
    'AllergyIntolerance',
    'criticality',
    to('low'),
    'AllergyIntolerance.criticality',
  ),
  fault(
    'allergy’s criticality missing',
    'AllergyIntolerance',
    'criticality',
    gone,
    'AllergyIntolerance.criticality',
  ),
  fault(
    'refuted became confirmed',
    'AllergyIntolerance',
    'verificationStatus.coding[0].code',
    to('confirmed'),
    'AllergyIntolerance.verificationStatus.coding.code',
  ),
  fault(
    'active became resolved',
    'AllergyIntolerance',
    'clinicalStatus.coding[0].code',
    to('resolved'),
    'AllergyIntolerance.clinicalStatus.coding.code',
  ),
  fault(
    'reaction’s manifestation dropped',
    'AllergyIntolerance',
    'reaction[0].manifestation[0]',
    gone,
    'AllergyIntolerance.reaction.manifestation',
  ),
  fault(
    'reaction’s severity changed',
    'AllergyIntolerance',
    'reaction[0].severity',
    to('moderate'),
    'AllergyIntolerance.reaction.severity',
  ),
  fault(
    'category dropped',
    'AllergyIntolerance',
    'category[1]',
    gone,
    'AllergyIntolerance.category',
    'major',
  ),
  fault('participant dropped', 'Appointment', 'participant[1]', gone, 'Appointment.participant'),
  fault('appointment moved', 'Appointment', 'start', shifted(HOUR / 2), 'Appointment.start'),
  fault('appointment cancelled', 'Appointment', 'status', to('cancelled'), 'Appointment.status'),
  fault('encounter’s class changed', 'Encounter', 'class.code', to('AMB'), 'Encounter.class.code'),
  fault(
    'encounter’s end invented',
    'Encounter',
    'period',
    (it) => ({ ...(it as JsonObject), end: '2026-02-20T10:00:00+01:00' }),
    'Encounter.period.end',
  ),
  fault(
    'consultant made attender',
    'Encounter',
    'participant[1].type[0].coding[0].code',
    to('ATND'),
    'Encounter.participant.type.coding.code',
    'major',
  ),
  special('family and given name swapped', 'Patient', 'Patient.name.family', 'critical', (it) =>
    swapped(it, 'name[0].family', 'name[0].given[0]'),
  ),
  fault(
    'given names in another order',
    'Patient',
    'name[0].given',
    listed((it) => it.toReversed()),
    'Patient.name.given',
    'major',
  ),
  fault(
    'address lines in another order',
    'Patient',
    'address[0].line',
    listed((it) => it.toReversed()),
    'Patient.address.line',
    'minor',
  ),
  fault('name’s use changed', 'Patient', 'name[1].use', to('old'), 'Patient.name.use', 'major'),
  fault(
    'birth date: day and month swapped',
    'Patient',
    'birthDate',
    text((it) => `${it.slice(0, 5)}${it.slice(8)}-${it.slice(5, 7)}`),
    'Patient.birthDate',
  ),
  fault(
    'birth date less precise',
    'Patient',
    'birthDate',
    text((it) => it.slice(0, 4)),
    'Patient.birthDate',
  ),
  fault('extension of a primitive dropped', 'Patient', '_birthDate', gone, 'Patient.birthDate'),
  fault(
    'sex changed',
    'Patient',
    'gender',
    text((it) => (it === 'male' ? 'female' : 'male')),
    'Patient.gender',
  ),
  fault('deceased', 'Patient', 'deceasedBoolean', to(true), 'Patient.deceasedBoolean'),
  fault(
    'digit of a phone number',
    'Patient',
    'telecom[0].value',
    text((it) => `${it.slice(0, -1)}${(Number(it.at(-1)) + 1) % 10}`),
    'Patient.telecom.value',
    'major',
  ),
  fault('must-support element missing', 'Patient', 'communication', gone, 'Patient.communication', 'major'),
  fault(
    'UTF-8 read as Latin-1',
    'Patient',
    'name[0].family',
    text((it) => Buffer.from(it, 'utf8').toString('latin1')),
    'Patient.name.family',
  ),
  fault(
    'letters replaced',
    'Patient',
    'name[0].family',
    text((it) => it.replaceAll(/[^ -~]/g, '?')),
    'Patient.name.family',
  ),
  fault(
    'letters simplified',
    'Patient',
    'name[0].family',
    text((it) =>
      it
        .normalize('NFD')
        .replaceAll(/[^ -~]/g, '')
        .concat('e'),
    ),
    'Patient.name.family',
  ),
  fault(
    'text cut off',
    'Observation',
    'note[0].text',
    text((it) => it.slice(0, 20)),
    'Observation.note.text',
    'major',
  ),
  fault(
    'HTML-escaped text',
    'Observation',
    'note[0].text',
    text((it) => it.replaceAll('&', '&amp;')),
    'Observation.note.text',
    'major',
  ),
  fault(
    'white space changed',
    'Observation',
    'note[0].text',
    text((it) => `${it} `),
    'Observation.note.text',
    'minor',
  ),
  fault('list became one value', 'Patient', 'name', (it) => (it as Json[])[0], 'Patient.name'),
  fault('boolean as string', 'Patient', 'active', to('true'), 'Patient.active'),
  special('empty instead of absent', 'Patient', 'Patient.photo', 'major', (it) => added(it, '', 'photo', [])),
  special('empty text instead of absent', 'Appointment', 'Appointment.comment', 'major', (it) =>
    added(it, '', 'comment', ''),
  ),
  special('unknown element', 'Encounter', 'Encounter.urgency', 'major', (it) =>
    added(it, '', 'urgency', 'high'),
  ),
  fault(
    'contained resource’s content',
    'Observation',
    'contained[0].name',
    to('Other laboratory'),
    'Observation.contained.name',
    'major',
  ),
  special(
    'contained resources’ names swapped',
    'Observation',
    'Observation.performer.reference',
    'major',
    (it) => swapped(it, 'contained[0].id', 'contained[1].id'),
  ),
  fault(
    'security label added',
    'Patient',
    'meta',
    (it) => ({ ...(it as JsonObject), security: [{ system: 'urn:x', code: 'R' }] }),
    'Patient.meta.security',
    'major',
  ),
];

const without = (resources: readonly Resource[], at: number): Resource[] =>
  resources.filter((_, index) => index !== at);

export const SET_FAULTS: readonly SetFault[] = [
  {
    name: 'entry dropped',
    path: 'Bundle.entry',
    severity: 'critical',
    plant: (set, random) => ({ ...set, matches: without(set.matches, random.below(set.matches.length)) }),
  },
  {
    name: 'entry doubled',
    path: 'Bundle.entry',
    severity: 'critical',
    plant: (set, random) => ({ ...set, matches: [...set.matches, random.pick(set.matches)] }),
  },
  {
    name: 'another patient’s entry',
    path: 'Bundle.entry',
    severity: 'critical',
    plant: (set) => ({
      ...set,
      matches: [...set.matches, { ...set.matches[0]!, id: 'foreign', subject: { reference: ANOTHER } }],
    }),
  },
  {
    name: 'entry replaced by another',
    path: 'Bundle.entry',
    severity: 'critical',
    plant: (set) => ({ ...set, matches: [{ ...set.matches[0]!, id: 'replaced' }, ...set.matches.slice(1)] }),
  },
  {
    name: 'no entries at all',
    path: 'Bundle.entry',
    severity: 'critical',
    plant: (set) => ({ ...set, matches: [] }),
  },
  {
    name: 'unit changed in one entry',
    path: 'Observation.valueQuantity.unit',
    severity: 'critical',
    plant: (set) => ({
      ...set,
      matches: set.matches.with(1, edited(set.matches[1]!, 'valueQuantity.unit', to('mg/dL'))),
    }),
  },
  {
    name: 'values of two entries swapped',
    path: 'Observation.identifier.value',
    severity: 'critical',
    plant: (set) => {
      const [first, second, ...rest] = set.matches;
      return { ...set, matches: [{ ...first!, id: second!.id! }, { ...second!, id: first!.id! }, ...rest] };
    },
  },
  {
    name: 'total changed',
    path: 'Bundle.total',
    severity: 'major',
    plant: (set) => ({ ...set, total: (set.total ?? 0) + 1 }),
  },
  {
    name: 'included resource dropped',
    path: 'Bundle.entry',
    severity: 'major',
    plant: (set) => ({ ...set, included: [] }),
  },
  {
    name: 'sorted entries in another order',
    path: 'Bundle.entry',
    severity: 'major',
    plant: (set, random) => ({ ...set, matches: random.shuffle(set.matches) }),
  },
];
