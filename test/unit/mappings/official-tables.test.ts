import { describe, expect, it } from 'vitest';
import { loadMappings } from '../../../src/config/mappings.ts';
import type { CodeMap } from '../../../src/mapping/code-map.ts';
import type { Row } from '../../../src/mapping/schema.ts';
import { conceptRows, fieldsOf, TABLES } from './official-table.ts';

/** The official tables of segments, the maps that answer for them. */
const SEGMENTS = [
  { table: 'PID[Patient]', map: 'PID <-> Patient' },
  { table: 'PD1[Patient]', map: 'PD1 <-> Patient' },
  { table: 'NK1[RelatedPerson]', map: 'NK1 <-> RelatedPerson' },
  { table: 'NK1[Patient]', map: 'NK1 <-> Patient.contact' },
  { table: 'PV1[Encounter]', map: 'PV1 <-> Encounter' },
  { table: 'PV2[Encounter]', map: 'PV2 <-> Encounter' },
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

function rowsFor(map: string, field: string): Row[] {
  return set.maps
    .get(map)!
    .rows.map(({ row }) => row)
    .filter((row) => [row.v2, row.when].some((text) => text !== undefined && names(text, field)));
}

function names(text: string | null, field: string): boolean {
  return new RegExp(`(^|[^\\w-])${field}($|[^\\d])`).test(text ?? '');
}

describe.skipIf(!TABLES)(`the official tables (${TABLES ? 'of FICUS_SHARED' : 'skipped: FICUS_SHARED is not set'})`, () => {
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
