import { describe, expect, it } from 'vitest';
import { loadMappings } from '../../../src/config/mappings.ts';
import type { Row } from '../../../src/mapping/schema.ts';
import { conceptRows, fieldsOf, segmentRows, TABLES, type SegmentRow } from './official-table.ts';

/** The official tables of orders, results, specimens, drugs and vaccinations; the maps that answer for them; what becomes of their rows. */
const SEGMENTS = [
  { table: 'OBX[Observation]', maps: ['OBX <-> Observation', 'OBX <-> Organization'], mapped: 71, saidWhy: 1 },
  { table: 'OBX[Observation-Component]', maps: ['OBX <-> Observation.component', 'OBX <-> Observation', 'OBX <-> Organization'], mapped: 70, saidWhy: 2 },
  { table: 'NTE[Observation]', maps: ['NTE <-> Observation', 'NTE <-> Annotation'], mapped: 3, saidWhy: 0 },
  { table: 'NTE[ServiceRequest]', maps: ['NTE <-> ServiceRequest', 'NTE <-> Annotation'], mapped: 3, saidWhy: 0 },
  { table: 'OBR[DiagnosticReport]', maps: ['OBR <-> DiagnosticReport'], mapped: 22, saidWhy: 0 },
  { table: 'OBR[ServiceRequest]', maps: ['OBR <-> ServiceRequest', 'ORC <-> ServiceRequest'], mapped: 26, saidWhy: 2 },
  { table: 'OBR[Specimen]', maps: ['OBR <-> Specimen'], mapped: 11, saidWhy: 0 },
  { table: 'SPM[Specimen]', maps: ['SPM <-> Specimen'], mapped: 21, saidWhy: 0 },
  { table: 'ORC[DiagnosticReport]', maps: ['ORC <-> DiagnosticReport'], mapped: 12, saidWhy: 0 },
  {
    table: 'ORC[ServiceRequest]',
    maps: ['ORC <-> ServiceRequest', 'ORC <-> ServiceRequest [event]', 'ORC <-> Organization', 'ORC <-> Practitioner'],
    mapped: 41,
    saidWhy: 3,
  },
  { table: 'ORC[Provenance]', maps: ['ORC <-> Provenance', 'ORC <-> Organization', 'ORC <-> Practitioner'], mapped: 26, saidWhy: 1 },
  { table: 'ORC[Immunization]', maps: ['ORC <-> Immunization'], mapped: 13, saidWhy: 0 },
  { table: 'ORC[MedicationAdministration]', maps: ['ORC <-> MedicationAdministration'], mapped: 14, saidWhy: 0 },
  { table: 'TQ1[ServiceRequest]', maps: ['TQ1 <-> ServiceRequest'], mapped: 14, saidWhy: 0 },
  { table: 'TQ1[MedicationRequest]', maps: ['TQ1 <-> MedicationRequest'], mapped: 15, saidWhy: 0 },
  { table: 'RXO[MedicationRequest]', maps: ['RXO <-> MedicationRequest', 'RXO <-> Medication', 'RXE <-> MedicationRequest'], mapped: 24, saidWhy: 0 },
  { table: 'RXR[MedicationRequest]', maps: ['RXR <-> MedicationRequest'], mapped: 4, saidWhy: 0 },
  { table: 'RXR[Immunization]', maps: ['RXR <-> Immunization'], mapped: 2, saidWhy: 0 },
  { table: 'RXA[Immunization]', maps: ['RXA <-> Immunization', 'RXA <-> Location'], mapped: 18, saidWhy: 0 },
  { table: 'PRT[Device]', maps: ['PRT <-> Device'], mapped: 9, saidWhy: 0 },
  { table: 'PRT[Observation-Location]', maps: ['PRT <-> Observation [location]'], mapped: 4, saidWhy: 0 },
];

/** The official concept maps, and the code maps that answer for them. */
const CODES: Readonly<Record<string, string>> = {
  AdditivePreservative: 'specimen-additive',
  AdministrationMethod: 'administration-method',
  AllowSubstitution: 'substitution',
  BodyParts: 'body-part',
  BodySite: 'body-site',
  CompletionStatus: 'completion-status',
  ConfidentialityCode: 'confidentiality',
  DiagnosticServiceSectionID: 'diagnostic-section',
  ExtendedPriorityCodes: 'order-priority',
  InterpretationCodes: 'interpretation',
  NatureOfAbnormalTesting: 'nature-of-abnormal',
  ObservationResultStatusCodesInterpretation: 'observation-status',
  'OrderControlCode[ServiceRequest.status]': 'order-control-status',
  OrderStatus: 'order-status',
  OrderType: 'order-type',
  RepeatPattern: 'repeat-pattern',
  'ResultStatus[Non-Queries]': 'report-status',
  RouteOfAdministration: 'administration-route',
  SpecimenCollectionMethod: 'specimen-collection-method',
  SpecimenCondition: 'specimen-condition',
  SpecimenType: 'specimen-type',
  'YesNoIndicator[AvailabilityStatus]': 'specimen-availability',
};


const set = loadMappings('mappings');

/**
 * The element that a target names: `identifier` of `identifier[2].type`, and of a resource inside it (`performer[2](Organization.address)`) that
 * resource's element, too.
 */
function elementsOf(target: string): string[] {
  const outer = target.replace(/^component\[each\]\.|^dosageInstruction\./, '');
  const inner = [...outer.matchAll(/(?:[A-Z][A-Za-z]+(?:\[\d\])?|^note)\.([a-z]\w*)/g)].map((match) => match[1]!);
  const extended = /\bextension\b/.test(outer) ? ['extension'] : [];
  return [/^\$?\w+/.exec(outer)?.[0] ?? '', ...inner, ...extended].filter((it_) => it_ !== '');
}

function rowsFor(maps: readonly string[], field: string): Row[] {
  return maps
    .flatMap((map) => set.maps.get(map)!.rows.map(({ row }) => row))
    .filter((row) => [row.v2, row.when, ...Object.values(row.with ?? {})].some((text) => names(text, field)));
}

/** Rows of the maps that make the resource inside a target: `requester(PractitionerRole.organization(Organization))`. */
function rowsOfType(maps: readonly string[], target: string): Row[] {
  const types = [...target.matchAll(/\(([A-Z]\w+)\)/g)].map((match) => match[1]!);
  return maps.filter((map) => types.includes(set.maps.get(map)!.fhirType)).flatMap((map) => set.maps.get(map)!.rows.map(({ row }) => row));
}

/** What the table says is always so needs no field: `intent`. */
function constantOf(maps: readonly string[], target: string): boolean {
  return target === 'intent' && maps.some((map) => set.maps.get(map)!.rows.some(({ row }) => row.fhir === 'intent' && row.const === 'order'));
}

/** Whether a path names a field: `OBX-5`, `OBX-5.1`, and `OBX.5` in `with`. */
function names(text: string | null | undefined, field: string): boolean {
  const [segment, number] = field.split('-');
  return new RegExp(`(^|[^\\w-])${segment}[-.]${number}($|[^\\d])`).test(text ?? '');
}

/** Rows that stand for the whole of a part, or go by another name here. */
const SAME: Readonly<Record<string, readonly string[]>> = {
  $this: ['extension', 'occurrenceTiming', 'type', 'priority', 'container', 'note', 'collection', 'condition'],
  medication: ['medicationCodeableConcept', 'form', 'code'],
  medicationReference: ['ingredient'],
  occurrenceTiming: ['dosageInstruction'],
  occurenceTiming: ['occurrenceTiming'],
  occurrenceTIming: ['occurrenceTiming'],
  occurneceTiming: ['occurrenceTiming', 'dosageInstruction'],
  timing: ['dosageInstruction'],
  doseAndRate: ['dosageInstruction'],
  additionalInstruction: ['dosageInstruction'],
  text: ['dosageInstruction', 'note'],
  maxDosePerPeriod: ['dosageInstruction'],
  route: ['dosageInstruction', 'route'],
  site: ['dosageInstruction', 'site'],
  method: ['dosageInstruction', 'method'],
};

/** What became of a row of an official table. */
function fate(maps: readonly string[], { field, target }: SegmentRow): 'mapped' | 'said why' | 'missing' {
  const rows = rowsFor(maps, field);
  const elements = elementsOf(target).flatMap((element) => [element, ...(SAME[element] ?? [])]);
  const made = rows.flatMap((row) => (row.fhir ? [/^_?(\w+)/.exec(row.fhir)![1]!, row.fhir] : []));
  if (elements.some((element) => made.some((path) => path === element || path.includes(`${element}(`)))) return 'mapped';
  if (rowsOfType(maps, target).some((row) => names(row.v2, field)) || constantOf(maps, target)) return 'mapped';
  return rows.some((row) => !row.fhir && row.why) ? 'said why' : 'missing';
}

describe.skipIf(!TABLES)(`the official tables of orders and results (${TABLES ? 'of FICUS_SHARED' : 'skipped: FICUS_SHARED is not set'})`, () => {
  it.each(SEGMENTS)('every target of $table is mapped, or the file says why not', ({ table, maps, mapped, saidWhy }) => {
    const count = Map.groupBy(segmentRows(table), (row) => fate(maps, row));
    expect(count.get('missing') ?? []).toEqual([]);
    expect([count.get('mapped')?.length ?? 0, count.get('said why')?.length ?? 0]).toEqual([mapped, saidWhy]);
  });

  it.each(SEGMENTS.filter(({ maps }) => !set.maps.get(maps[0]!)!.part))('every field of $table is mapped, kept or dropped', ({ table, maps }) => {
    const fields = fieldsOf(table).filter((field) => field.startsWith(table.slice(0, 3)));
    expect(fields.length).toBeGreaterThan(4);
    expect(fields.filter((field) => rowsFor(maps, field).length === 0)).toEqual([]);
  });

  it.each(Object.entries(CODES))('every code of %s is read as the table says', (table, name) => {
    const rows = conceptRows(table).filter(({ legacy, code }) => !/[<>]integer/.test(legacy) && /^[\w<>-]+$/.test(code));
    expect(rows.length).toBeGreaterThan(0);
    const codes = set.codes.get(name)!;
    const differs = rows.filter(({ legacy, code, system }) => {
      const read = codes.toFhir.get(legacy) ?? { code: codes.unknown === 'keep' ? legacy : undefined, system: codes.v2System };
      return read.code !== code || (read.system !== undefined && system !== '' && read.system !== system);
    });
    expect(differs).toEqual([]);
  });
});
