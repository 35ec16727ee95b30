import type { SearchFilter } from './fhir/search-query.ts';

/**
 * What a grant allows: create, read (with vread and history of an instance), update, delete, search (SMART App Launch
 * 2.0, scopes).
 */
export type Permission = 'c' | 'r' | 'u' | 'd' | 's';

/**
 * Whose data a grant is about: of the patient in context, what the user may have, what the client may have by itself.
 */
export type GrantContext = 'patient' | 'user' | 'system';

/** One scope of a token, e.g. `patient/Observation.rs?category=laboratory`. */
export interface Grant {
  readonly context: GrantContext;
  /** Resource type; `*` is every one. */
  readonly type: string;
  readonly permissions: ReadonlySet<Permission>;
  /** What a resource must meet besides: all of them. Empty: nothing. */
  readonly constraints: readonly SearchFilter[];
}

/** What a caller may do and see. Nothing is allowed that no grant allows. */
export interface Access {
  readonly grants: readonly Grant[];
  /** Logical id of the Patient in context: what `patient/` grants are about. */
  readonly patient?: string;
  /**
   * The person who calls, e.g. `Practitioner/17` (the `fhirUser` claim, relative). A Patient has its own compartment
   * only, whatever the grants.
   */
  readonly fhirUser?: string;
  /** Purposes of use (v3-PurposeOfUse) that the caller has, e.g. `TREAT`; with `BTG` the glass is broken. */
  readonly purposes: readonly string[];
  /** Why the glass was broken, in the caller's words. */
  readonly breakGlassReason?: string;
  /** May break the glass, but has not. */
  readonly mayBreakGlass: boolean;
  /** Roles of whoever works at Ficus itself, by the issuer's claim: `viewer`, `privacy-officer`, … */
  readonly roles: readonly string[];
  readonly issuer: string;
  readonly subject: string;
  /** The application that calls: what `Principal.client` says. */
  readonly client?: string;
  /** `jti`, else a hash of the token: finds everything that was done with it. Never the token. */
  readonly tokenId: string;
}

/** One exchange with a system behind Ficus that a request caused. */
export interface Exchange {
  readonly backend: string;
  /** MSH-10, or the SOAP message id. */
  readonly messageId: string;
  /** MSA-1, or `fault`, or `none` when nothing came back. */
  readonly acknowledgement?: string;
}
