import { describe, expect, it } from 'vitest';
import { GUIDE } from '../../../src/cli/guide.ts';
import { figuresOf, tableNames } from '../../../src/cli/official-tables.ts';
import { loadMappings } from '../../../src/config/mappings.ts';
import { TABLES } from './official-table.ts';

/** Rows of each official table that are mapped, and of which a file says why not. `ficus map coverage --tables` prints the same. */
const FIGURES: readonly (readonly [table: string, mapped: number, reasoned: number])[] = [
  ['AIG[Appointment]', 4, 1],
  ['AIL[Appointment]', 3, 1],
  ['AIP[Appointment]', 5, 1],
  ['AIS[Appointment]', 4, 1],
  ['AIS[ServiceRequest]', 5, 1],
  ['AL1[AllergyIntolerance]', 13, 0],
  ['DG1[Condition]', 12, 0],
  ['DG1[Encounter]', 14, 0],
  ['DG1[EpisodeOfCare]', 14, 0],
  ['EVN[Provenance]', 8, 0],
  ['IAM[AllergyIntolerance]', 19, 1],
  ['IN1[Coverage]', 15, 0],
  ['IN3[CareTeam]', 3, 0],
  ['MRG[Account]', 2, 0],
  ['MSA[MessageHeader]', 2, 0],
  ['MSH[Bundle]', 4, 0],
  ['MSH[Encounter]', 1, 0],
  ['MSH[MessageHeader]', 21, 1],
  ['MSH[Provenance-Operator]', 2, 0],
  ['MSH[Provenance-Source]', 12, 3],
  ['MSH[Provenance-Transformation]', 7, 4],
  ['NK1[Patient]', 13, 3],
  ['NK1[RelatedPerson]', 23, 0],
  ['NTE[Appointment-Comment]', 10, 0],
  ['NTE[DocumentReference]', 3, 0],
  ['NTE[Observation]', 3, 0],
  ['NTE[ServiceRequest]', 3, 0],
  ['OBR[DiagnosticReport]', 22, 0],
  ['OBR[ServiceRequest]', 27, 2],
  ['OBR[Specimen]', 11, 0],
  ['OBX[DocumentReference]', 6, 0],
  ['OBX[Observation-Component]', 70, 2],
  ['OBX[Observation]', 71, 1],
  ['ORC[DiagnosticReport]', 12, 0],
  ['ORC[Immunization]', 13, 0],
  ['ORC[MedicationAdministration]', 14, 0],
  ['ORC[Provenance]', 26, 1],
  ['ORC[ServiceRequest]', 41, 3],
  ['PD1[Observation-LivingWill]', 1, 0],
  ['PD1[Patient]', 6, 0],
  ['PID[Account]', 2, 0],
  ['PID[Appointment]', 9, 0],
  ['PID[Patient]', 52, 1],
  ['PID[Provenance-Patient]', 7, 0],
  ['PR1[Procedure]', 19, 1],
  ['PRT[CareTeam]', 19, 0],
  ['PRT[Device]', 9, 0],
  ['PRT[Observation-Location]', 4, 0],
  ['PRT[Patient-GeneralPractitioner-PractitionerRole]', 9, 1],
  ['PRT[Patient-GeneralPractitioner-Practitioner]', 1, 0],
  ['PRT[PractitionerRole]', 29, 0],
  ['PRT[RelatedPerson]', 25, 0],
  ['PV1[Basic-EncounterHistory]', 11, 0],
  ['PV1[Coverage]', 1, 0],
  ['PV1[Encounter]', 55, 1],
  ['PV1[Patient]', 0, 2],
  ['PV2[Encounter]', 16, 1],
  ['ROL[CareTeam]', 13, 0],
  ['ROL[Encounter-PractitionerRole]', 10, 0],
  ['ROL[Patient-GeneralPractitioner]', 11, 0],
  ['ROL[RelatedPerson]', 7, 0],
  ['RXA[Immunization]', 18, 0],
  ['RXO[MedicationRequest]', 25, 0],
  ['RXR[Immunization]', 2, 0],
  ['RXR[MedicationRequest]', 4, 0],
  ['SCH[Appointment]', 19, 0],
  ['SCH[Provenance]', 3, 0],
  ['SCH[ServiceRequest]', 5, 0],
  ['SFT[Device]', 8, 0],
  ['SFT[MessageHeader]', 2, 0],
  ['SPM[Specimen]', 21, 0],
  ['TQ1[MedicationRequest]', 15, 0],
  ['TQ1[ServiceRequest]', 14, 0],
  ['TXA[DocumentReference]', 15, 0],
  ['TXA[Provenance]', 8, 0],
];

const set = loadMappings('mappings');

describe('the tables that maps answer for', () => {
  it('name maps that there are', () => {
    expect(GUIDE.flatMap(({ maps }) => maps).filter((name) => !set.maps.has(name))).toEqual([]);
  });
});

describe.skipIf(!TABLES)(`the official tables (${TABLES ? 'of FICUS_SHARED' : 'skipped: FICUS_SHARED is not set'})`, () => {
  it('each have maps that answer for them', () => {
    const answered = tableNames(TABLES!).filter((table) => GUIDE.some((one) => one.table === table));
    expect(answered.toSorted()).toEqual(GUIDE.map(({ table }) => table).toSorted());
    expect(FIGURES.map(([table]) => table)).toEqual(answered);
  });

  it.each(FIGURES)('every target of %s is mapped, or a file says why not', (table, mapped, reasoned) => {
    const figures = figuresOf(set, TABLES!, table);
    expect(figures.missing).toEqual([]);
    expect([figures.mapped, figures.reasoned.length]).toEqual([mapped, reasoned]);
  });

  it('are mapped to 95 of 100 rows and more', () => {
    const all = FIGURES.map(([table]) => figuresOf(set, TABLES!, table));
    const sum = (pick: (one: (typeof all)[number]) => number) => all.reduce((total, one) => total + pick(one), 0);
    const rows = sum(({ mapped, reasoned, missing }) => mapped + reasoned.length + missing.length);
    expect(sum(({ mapped }) => mapped) / rows).toBeGreaterThan(0.95);
  });
});
