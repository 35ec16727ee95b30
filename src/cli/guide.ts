/** A row of a segment's table of HL7's v2-to-FHIR guide that names a FHIR element. */
export interface TableRow {
  /** `PID-3`; `AL1` where the row is about the segment. */
  readonly field: string;
  /** `identifier[2]`, `birthDate.extension[1].url` */
  readonly target: string;
}

/** What answers for one table of segments of HL7's v2-to-FHIR guide. */
export interface GuideTable {
  /** `PID[Patient]` */
  readonly table: string;
  /** The map that answers for the table, then those of the resources that it refers to. */
  readonly maps: readonly string[];
  /** Fields that are mapped to another element than the table says; docs/coverage.md says why. */
  readonly elsewhere?: Readonly<Record<string, string>>;
  /** Targets of which the comment of the map's file says why they are not mapped. */
  readonly reasoned?: RegExp;
  /** Fields whose target is a constant of the map, which the table writes beside one field or another. */
  readonly constant?: readonly string[];
}

const DG1 = ['DG1 <-> Condition'];
const ROLES = [
  'ROL <-> PractitionerRole',
  'ROL <-> Practitioner',
  'ROL <-> Location',
  'ROL <-> Organization',
];
const PRTS = [
  'PRT <-> PractitionerRole',
  'PRT <-> Practitioner',
  'PRT <-> Organization',
  'PRT <-> RelatedPerson',
];

/** The tables that the maps of this installation answer for. */
export const GUIDE: readonly GuideTable[] = [
  { table: 'AIG[Appointment]', maps: ['AIG <-> Appointment.participant'] },
  { table: 'AIL[Appointment]', maps: ['AIL <-> Appointment.participant'] },
  { table: 'AIP[Appointment]', maps: ['AIP <-> Appointment.participant'] },
  {
    table: 'AIS[Appointment]',
    maps: ['SCH <-> Appointment', 'AIS <-> CodeableConcept'],
    elsewhere: { 'AIS-3': '$this', 'AIS-4': 'start', 'AIS-7': 'end' },
  },
  {
    table: 'AIS[ServiceRequest]',
    maps: ['SCH <-> ServiceRequest'],
    elsewhere: { 'AIS-3': 'code', 'AIS-11': 'orderDetail', 'AIS-12': 'orderDetail' },
  },
  { table: 'AL1[AllergyIntolerance]', maps: ['AL1 <-> AllergyIntolerance'] },
  { table: 'DG1[Condition]', maps: DG1 },
  { table: 'DG1[Encounter]', maps: ['DG1 <-> Encounter.diagnosis', ...DG1] },
  { table: 'DG1[EpisodeOfCare]', maps: ['DG1 <-> EpisodeOfCare.diagnosis', ...DG1] },
  { table: 'EVN[Provenance]', maps: ['EVN <-> Provenance'] },
  { table: 'IAM[AllergyIntolerance]', maps: ['IAM <-> AllergyIntolerance'] },
  {
    table: 'IN1[Coverage]',
    maps: ['IN1 <-> Coverage', 'IN1 <-> Organization'],
    elsewhere: { 'IN1-5': 'address' },
  },
  { table: 'IN3[CareTeam]', maps: ['IN3 <-> CareTeam'] },
  { table: 'MRG[Account]', maps: ['MRG <-> Account'] },
  { table: 'MSA[MessageHeader]', maps: ['MSA <-> MessageHeader'] },
  { table: 'MSH[Bundle]', maps: ['MSH <-> Bundle'] },
  { table: 'MSH[Encounter]', maps: ['PV1 <-> Encounter'] },
  { table: 'MSH[MessageHeader]', maps: ['MSH <-> MessageHeader'] },
  { table: 'MSH[Provenance-Operator]', maps: ['EVN <-> Provenance'] },
  {
    table: 'MSH[Provenance-Source]',
    maps: ['MSH <-> Provenance [source]'],
    reasoned: /DocumentReference/,
    elsewhere: { 'MSH-7': 'occurred' },
  },
  {
    table: 'MSH[Provenance-Transformation]',
    maps: ['MSH <-> Provenance [transformation]'],
    reasoned: /DocumentReference|policy/,
  },
  { table: 'NK1[Patient]', maps: ['NK1 <-> Patient.contact'] },
  { table: 'NK1[RelatedPerson]', maps: ['NK1 <-> RelatedPerson'] },
  {
    table: 'NTE[Appointment-Comment]',
    maps: ['NTE <-> Annotation [appointment]'],
    elsewhere: { 'NTE-3': 'text', 'NTE-5': 'authorReference', 'NTE-6': 'time' },
  },
  {
    table: 'NTE[DocumentReference]',
    maps: ['NTE <-> DocumentReference.content'],
    elsewhere: { 'NTE-3': 'attachment' },
  },
  { table: 'NTE[Observation]', maps: ['NTE <-> Observation', 'NTE <-> Annotation'] },
  { table: 'NTE[ServiceRequest]', maps: ['NTE <-> ServiceRequest', 'NTE <-> Annotation'] },
  { table: 'OBR[DiagnosticReport]', maps: ['OBR <-> DiagnosticReport'] },
  { table: 'OBR[ServiceRequest]', maps: ['OBR <-> ServiceRequest', 'ORC <-> ServiceRequest'] },
  { table: 'OBR[Specimen]', maps: ['OBR <-> Specimen'] },
  {
    table: 'OBX[DocumentReference]',
    maps: ['TXA <-> DocumentReference', 'OBX <-> DocumentReference.content'],
    elsewhere: { 'OBX-5': 'attachment' },
  },
  {
    table: 'OBX[Observation-Component]',
    maps: ['OBX <-> Observation.component', 'OBX <-> Observation', 'OBX <-> Organization'],
  },
  { table: 'OBX[Observation]', maps: ['OBX <-> Observation', 'OBX <-> Organization'] },
  { table: 'ORC[DiagnosticReport]', maps: ['ORC <-> DiagnosticReport'] },
  { table: 'ORC[Immunization]', maps: ['ORC <-> Immunization'] },
  { table: 'ORC[MedicationAdministration]', maps: ['ORC <-> MedicationAdministration'] },
  { table: 'ORC[Provenance]', maps: ['ORC <-> Provenance', 'ORC <-> Organization', 'ORC <-> Practitioner'] },
  {
    table: 'ORC[ServiceRequest]',
    maps: [
      'ORC <-> ServiceRequest',
      'ORC <-> ServiceRequest [event]',
      'ORC <-> Organization',
      'ORC <-> Practitioner',
    ],
  },
  { table: 'PD1[Observation-LivingWill]', maps: ['PD1 <-> Observation [living-will]'] },
  { table: 'PD1[Patient]', maps: ['PD1 <-> Patient'] },
  { table: 'PID[Account]', maps: ['PID <-> Account'] },
  { table: 'PID[Appointment]', maps: ['PID <-> Appointment', 'PID <-> Appointment.participant'] },
  { table: 'PID[Patient]', maps: ['PID <-> Patient'] },
  { table: 'PID[Provenance-Patient]', maps: ['PID <-> Provenance [patient]'] },
  { table: 'PR1[Procedure]', maps: ['PR1 <-> Procedure'] },
  {
    table: 'PRT[CareTeam]',
    maps: ['PRT <-> CareTeam', 'PRT <-> CareTeam.participant', ...PRTS],
    elsewhere: { 'PRT-11': 'period', 'PRT-12': 'period' },
  },
  { table: 'PRT[Device]', maps: ['PRT <-> Device'] },
  { table: 'PRT[Observation-Location]', maps: ['PRT <-> Observation [location]'] },
  { table: 'PRT[Patient-GeneralPractitioner-PractitionerRole]', maps: ['PRT <-> Patient', ...PRTS] },
  {
    table: 'PRT[Patient-GeneralPractitioner-Practitioner]',
    maps: ['PRT <-> Patient', 'PRT <-> Reference(Practitioner)'],
  },
  { table: 'PRT[PractitionerRole]', maps: PRTS },
  { table: 'PRT[RelatedPerson]', maps: ['PRT <-> RelatedPerson'] },
  { table: 'PV1[Basic-EncounterHistory]', maps: ['PV1 <-> Basic [encounter-history]', 'PV1 <-> Encounter'] },
  { table: 'PV1[Coverage]', maps: ['PV1 <-> Coverage'] },
  { table: 'PV1[Encounter]', maps: ['PV1 <-> Encounter'] },
  { table: 'PV1[Patient]', maps: ['PV1 <-> Encounter'], reasoned: /^extension/ },
  { table: 'PV2[Encounter]', maps: ['PV2 <-> Encounter'] },
  { table: 'ROL[CareTeam]', maps: ['ROL <-> CareTeam', 'ROL <-> CareTeam.participant', ...ROLES] },
  {
    table: 'ROL[Encounter-PractitionerRole]',
    maps: ['ROL <-> Encounter', 'ROL <-> Encounter.participant', ...ROLES],
    elsewhere: { 'ROL-14': 'organization' },
  },
  { table: 'ROL[Patient-GeneralPractitioner]', maps: ['ROL <-> Patient', ...ROLES] },
  { table: 'ROL[RelatedPerson]', maps: ['ROL <-> RelatedPerson'] },
  { table: 'RXA[Immunization]', maps: ['RXA <-> Immunization', 'RXA <-> Location'] },
  {
    table: 'RXO[MedicationRequest]',
    maps: [
      'RXO <-> MedicationRequest',
      'RXO <-> Medication',
      'RXE <-> MedicationRequest',
      'ORC <-> MedicationRequest',
    ],
  },
  { table: 'RXR[Immunization]', maps: ['RXR <-> Immunization'] },
  { table: 'RXR[MedicationRequest]', maps: ['RXR <-> MedicationRequest'] },
  { table: 'SCH[Appointment]', maps: ['SCH <-> Appointment'], elsewhere: { 'SCH-11': 'start' } },
  { table: 'SCH[Provenance]', maps: ['SCH <-> Provenance'] },
  { table: 'SCH[ServiceRequest]', maps: ['SCH <-> ServiceRequest'], constant: ['SCH-6'] },
  { table: 'SFT[Device]', maps: ['SFT <-> Device'] },
  { table: 'SFT[MessageHeader]', maps: ['SFT <-> MessageHeader'] },
  { table: 'SPM[Specimen]', maps: ['SPM <-> Specimen'] },
  { table: 'TQ1[MedicationRequest]', maps: ['TQ1 <-> MedicationRequest'] },
  { table: 'TQ1[ServiceRequest]', maps: ['TQ1 <-> ServiceRequest'] },
  { table: 'TXA[DocumentReference]', maps: ['TXA <-> DocumentReference'] },
  { table: 'TXA[Provenance]', maps: ['TXA <-> Provenance'] },
];
