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

/**
 * Tokens that are refused here, whatever their issuer says of them: one by its id, or all that a subject or an
 * application had by then.
 */
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

/**
 * What is out of the usual in how a token is used: tries at what it does not open, patients beside its own, requests.
 */
export type Anomaly = 'refused' | 'patients' | 'requests';

/** How much was asked in one window of time. */
export type UseCounts = Readonly<Record<Anomaly, number>>;

/** A network that a token was used from. */
export interface NetworkUse {
  /** `192.0.2.0/24`. */
  readonly network: string;
  /** ISO 8601 instants of the first use and of the last. */
  readonly first: string;
  readonly last: string;
}

/**
 * A token, or a client with tokens of its own, that is used from a new network as it never was, while it is in use from
 * a known one.
 */
export interface SecurityAlert {
  readonly id: string;
  /** Whose use it is about: there is one open alert of each. */
  readonly watched: string;
  /** The token that was used from the new network, the last one where it is about a client: `jti`, else its hash. */
  readonly tokenId: string;
  readonly issuer?: string;
  readonly subject: string;
  readonly client?: string;
  readonly anomalies: readonly Anomaly[];
  readonly networks: { readonly known: readonly NetworkUse[]; readonly strange: readonly NetworkUse[] };
  /** The most in one window: from the networks that are known, and from those that are new. */
  readonly counts: { readonly known: UseCounts; readonly strange: UseCounts };
  /** ISO 8601 instants at which it was raised, and of the last use that it counts. */
  readonly raisedAt: string;
  readonly lastAt: string;
  /** Absent: nobody has looked at it. */
  readonly acknowledged?: Acknowledgement;
}

/** Who has looked at an alert, and what they say of it. */
export interface Acknowledgement {
  readonly by: string;
  /** ISO 8601 instant. */
  readonly at: string;
  readonly note: string;
}

/** Alerts as they survive a restart. None is removed. */
export interface AlertStore {
  /** Adds an alert, or replaces what is known of one that nobody has acknowledged. Durable when it resolves. */
  keep(alert: SecurityAlert): Promise<void>;
  /** The open alert of whose use is watched. */
  openOf(watched: string): Promise<SecurityAlert | undefined>;
  /** Newest first. */
  list(filter: {
    readonly acknowledged?: boolean;
    readonly limit: number;
  }): Promise<readonly SecurityAlert[]>;
  /** Alerts that nobody has acknowledged. */
  open(): number;
  find(id: string): Promise<SecurityAlert | undefined>;
  /** False when somebody has already, or there is none. */
  acknowledge(id: string, acknowledgement: Acknowledgement): Promise<boolean>;
}
