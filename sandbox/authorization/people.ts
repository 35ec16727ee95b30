/** Who can sign in. Nobody has a password: the server listens on loopback only, and everything behind it is made up. */
export interface SandboxUser {
  /** The subject of tokens. */
  readonly id: string;
  readonly name: string;
  /** What they are, in words. */
  readonly about: string;
  /** Relative reference of the person's own resource. */
  readonly fhirUser?: string;
  /** What they may do at Ficus itself. */
  readonly roles: readonly string[];
  /** Why they ask for data (v3-PurposeOfUse). */
  readonly purposes: readonly string[];
}

/** A patient of the hospital, as the picker shows them. */
export interface SandboxPatient {
  readonly mrn: string;
  readonly authority: string;
  readonly name: string;
  /** `19620314`. */
  readonly birthDate: string;
  /** What is special about the record. */
  readonly about: string;
  /** Nothing is: there to make up the number. */
  readonly ordinary: boolean;
}

function clinician(number: string, name: string, about: string): SandboxUser {
  return {
    id: `clinician-${number.toLowerCase()}`,
    name,
    about,
    fhirUser: `Practitioner/${number}`,
    roles: [],
    purposes: ['TREAT'],
  };
}

/** Breaks the glass in Ficus: see `security.breakGlass` in sandbox/ficus.yaml. */
const EMERGENCY = 'emergency';

function staff(role: string, name: string, about: string): SandboxUser {
  return { id: `staff-${role}`, name, about, roles: [role], purposes: [] };
}

/**
 * Two of each role that takes part in a rule of two persons would be many: whoever proposes has another role than
 * whoever agrees.
 */
export const USERS: readonly SandboxUser[] = [
  clinician('P101', 'Dr. Martin Adler', 'Clinician: internal medicine'),
  clinician('P104', 'Dr. Annette Dorn', 'Clinician: surgery'),
  {
    ...clinician('P107', 'Dr. Niels Groß', 'Clinician: emergency, may break the glass'),
    roles: [EMERGENCY],
    purposes: ['ETREAT'],
  },
  staff('viewer', 'Vera Ziegler', 'Staff: may look at the console'),
  staff('integrator', 'Ingo Nowak', 'Staff: interfaces and mappings'),
  staff('migration-lead', 'Mira Lang', 'Staff: leads the migration'),
  staff('clinical-owner', 'Claudia Bergmann', 'Staff: answers for clinical meaning'),
  staff('privacy-officer', 'Paul Okafor', 'Staff: privacy'),
  staff('admin', 'Anna Sturm', 'Staff: runs Ficus'),
];

/** A patient who signs in for themselves. */
export function patientUser(id: string, name: string): SandboxUser {
  return {
    id: `patient-${id}`,
    name,
    about: 'Patient',
    fhirUser: `Patient/${id}`,
    roles: [],
    purposes: ['PATRQT'],
  };
}
