import type { Resource } from './fhir/types.ts';

/** One version of a Consent that somebody has set. */
export interface KeptConsent {
  readonly id: string;
  /** Counts the versions of this consent, from 1. */
  readonly version: number;
  /** Logical id of the patient whose it is. */
  readonly patient: string;
  /** FHIR R4 Consent, as it was set. */
  readonly resource: Resource;
  /** Who set it. */
  readonly by: string;
  /** ISO 8601 instant. */
  readonly at: string;
}

/** Consents as they survive a restart. Every version is kept. */
export interface ConsentStore {
  /** The newest version of every consent. */
  load(): Promise<readonly KeptConsent[]>;
  /** Adds a version, durably; false when it is not the one after the newest: another was faster. */
  append(consent: KeptConsent): Promise<boolean>;
  /** All versions of a consent, oldest first. */
  history(id: string): Promise<readonly KeptConsent[]>;
}

/** A request under a broken glass, as far as it concerns one patient. */
export interface GlassUse {
  readonly tokenId: string;
  readonly issuer: string;
  readonly subject: string;
  readonly client?: string;
  readonly fhirUser?: string;
  /** Logical id of the patient; absent: nobody's data was asked for or found. */
  readonly patient?: string;
  /** In the caller's words. */
  readonly reason: string;
  readonly requestId: string;
  /** `Observation.search`. */
  readonly action: string;
  /** ISO 8601 instant. */
  readonly at: string;
}

/** What somebody else than the breaker says of it. */
export interface GlassReview {
  readonly by: string;
  readonly at: string;
  readonly verdict: 'justified' | 'unjustified';
  readonly note: string;
}

/** What one token did to one patient's data under a broken glass. */
export interface GlassCase extends Omit<GlassUse, 'reason' | 'requestId' | 'action' | 'at'> {
  readonly id: string;
  /** Every reason that was given, first to last. */
  readonly reasons: readonly string[];
  /** How many requests there were. */
  readonly requests: number;
  /** What they were: each endpoint once. */
  readonly actions: readonly string[];
  readonly firstAt: string;
  readonly lastAt: string;
  readonly firstRequestId: string;
  readonly lastRequestId: string;
  readonly review?: GlassReview;
}

/** The queue of broken glasses that somebody has to look at. */
export interface GlassCaseStore {
  /** Counts a use in the open case of its token and patient, or opens one. Durable when it resolves. */
  record(uses: readonly GlassUse[]): Promise<void>;
  /** Newest first. */
  list(filter: { readonly reviewed?: boolean; readonly limit: number }): Promise<readonly GlassCase[]>;
  find(id: string): Promise<GlassCase | undefined>;
  /** Closes an open case; false when it is closed already, or there is none. */
  review(id: string, review: GlassReview): Promise<boolean>;
}

/** Tokens that are refused here, whatever their issuer says of them: one by its id, or all that a subject or an application had by then. */
export interface Revocation {
  readonly id: string;
  /** `jti`, else the hash of the token. Absent: it is about whose the tokens are. */
  readonly tokenId?: string;
  /** With `client`: what this subject had of that application. */
  readonly subject?: string;
  readonly client?: string;
  readonly reason: string;
  readonly by: string;
  /** ISO 8601 instant. Of a subject or an application, what was issued later is not meant. */
  readonly at: string;
  /** ISO 8601 instant: nothing that it is about is believed any more by then. */
  readonly until: string;
  /** Absent: it holds. */
  readonly lifted?: LiftedRevocation;
}

/** Who took a revocation back. */
export interface LiftedRevocation {
  readonly by: string;
  readonly at: string;
  readonly reason: string;
}

/** Revocations as they survive a restart. None is removed. */
export interface RevocationStore {
  /** Those that end after an ISO 8601 instant, lifted ones too, in the order in which they came. */
  load(after: string): Promise<readonly Revocation[]>;
  /** Durable when it resolves. */
  add(revocation: Revocation): Promise<void>;
  /** False when it is lifted already, or there is none. */
  lift(id: string, lifted: LiftedRevocation): Promise<boolean>;
}
