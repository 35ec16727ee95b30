import { describe, expect, it } from 'vitest';
import { loadMappings } from '../../../src/config/mappings.ts';
import type { Row } from '../../../src/mapping/schema.ts';
import { fateRows, TABLES, type SegmentRow } from './official-table.ts';

interface Table {
  readonly table: string;
  /** The map that answers for the table, then those of the resources that it refers to. */
  readonly maps: readonly string[];
  /** Rows of the table that name a FHIR target; those whose field is mapped; those of which a file says why not. */
  readonly rows: number;
  readonly mapped: number;
  readonly saidWhy: number;
  /** Fields that are mapped to another element than the table says; docs/coverage.md says which. */
  readonly elsewhere?: Readonly<Record<string, string>>;
  /** Targets of which the comment of the map's file says why they are not mapped. */
  readonly reasoned?: RegExp;
  /** Fields whose target is a constant of the map, which the table writes beside one field or another. */
  readonly constant?: readonly string[];
}

const DG1 = ['DG1 <-> Condition'];
const ROLES = ['ROL <-> PractitionerRole', 'ROL <-> Practitioner', 'ROL <-> Location', 'ROL <-> Organization'];
const PRTS = ['PRT <-> PractitionerRole', 'PRT <-> Practitioner', 'PRT <-> Organization', 'PRT <-> RelatedPerson'];

const SEGMENTS: readonly Table[] = [
  { table: 'AL1[AllergyIntolerance]', maps: ['AL1 <-> AllergyIntolerance'], rows: 13, mapped: 13, saidWhy: 0 },
  { table: 'IAM[AllergyIntolerance]', maps: ['IAM <-> AllergyIntolerance'], rows: 20, mapped: 19, saidWhy: 1 },
  { table: 'DG1[Condition]', maps: DG1, rows: 12, mapped: 12, saidWhy: 0 },
  { table: 'DG1[Encounter]', maps: ['DG1 <-> Encounter.diagnosis', ...DG1], rows: 14, mapped: 14, saidWhy: 0 },
  { table: 'DG1[EpisodeOfCare]', maps: ['DG1 <-> EpisodeOfCare.diagnosis', ...DG1], rows: 14, mapped: 14, saidWhy: 0 },
  { table: 'PR1[Procedure]', maps: ['PR1 <-> Procedure'], rows: 20, mapped: 19, saidWhy: 1 },
  { table: 'IN1[Coverage]', maps: ['IN1 <-> Coverage', 'IN1 <-> Organization'], rows: 15, mapped: 15, saidWhy: 0, elsewhere: { 'IN1-5': 'address' } },
  { table: 'IN3[CareTeam]', maps: ['IN3 <-> CareTeam'], rows: 3, mapped: 3, saidWhy: 0 },
  { table: 'MRG[Account]', maps: ['MRG <-> Account'], rows: 2, mapped: 2, saidWhy: 0 },
  { table: 'PID[Account]', maps: ['PID <-> Account'], rows: 2, mapped: 2, saidWhy: 0 },
  { table: 'PID[Appointment]', maps: ['PID <-> Appointment', 'PID <-> Appointment.participant'], rows: 9, mapped: 9, saidWhy: 0 },
  { table: 'PID[Provenance-Patient]', maps: ['PID <-> Provenance [patient]'], rows: 7, mapped: 7, saidWhy: 0 },
  { table: 'PD1[Observation-LivingWill]', maps: ['PD1 <-> Observation [living-will]'], rows: 1, mapped: 1, saidWhy: 0 },
  { table: 'PV1[Basic-EncounterHistory]', maps: ['PV1 <-> Basic [encounter-history]', 'PV1 <-> Encounter'], rows: 11, mapped: 11, saidWhy: 0 },
  { table: 'PV1[Coverage]', maps: ['PV1 <-> Coverage'], rows: 1, mapped: 1, saidWhy: 0 },
  { table: 'PV1[Patient]', maps: ['PV1 <-> Encounter'], rows: 2, mapped: 0, saidWhy: 2, reasoned: /^extension/ },
  { table: 'EVN[Provenance]', maps: ['EVN <-> Provenance'], rows: 8, mapped: 8, saidWhy: 0 },
  { table: 'MSH[Bundle]', maps: ['MSH <-> Bundle'], rows: 4, mapped: 4, saidWhy: 0 },
  { table: 'MSH[Encounter]', maps: ['PV1 <-> Encounter'], rows: 1, mapped: 1, saidWhy: 0 },
  { table: 'MSH[MessageHeader]', maps: ['MSH <-> MessageHeader'], rows: 22, mapped: 21, saidWhy: 1 },
  { table: 'MSH[Provenance-Operator]', maps: ['EVN <-> Provenance'], rows: 2, mapped: 2, saidWhy: 0 },
  { table: 'MSH[Provenance-Source]', maps: ['MSH <-> Provenance [source]'], rows: 15, mapped: 12, saidWhy: 3, reasoned: /DocumentReference/, elsewhere: { 'MSH-7': 'occurred' } },
  { table: 'MSH[Provenance-Transformation]', maps: ['MSH <-> Provenance [transformation]'], rows: 11, mapped: 7, saidWhy: 4, reasoned: /DocumentReference|policy/ },
  { table: 'MSA[MessageHeader]', maps: ['MSA <-> MessageHeader'], rows: 2, mapped: 2, saidWhy: 0 },
  { table: 'SFT[Device]', maps: ['SFT <-> Device'], rows: 8, mapped: 8, saidWhy: 0 },
  { table: 'SFT[MessageHeader]', maps: ['SFT <-> MessageHeader'], rows: 2, mapped: 2, saidWhy: 0 },
  { table: 'PRT[CareTeam]', maps: ['PRT <-> CareTeam', 'PRT <-> CareTeam.participant', ...PRTS], rows: 19, mapped: 18, saidWhy: 1, elsewhere: { 'PRT-11': 'period', 'PRT-12': 'period' } },
  { table: 'PRT[Patient-GeneralPractitioner-Practitioner]', maps: ['PRT <-> Patient', 'PRT <-> Reference(Practitioner)'], rows: 1, mapped: 1, saidWhy: 0 },
  { table: 'PRT[Patient-GeneralPractitioner-PractitionerRole]', maps: ['PRT <-> Patient', ...PRTS], rows: 10, mapped: 9, saidWhy: 1 },
  { table: 'PRT[PractitionerRole]', maps: PRTS, rows: 29, mapped: 29, saidWhy: 0 },
  { table: 'PRT[RelatedPerson]', maps: ['PRT <-> RelatedPerson'], rows: 25, mapped: 25, saidWhy: 0 },
  { table: 'ROL[CareTeam]', maps: ['ROL <-> CareTeam', 'ROL <-> CareTeam.participant', ...ROLES], rows: 13, mapped: 13, saidWhy: 0 },
  { table: 'ROL[Encounter-PractitionerRole]', maps: ['ROL <-> Encounter', 'ROL <-> Encounter.participant', ...ROLES], rows: 10, mapped: 10, saidWhy: 0, elsewhere: { 'ROL-14': 'organization' } },
  { table: 'ROL[Patient-GeneralPractitioner]', maps: ['ROL <-> Patient', ...ROLES], rows: 11, mapped: 11, saidWhy: 0 },
  { table: 'ROL[RelatedPerson]', maps: ['ROL <-> RelatedPerson'], rows: 7, mapped: 7, saidWhy: 0 },
  { table: 'SCH[Appointment]', maps: ['SCH <-> Appointment'], rows: 19, mapped: 19, saidWhy: 0, elsewhere: { 'SCH-11': 'start' } },
  { table: 'SCH[Provenance]', maps: ['SCH <-> Provenance'], rows: 3, mapped: 3, saidWhy: 0 },
  { table: 'SCH[ServiceRequest]', maps: ['SCH <-> ServiceRequest'], rows: 5, mapped: 5, saidWhy: 0, constant: ['SCH-6'] },
  { table: 'AIS[Appointment]', maps: ['SCH <-> Appointment', 'AIS <-> CodeableConcept'], rows: 5, mapped: 4, saidWhy: 1, elsewhere: { 'AIS-3': '$this', 'AIS-4': 'start', 'AIS-7': 'end' } },
  { table: 'AIS[ServiceRequest]', maps: ['SCH <-> ServiceRequest'], rows: 6, mapped: 5, saidWhy: 1, elsewhere: { 'AIS-3': 'code', 'AIS-11': 'orderDetail', 'AIS-12': 'orderDetail' } },
  { table: 'AIG[Appointment]', maps: ['AIG <-> Appointment.participant'], rows: 5, mapped: 4, saidWhy: 1 },
  { table: 'AIL[Appointment]', maps: ['AIL <-> Appointment.participant'], rows: 4, mapped: 3, saidWhy: 1 },
  { table: 'AIP[Appointment]', maps: ['AIP <-> Appointment.participant'], rows: 6, mapped: 5, saidWhy: 1 },
  { table: 'NTE[Appointment-Comment]', maps: ['NTE <-> Annotation [appointment]'], rows: 10, mapped: 10, saidWhy: 0, elsewhere: { 'NTE-3': 'text', 'NTE-5': 'authorReference', 'NTE-6': 'time' } },
  { table: 'NTE[DocumentReference]', maps: ['NTE <-> DocumentReference.content'], rows: 3, mapped: 3, saidWhy: 0, elsewhere: { 'NTE-3': 'attachment' } },
  { table: 'TXA[DocumentReference]', maps: ['TXA <-> DocumentReference'], rows: 15, mapped: 15, saidWhy: 0 },
  { table: 'TXA[Provenance]', maps: ['TXA <-> Provenance'], rows: 8, mapped: 8, saidWhy: 0 },
  { table: 'OBX[DocumentReference]', maps: ['TXA <-> DocumentReference', 'OBX <-> DocumentReference.content'], rows: 6, mapped: 6, saidWhy: 0, elsewhere: { 'OBX-5': 'attachment' } },
];

const set = loadMappings('mappings');

/** The rows of a map, and its type. */
function rowsOf(map: string): { readonly type: string; readonly rows: readonly Row[] } {
  const { fhirType, rows } = set.maps.get(map)!;
  return { type: fhirType, rows: rows.map(({ row }) => row) };
}

/** Whether a row speaks of a field, or, of a table's row about the whole segment, of anything. */
function speaksOf(row: Row, field: string): boolean {
  if (!field.includes('-')) return row.fhir !== undefined && row.fhir !== null;
  const dotted = Object.values(row.with ?? {}).map((path) => path.replace('.', '-'));
  const texts = [row.v2, row.when, row.unless, ...dotted];
  return texts.some((text) => new RegExp(`(^|[^\\w-])${field}($|[^\\d])`).test(text ?? ''));
}

/** Elements on a FHIR path, without what `where` and extensions say. */
function elementsOf(path: string): string[] {
  return path.replaceAll(/\((?:[^()']|'[^']*')*\)|\[\d+\]/g, '').split('.').map((name) => name.replace(/^_/, ''));
}

function fate({ maps, elsewhere = {}, reasoned, constant }: Table, row: SegmentRow): 'mapped' | 'said why' | 'missing' {
  const field = row.field;
  const target = row.target.replaceAll(/\[\d+\]/g, '');
  if (reasoned?.test(target)) return 'said why';
  if (constant?.includes(field)) return 'mapped';
  const named = [...target.matchAll(/\b([A-Z]\w+)(?:\.(\w+))?/g)].map(([, type, element]) => ({ type, element }));
  const [first = '', second = ''] = target.split(/[.(]/);
  const wanted = (type: string, fhir: string): boolean => {
    const [element] = elementsOf(fhir);
    if (elsewhere[field] !== undefined && fhir.startsWith(elsewhere[field])) return true;
    if (named.some((it) => it.type === type && (it.element === undefined || it.element === element))) return true;
    if (first === '' || first === '$this' || element === first) return true;
    if (fhir === '$this') return first === 'generalPractitioner';
    return type.endsWith(`.${first}`) && (second === '' || element === second || named.length > 0);
  };
  const all = maps.map(rowsOf);
  const found = all.some(({ type, rows }) =>
    rows.some((it) => it.fhir && !it.drop && speaksOf(it, field) && wanted(type, it.fhir)),
  );
  if (found) return 'mapped';
  const why = all.some(({ rows }) => rows.some((it) => !it.fhir && it.why && speaksOf({ ...it, fhir: 'x' }, field)));
  return why ? 'said why' : 'missing';
}

describe.skipIf(!TABLES)(`the official tables of admission, appointments and documents (${TABLES ? 'of FICUS_SHARED' : 'skipped: FICUS_SHARED is not set'})`, () => {
  it.each(SEGMENTS)('every target of $table is mapped, or the file says why not', (table) => {
    const rows = fateRows(table.table);
    const count = Map.groupBy(rows, (row) => fate(table, row));
    expect(count.get('missing') ?? []).toEqual([]);
    expect([rows.length, count.get('mapped')?.length ?? 0, count.get('said why')?.length ?? 0]).toEqual([table.rows, table.mapped, table.saidWhy]);
  });
});
