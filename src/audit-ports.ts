import type { AuditAgent, AuditKind, Exchange } from './security-ports.ts';

/** The audit trail as it is kept (docs/audit.md): the types that its rooms share. */

/** One thing that happened to one patient, or to none: the content of one AuditEvent. */
export interface AuditFact {
  /** Of this form; what is kept for years is read by later versions of Ficus. */
  readonly form: 1;
  /** ISO 8601 instant at which it was recorded; never before that of the fact before it. */
  readonly recorded: string;
  readonly kind: AuditKind;
  readonly outcome: 'success' | 'refused' | 'failed';
  readonly action: string;
  readonly requestId: string;
  readonly agent: AuditAgent;
  /** Logical id. */
  readonly patient?: string;
  /** What was read or written, e.g. `Observation/17`. */
  readonly references?: readonly string[];
  /** A search as it was asked, in base64: what a client wrote may name a patient. */
  readonly query?: string;
  readonly errorCode?: string;
  readonly servedBy?: string;
  readonly exchanges?: readonly Exchange[];
  readonly details?: Readonly<Record<string, string>>;
}

/** One link of the chain. */
export interface AuditRecord {
  /** From 1, without gaps; the id of the AuditEvent. */
  readonly sequence: number;
  /** Epoch milliseconds: `recorded` of the fact. */
  readonly at: number;
  /** The fact as JSON text: what is hashed, byte for byte. */
  readonly body: string;
  /** SHA-256 over the hash before, the sequence and the body, in hex. */
  readonly hash: string;
  readonly keys: AuditKeys;
  /**
   * References without version and ids of messages: what it is found by besides. Given when it is added, for a store
   * that makes no index of its own.
   */
  readonly names?: () => readonly string[];
}

/** What a record is found by; all of it stands in its body. */
export interface AuditKeys {
  readonly kind: AuditKind;
  /** FHIR AuditEvent.action. */
  readonly action: 'C' | 'R' | 'U' | 'D' | 'E';
  /** FHIR AuditEvent.outcome. */
  readonly outcome: '0' | '4' | '8';
  readonly subject: string;
  readonly requestId: string;
  readonly patient: string | undefined;
  readonly fhirUser: string | undefined;
  readonly client: string | undefined;
  readonly tokenId: string | undefined;
}

/** The end of the chain: what the next record is hashed onto. `sequence` 0 and 64 zeros before the first. */
export interface AuditHead {
  readonly sequence: number;
  readonly hash: string;
  /** Epoch milliseconds of the last record; 0 before the first. */
  readonly at: number;
}

/** What retention has let go of: the chain goes on from here. */
export interface AuditAnchor {
  /** Sequence and hash of the last record that is gone. */
  readonly sequence: number;
  readonly hash: string;
  /** Records that went with it, and when the first and the last of them were recorded; epoch milliseconds. */
  readonly count: number;
  readonly from: number;
  readonly to: number;
  /** Epoch milliseconds at which they were let go of. */
  readonly at: number;
}

/** Which records; everything that is said must hold. */
export interface AuditFilter {
  /** Whom it is about, or who did it. */
  readonly patient?: string;
  /** A reference, `Observation/17`, or the id of a message; of `Patient/17` also what is about that patient. */
  readonly name?: string;
  /** Id of a request or of a message. */
  readonly identifier?: string;
  readonly fhirUser?: string;
  readonly tokenId?: string;
  readonly requestId?: string;
  readonly kinds?: readonly AuditKind[];
  readonly action?: AuditKeys['action'];
  readonly outcome?: AuditKeys['outcome'];
  /** Epoch milliseconds, both inclusive. */
  readonly from?: number;
  readonly to?: number;
}

/** Records as they survive a restart: added, never changed, let go of by retention alone. */
export interface AuditStore {
  /**
   * Adds what is made for the end of the chain, in one transaction: all of it or nothing, and durable when it returns.
   * Several processes may add.
   * @throws Error when it cannot be kept
   */
  append(make: (head: AuditHead) => readonly AuditRecord[]): void;
  head(): AuditHead;
  find(sequence: number): AuditRecord | undefined;
  /** Newest first. @param before only records before this one */
  list(filter: AuditFilter, limit: number, before?: number): readonly AuditRecord[];
  /** Oldest first. */
  after(sequence: number, limit: number): readonly AuditRecord[];
  count(): number;
  /** Oldest first. */
  anchors(): readonly AuditAnchor[];
  /** The last record before a time, in epoch milliseconds. */
  lastBefore(at: number): AuditRecord | undefined;
  /** Lets go of all records up to one, and keeps an anchor in their place. */
  purge(sequence: number, at: number): AuditAnchor | undefined;
  /** Number of the last record that a follower is done with; 0 before its first. */
  cursor(follower: string): number;
  /** Moves a follower on, never back. */
  advance(follower: string, to: number): void;
  close(): void;
}
