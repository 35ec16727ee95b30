import { describe, expect, it } from 'vitest';
import { loadMappings } from '../../../src/config/mappings.ts';
import type { Row } from '../../../src/mapping/schema.ts';
import { conceptRows, fieldsOf, TABLES } from './official-table.ts';

/** The official tables of orders, results, specimens, drugs and vaccinations; the maps that answer for them. */
const SEGMENTS = [
  { table: 'OBX[Observation]', maps: ['OBX <-> Observation', 'OBX <-> Organization'] },
  { table: 'OBX[Observation-Component]', maps: ['OBX <-> Observation.component', 'OBX <-> Observation', 'OBX <-> Organization'] },
  { table: 'NTE[Observation]', maps: ['NTE <-> Observation', 'NTE <-> Annotation'] },
  { table: 'NTE[ServiceRequest]', maps: ['NTE <-> ServiceRequest', 'NTE <-> Annotation'] },
  { table: 'OBR[DiagnosticReport]', maps: ['OBR <-> DiagnosticReport'] },
  { table: 'OBR[ServiceRequest]', maps: ['OBR <-> ServiceRequest', 'ORC <-> ServiceRequest'] },
  { table: 'OBR[Specimen]', maps: ['OBR <-> Specimen'] },
  { table: 'SPM[Specimen]', maps: ['SPM <-> Specimen'] },
  { table: 'ORC[DiagnosticReport]', maps: ['ORC <-> DiagnosticReport'] },
  {
    table: 'ORC[ServiceRequest]',
    maps: ['ORC <-> ServiceRequest', 'ORC <-> ServiceRequest [event]', 'ORC <-> Organization', 'ORC <-> Practitioner'],
  },
  { table: 'ORC[Provenance]', maps: ['ORC <-> Provenance', 'ORC <-> Organization', 'ORC <-> Practitioner'] },
  { table: 'ORC[Immunization]', maps: ['ORC <-> Immunization'] },
  { table: 'ORC[MedicationAdministration]', maps: ['ORC <-> MedicationAdministration'] },
  { table: 'TQ1[ServiceRequest]', maps: ['TQ1 <-> ServiceRequest'] },
  { table: 'TQ1[MedicationRequest]', maps: ['TQ1 <-> MedicationRequest'] },
  { table: 'RXO[MedicationRequest]', maps: ['RXO <-> MedicationRequest', 'RXO <-> Medication', 'RXE <-> MedicationRequest'] },
  { table: 'RXR[MedicationRequest]', maps: ['RXR <-> MedicationRequest'] },
  { table: 'RXR[Immunization]', maps: ['RXR <-> Immunization'] },
  { table: 'RXA[Immunization]', maps: ['RXA <-> Immunization', 'RXA <-> Location'] },
  { table: 'PRT[Device]', maps: ['PRT <-> Device'] },
  { table: 'PRT[Observation-Location]', maps: ['PRT <-> Observation [location]'] },
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

function rowsFor(maps: readonly string[], field: string): Row[] {
  return maps
    .flatMap((map) => set.maps.get(map)!.rows.map(({ row }) => row))
    .filter((row) => [row.v2, row.when, ...Object.values(row.with ?? {})].some((text) => names(text, field)));
}

/** Whether a path names a field: `OBX-5`, `OBX-5.1`, and `OBX.5` in `with`. */
function names(text: string | null | undefined, field: string): boolean {
  const [segment, number] = field.split('-');
  return new RegExp(`(^|[^\\w-])${segment}[-.]${number}($|[^\\d])`).test(text ?? '');
}

describe.skipIf(!TABLES)(`the official tables of orders and results (${TABLES ? 'of FICUS_SHARED' : 'skipped: FICUS_SHARED is not set'})`, () => {
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
