import type { Hospital } from './hospital.ts';
import type { LaunchContext, Launches } from './launches.ts';
import type { Memory } from './memory.ts';
import { USERS } from './people.ts';
import type { SandboxPatient, SandboxUser } from './people.ts';

/** What a grant was given with: by whom, and about which patient. */
export interface GrantContext extends LaunchContext {
  /** Absent: an application on its own account. */
  readonly user?: SandboxUser;
}

/** What all parts of the authorization server know. */
export interface Desk {
  readonly issuer: string;
  /** FHIR base address that tokens are for: their `aud`. */
  readonly fhirBase: () => string;
  /** Address of the admin API: `aud` of what the staff is given, besides. */
  readonly adminBase: (() => string) | undefined;
  readonly patients: () => readonly SandboxPatient[];
  readonly hospital: Hospital;
  readonly launches: Launches;
  readonly memory: Memory;
  /** By id of the grant. */
  readonly contexts: Map<string, GrantContext>;
  /** Patients who have signed in, by the id of their user. */
  readonly patientUsers: Map<string, SandboxUser>;
  /** Told of whatever was refused, with the id that the page shows. */
  readonly report: (refusal: Refusal) => void;
}

/** One refusal: never with a token, a code or a secret. */
export interface Refusal {
  readonly requestId: string;
  readonly error: string;
  readonly description: string;
}

/** Whoever signs in under this id. */
export function findUser(desk: Pick<Desk, 'patientUsers'>, id: string | undefined): SandboxUser | undefined {
  return USERS.find((user) => user.id === id) ?? desk.patientUsers.get(id ?? '');
}

/** A user by id, or by a part of the name. */
export function findUserNamed(desk: Pick<Desk, 'patientUsers'>, text: string): SandboxUser | undefined {
  const wanted = text.toLowerCase();
  return findUser(desk, text) ?? USERS.find(({ name }) => name.toLowerCase().includes(wanted));
}
