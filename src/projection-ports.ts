import type { Resource } from './fhir/types.ts';

/** What messages say, and the projection that it is applied to: its two sides (docs/feed.md). */

/** One resource that a message says something about, in FHIR ids. */
export interface ResourceChange {
  readonly resource: Resource & { readonly id: string };
  /**
   * `snapshot`: all that is known of it is in the message (elements that it does not say are gone); `update`: what the
   * message does not say stays; `mention`: made when it is not known yet, else left alone.
   */
  readonly mode: 'snapshot' | 'update' | 'mention';
  /**
   * Elements that the message says to delete (`""`) or that its event takes back, as FHIR paths from the resource, as
   * rows of mappings write them: `Patient.telecom.where(use='home')`.
   */
  readonly deleted?: readonly string[];
  readonly yields?: Yields;
  /** The resource as text, where it was written already: what nothing new is said of need not be taken apart. */
  readonly written?: WrittenResource;
}

/**
 * Elements that an update only supposes: what is known of them stays; a list: where it is one of these codes; an element
 * and a list: where that one is.
 */
export type Yields = Readonly<
  Record<string, true | readonly string[] | Readonly<Record<string, readonly string[]>>>
>;

/** A resource as the JSON text of what a message says of it. */
export interface WrittenResource {
  readonly type: string;
  readonly id: string;
  /** JSON that begins with `resourceType` and `id`. */
  readonly text: string;
  /** Decimals that keep their digits, beside the text; null: there are none. */
  readonly decimals: string | null;
}

/** A change of identity that a message brings (HL7 v2.5.1 §3.3.40 and others). */
export interface IdentityChange {
  readonly kind: 'merge' | 'unmerge' | 'move';
  /** `Patient`, `Encounter`, `Account`. */
  readonly type: string;
  /** FHIR id of the one that goes (merge), comes back (unmerge), or is moved. */
  readonly from: string;
  /** FHIR id of the survivor; for `move`: the patient that it belongs to now. */
  readonly into: string;
}

/** Everything that one message says, ready to be applied. Pure data: made by mapping, taken by the projection. */
export interface MessageContent {
  /** FHIR id of the patient that it is about. */
  readonly patient?: string;
  /** Epoch milliseconds of the event: EVN-2, else MSH-7, else when it was received. */
  readonly eventAt: number;
  readonly changes: readonly ResourceChange[];
  readonly identity: readonly IdentityChange[];
  /** Ids by keyed hash that the crosswalk has to know. */
  readonly hashed: readonly { readonly id: string; readonly type: string; readonly key: string }[];
}

/** What applying a message did. */
export interface Applied {
  readonly changed: readonly { readonly type: string; readonly id: string; readonly version: number }[];
  /** Resources that were left alone because something newer is known. */
  readonly superseded: readonly { readonly type: string; readonly id: string }[];
}

/** One line of what happened in the projection, in order, without gaps: what copies and subscribers follow. */
export interface ProjectionEvent {
  /** From 1, without gaps. */
  readonly number: number;
  readonly kind: 'changed' | 'merged' | 'unmerged';
  readonly type: string;
  readonly id: string;
  readonly version: number;
  /** FHIR id of the patient. */
  readonly patient?: string;
  /** `merged`: the survivor's id; `unmerged`: the id of whom it was taken from. */
  readonly other?: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** `seq` of the message that brought it. */
  readonly message: number;
}

/** The writing side of the projection. Synchronous; one writer. */
export interface ProjectionWriter {
  /**
   * Applies messages in one transaction, each all or nothing: one that throws is taken back alone and told as its
   * error. A message that was applied already (same `seq`, same `replay`) is not applied again, and gives what it gave
   * then.
   */
  apply(
    messages: readonly { readonly seq: number; readonly replay: number; readonly content: MessageContent }[],
    now: number,
  ): readonly (Applied | { readonly error: unknown })[];
  /** What applying would change, without doing it: for a replay's dry run. */
  rehearse(content: MessageContent): readonly {
    readonly type: string;
    readonly id: string;
    readonly before: Resource | undefined;
    readonly after: Resource | undefined;
  }[];
  close(): void;
}

/** What follows the projection: copies for a modern service, subscribers. */
export interface ProjectionLog {
  events(after: number, limit: number): readonly ProjectionEvent[];
  last(): number;
  /** Where a follower stands; 0 before its first. */
  cursor(follower: string): number;
  advance(follower: string, to: number): void;
}
