import { parametersOf } from './patient.ts';
import { searchParameter } from './search-parameters.ts';

/**
 * Types of the compartment that are no part of a record as `$everything` gives it: the Patient is read, not searched
 * for, and who looked at a record is for privacy officers alone.
 */
const APART: readonly string[] = ['Patient', 'AuditEvent'];

/**
 * The search parameter that says when care was given. What a record holds until it is taken back (allergies, problems,
 * insurance) has none: no range of dates leaves it out.
 */
const CARE_DATES: ReadonlyMap<string, string> = new Map([
  ['AdverseEvent', 'date'],
  ['Appointment', 'date'],
  ['ChargeItem', 'occurrence'],
  ['ClinicalImpression', 'date'],
  ['Communication', 'sent'],
  ['Composition', 'period'],
  ['DiagnosticReport', 'date'],
  ['DocumentReference', 'period'],
  ['Encounter', 'date'],
  ['EpisodeOfCare', 'date'],
  ['ImagingStudy', 'started'],
  ['Immunization', 'date'],
  ['Media', 'created'],
  ['MedicationAdministration', 'effective-time'],
  ['MedicationDispense', 'whenhandedover'],
  ['NutritionOrder', 'datetime'],
  ['Observation', 'date'],
  ['Procedure', 'date'],
  ['QuestionnaireResponse', 'authored'],
  ['RiskAssessment', 'date'],
  ['ServiceRequest', 'occurrence'],
  ['Specimen', 'collected'],
  ['VisionPrescription', 'datewritten'],
]);

type IsPromised = (parameter: string) => boolean;

/** Whether resources of a type belong to a record. */
export function isOfRecord(type: string): boolean {
  return !APART.includes(type) && parametersOf(type).length > 0;
}

/**
 * Parameters by which resources of a type are searched for one patient's record: those of the compartment (FHIR R4
 * compartmentdefinition-patient.html) that are promised, one for each element that says whose a resource is. None: the
 * type cannot be searched so.
 */
export function rolesOf(type: string, isPromised: IsPromised): readonly string[] {
  if (!isOfRecord(type)) return [];
  const elements = new Set<string>();
  return parametersOf(type).filter((name) => {
    const definition = searchParameter(type, name);
    const element = definition?.expression?.replaceAll('.where(resolve() is Patient)', '');
    if (element === undefined || !(definition?.targets?.includes('Patient') ?? true)) return false;
    if (!isPromised(name) || elements.has(element)) return false;
    elements.add(element);
    return true;
  });
}

/**
 * The promised parameter that says when care was given; undefined: there is none, and dates leave nothing of the type
 * out.
 */
export function careDateOf(type: string, isPromised: IsPromised): string | undefined {
  const name = CARE_DATES.get(type);
  return name !== undefined && isPromised(name) ? name : undefined;
}
