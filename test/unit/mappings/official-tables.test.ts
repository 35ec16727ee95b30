import { describe, expect, it } from 'vitest';
import { loadMappings } from '../../../src/config/mappings.ts';
import type { CodeMap } from '../../../src/mapping/code-map.ts';
import type { Row } from '../../../src/mapping/schema.ts';
import { conceptRows, fieldsOf, segmentRows, TABLES, type SegmentRow } from './official-table.ts';

/** The official tables of segments, the maps that answer for them, and what becomes of the table's rows with a target. */
const SEGMENTS = [
  { table: 'PID[Patient]', map: 'PID <-> Patient', mapped: 52, saidWhy: 1 },
  { table: 'PD1[Patient]', map: 'PD1 <-> Patient', mapped: 6, saidWhy: 0 },
  { table: 'NK1[RelatedPerson]', map: 'NK1 <-> RelatedPerson', mapped: 23, saidWhy: 0 },
  { table: 'NK1[Patient]', map: 'NK1 <-> Patient.contact', mapped: 13, saidWhy: 3 },
  { table: 'PV1[Encounter]', map: 'PV1 <-> Encounter', mapped: 55, saidWhy: 1 },
  { table: 'PV2[Encounter]', map: 'PV2 <-> Encounter', mapped: 15, saidWhy: 2 },
] as const;

/** The official concept maps, and the code maps that answer for them. */
const CODES: Readonly<Record<string, string>> = {
  AdministrativeSex: 'administrative-sex',
  'AddressType[Type]': 'address-type',
  'AddressType[Use]': 'address-use',
  AdmissionType: 'admission-type',
  AmbulatoryStatus: 'ambulatory-status',
  ContactRole: 'contact-role',
  DegreeLicenseCertificate: 'degree',
  EncounterPriority: 'encounter-priority',
  HospitalService: 'hospital-service',
  IdentifierType: 'identifier-type',
  MaritalStatus: 'marital-status',
  ModeOfArrivalCode: 'mode-of-arrival',
  NameType: 'name-use',
  'PatientClass[EncounterClass]': 'patient-class',
  ReadmissionIndicator: 'readmission-indicator',
  Relationship: 'relationship',
  Religion: 'religion',
  TelecommunicationEquipmentType: 'contact-system',
  TelecommunicationUseCode: 'contact-use',
  UniversalIDType: 'universal-id-type',
};

const set = loadMappings('mappings');

/** `identifier` of `identifier[2].type`, `contact` of `contact.name`; below the inner structure that the map makes. */
function elementOf(target: string, map: string): string {
  const below = map.endsWith('.contact') ? target.replace(/^contact\./, '') : target;
  return /^\$?\w+/.exec(below)![0];
}

function rowsFor(map: string, field: string): Row[] {
  return set.maps
    .get(map)!
    .rows.map(({ row }) => row)
    .filter((row) => [row.v2, row.when].some((text) => text !== undefined && names(text, field)));
}

function names(text: string | null, field: string): boolean {
  return new RegExp(`(^|[^\\w-])${field}($|[^\\d])`).test(text ?? '');
}

/** What became of a row of an official table. */
function fate(map: string, { field, target }: SegmentRow): 'mapped' | 'said why' | 'missing' {
  const rows = rowsFor(map, field);
  const element = elementOf(target, map);
  if (rows.some((row) => row.fhir?.replace(/^_/, '').startsWith(element))) return 'mapped';
  return rows.some((row) => row.v2 !== undefined && names(row.v2, field) && !row.fhir && row.why) ? 'said why' : 'missing';
}

describe.skipIf(!TABLES)(`the official tables (${TABLES ? 'of FICUS_SHARED' : 'skipped: FICUS_SHARED is not set'})`, () => {
  it.each(SEGMENTS)('every target of $table is mapped, or the file says why not', ({ table, map, mapped, saidWhy }) => {
    const count = Map.groupBy(segmentRows(table), (row) => fate(map, row));
    expect(count.get('missing') ?? []).toEqual([]);
    expect([count.get('mapped')?.length ?? 0, count.get('said why')?.length ?? 0]).toEqual([mapped, saidWhy]);
  });

  it.each(SEGMENTS)('every field of $table is mapped, kept or dropped', ({ table, map }) => {
    const fields = fieldsOf(table);
    expect(fields.length).toBeGreaterThan(20);
    expect(fields.filter((field) => rowsFor(map, field).length === 0)).toEqual([]);
  });

  it.each(Object.entries(CODES))('every code of %s is read as the table says', (table, name) => {
    // CP (cellular phone) is a use there, of a table of systems: XTN <-> ContactPoint reads it as both.
    const rows = conceptRows(table).filter(({ system }) => system !== 'http://hl7.org/fhir/contact-point-use' || name === 'contact-use');
    expect(rows.length).toBeGreaterThan(0);
    const codes = set.codes.get(name)!;
    const differs = rows.filter(({ legacy, code, system }) => {
      const read = readCode(codes, legacy);
      return read.code !== code || (read.system !== undefined && system !== '' && read.system !== system);
    });
    expect(differs).toEqual([]);
  });
});

function readCode(map: CodeMap, legacy: string): { code: string | undefined; system: string | undefined } {
  return map.toFhir.get(legacy) ?? { code: map.unknown === 'keep' ? legacy : undefined, system: map.v2System };
}
