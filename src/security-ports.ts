import type { Access, Exchange } from './access-ports.ts';
import type { Resource } from './fhir/types.ts';
import type { Principal } from './ports.ts';

export type { Access, Exchange, Grant, GrantContext, Permission } from './access-ports.ts';

/** What of a request says who calls. */
export interface Caller {
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Address of the peer, or what a trusted proxy says it is. */
  readonly address: string;
  readonly requestId: string;
  /** To be called before work is spent on a token that was not seen before. @throws FicusError `throttled` */
  readonly beforeVerifying?: () => void;
  /**
   * Told whose token it was that was revoked here, or that may not break the glass: for the audit, and for nothing
   * else.
   */
  readonly onRefused?: (principal: Principal) => void;
}

/** Finds out who calls. */
export interface Authenticator {
  /**
   * A token seen before is answered at once.
   * @throws FicusError `unauthenticated` (401, with WWW-Authenticate), `unavailable` when the issuer cannot be asked
   */
  authenticate(caller: Caller): Principal | Promise<Principal>;
}

/** Keeps one caller from taking what others need. */
export interface Limiter {
  /**
   * Before a token that was not seen before is looked at: whether the address may bring one.
   * @throws FicusError `throttled` (429, with Retry-After): too many of its tokens were refused
   */
  hear(address: string): void;
  /** Counts a token of an address that was refused. */
  refused(address: string): Promise<void>;
  /**
   * Counts a try to break the glass by one who may not, for that person alone: nobody else is kept from an emergency.
   * @throws FicusError `throttled` (429, with Retry-After): there were too many
   */
  triedGlass(access: Access): Promise<void>;
  /**
   * Counts a request of a caller, and of the patient that its token is about.
   * @throws FicusError `throttled` (429, with Retry-After and RateLimit-*)
   */
  enter(principal: Principal, address: string): Promise<Admission>;
}

/** A request that was let in. */
export interface Admission {
  /** For the answer: `RateLimit-*` (draft-ietf-httpapi-ratelimit-headers-06). */
  headers(): Readonly<Record<string, string>>;
  /** Counts what a batch asks besides. @throws FicusError `throttled` */
  further(requests: number): Promise<void>;
  /** Counts that a patient is asked about. @throws FicusError `throttled` */
  about(patient: string): Promise<void>;
  /** To be called once the answer has gone. */
  leave(): void;
}

/** What can be said in an audit event; the FHIR AuditEvent is made of it (IHE BALP 1.1.4). */
export type AuditKind =
  | 'create'
  | 'read'
  | 'update'
  | 'delete'
  | 'query'
  | 'history'
  | 'everything'
  | 'export'
  | 'token'
  | 'refused'
  | 'security-alert'
  | 'break-glass'
  | 'break-glass-review'
  | 'consent-change'
  | 'route-change'
  | 'mapping-change'
  | 'sample-opened'
  | 'message-opened'
  | 'admin'
  | 'audit-read';

/** Who did it. Never a name of a patient, never a token. */
export interface AuditAgent {
  /** Subject of the token, user of the admin API, or `anonymous`. */
  readonly subject: string;
  /** Who knows the subject by that name. */
  readonly issuer?: string;
  /** The application. */
  readonly client?: string;
  readonly fhirUser?: string;
  readonly roles?: readonly string[];
  readonly purposes?: readonly string[];
  readonly tokenId?: string;
  /** Logical id of the patient that the token is about. It is not written: an event names its patients itself. */
  readonly inContext?: string;
  /** Network address of the peer. */
  readonly address?: string;
}

/**
 * One thing that happened, before it is written as AuditEvents: one for each patient, one in all where there is none.
 */
export interface AuditEntry {
  readonly kind: AuditKind;
  readonly outcome: 'success' | 'refused' | 'failed';
  readonly agent: AuditAgent;
  readonly requestId: string;
  /** Endpoint, operation or command, e.g. `Observation.search`, `migration.promote`; never a value. */
  readonly action: string;
  /** Logical ids of the patients concerned. */
  readonly patients: readonly string[];
  /** What was read or written, e.g. `Observation/17`. */
  readonly references: readonly string[];
  /** A search as it was asked: kept in `entity.query`, base64 (BALP); nowhere else. */
  readonly query?: string;
  /** Code of the error, where there was one. */
  readonly errorCode?: string;
  /** Where the answer came from: `legacy:NAME`, `modern:NAME`, `projection`. */
  readonly servedBy?: string;
  readonly exchanges?: readonly Exchange[];
  /**
   * Further facts by name, e.g. the stage before and after; never patient data but under `reason` of a broken glass.
   */
  readonly details?: Readonly<Record<string, string>>;
}

/** Writes what happened. */
export interface AuditSink {
  /**
   * Kept when it resolves.
   * @throws FicusError `unavailable` when it cannot be kept and the deployment wants it to fail closed.
   */
  write(entries: readonly AuditEntry[]): Promise<void>;
  /** Told of what will be written soon, so that nobody waits for more when all of it has come. */
  readonly coming?: Coming;
}

export interface Coming {
  /** Something has begun that will be written when it ends. */
  begin(): void;
  /** It has ended: it is written at once, or never. */
  end(): void;
}

/** What the patients' consents say of a caller. Answers from memory. */
export interface Consents {
  /** Whether a patient's data may be given to that caller; `break-glass`: only with purpose BTG. */
  decide(patient: string, access: Access): 'permit' | 'deny' | 'break-glass';
}

/** Why something does not leave although the caller's grants reach it. */
export interface Withheld {
  readonly why: 'label' | 'consent';
  /** It would leave with a broken glass. */
  readonly breakGlass: boolean;
}

/** What labels and consents keep back from a caller. Answers from memory. */
export interface Withholding {
  /**
   * Judges a resource.
   * @param together all that would leave in the same answer, the resource included: the label of an Encounter or a
   *   Patient among them reaches what refers to it
   */
  of(resource: Resource, access: Access, together?: readonly Resource[]): Withheld | undefined;
  /** Whether nothing at all is kept back from a caller: its answers need not be looked into. */
  nothingFor(access: Access): boolean;
}
