import { parseReference } from '../fhir/reference.ts';
import { expressionsOf, parametersOf } from '../fhir/patient.ts';
import type { Resource } from '../fhir/types.ts';

/**
 * Types that are nobody's: who works where, and what a drug is. A `patient/` scope that names one (or `*`) reads and
 * searches all of it, for a record refers to it throughout (SMART App Launch 2.0, scopes; ONC (g)(10) asks for
 * Practitioner, Organization and Location by `patient/` scopes).
 */
const SHARED: ReadonlySet<string> = new Set([
  'Practitioner',
  'PractitionerRole',
  'Organization',
  'OrganizationAffiliation',
  'HealthcareService',
  'Location',
  'Endpoint',
  'Medication',
  'MedicationKnowledge',
  'Substance',
]);

/**
 * How a type stands to patients: its resources are in compartments (FHIR R4 compartmentdefinition-patient.html; Device
 * by its patient), are shared by all, or neither: then no one patient's caller has any of it.
 */
export function kindOf(type: string): 'compartment' | 'shared' | 'neither' {
  if (SHARED.has(type)) return 'shared';
  return parametersOf(type).length > 0 ? 'compartment' : 'neither';
}

/** Parameters that say whose a resource of a type is, `patient` or `subject` first. */
export const compartmentParameters = parametersOf;

/**
 * Whether a resource is in a patient's compartment: one of the references of the table is to the patient, here. A
 * Patient is in its own only: neither a link to another nor a merge brings two records together.
 *
 * @param base this server's own base address, without a slash at its end
 */
export function inCompartment(resource: Resource, patient: string, base: string): boolean {
  if (resource.resourceType === 'Patient') return resource.id === patient;
  for (const select of expressionsOf(resource.resourceType)) {
    for (const value of select(resource)) {
      const reference =
        typeof value === 'object' && value !== null && 'reference' in value ? value['reference'] : undefined;
      if (typeof reference === 'string' && isTo(reference, patient, base)) return true;
    }
  }
  return false;
}

function isTo(reference: string, patient: string, base: string): boolean {
  const parsed = parseReference(reference);
  if (parsed?.kind !== 'relative' && !(parsed?.kind === 'absolute' && parsed.base === base)) return false;
  return parsed.type === 'Patient' && parsed.id === patient;
}
