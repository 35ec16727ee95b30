import type { Resource } from '../fhir/types.ts';
import type { Pins } from '../migration-ports.ts';
import type { Assignment, OutboxChange, OutboxHead, OutboxRecord, OutboxStore } from '../replica-ports.ts';
import type { OutboxLedger } from './ledger.ts';

/** An entry before it is written down. */
export type Intention = Pick<
  OutboxRecord,
  'id' | 'endpoint' | 'type' | 'resourceId' | 'patient' | 'from' | 'toward' | 'backend' | 'lossy' | 'resource'
>;

/**
 * Writes on their way to the other side: in the store, and their heads in memory, so that pins and order are known at
 * once.
 */
export interface Outbox {
  readonly pins: Pins;
  /** Whether a resource is on its way to either side: a reference to it is good. */
  knows(type: string, id: string): boolean;

  /**
   * Writes an intention down, before anything is sent. It pins from the call on.
   * @throws what the store failed with; nothing was kept
   */
  intend(intention: Intention): Promise<void>;
  /** The write was done: from now on the other side is owed it. */
  accept(id: string, accepted: Resource): Promise<void>;
  /** It certainly was not done. */
  refuse(id: string): Promise<void>;
  /** Whether it was done is not known; when to ask next, in epoch milliseconds. */
  doubt(id: string, askAt: number, words: string): Promise<void>;
  /** Hands a resource to the other side again. */
  repair(intention: Intention): Promise<void>;

  head(id: string): OutboxHead | undefined;
  find(id: string): Promise<OutboxRecord | undefined>;
  /** A write that was accepted and has ended. */
  ended(id: string): ReturnType<OutboxStore['ended']>;
  /** Whether it is its turn. */
  isFirst(head: OutboxHead): boolean;
  /**
   * Dead entries of the same resource toward the same side that are older: out of date as soon as this one is
   * delivered.
   */
  deadBefore(head: OutboxHead): readonly OutboxHead[];
  /** Keeps an entry from being superseded while it is being delivered. */
  hold(id: string): () => void;
  /** Changes what is said of an entry. */
  note(
    id: string,
    changes: Pick<OutboxChange, 'attempts' | 'nextAttemptAt' | 'lastError' | 'sent'>,
  ): Promise<void>;
  /** The other side has it. */
  delivered(
    id: string,
    facts: { readonly assignment?: Assignment; readonly leftOut?: readonly string[] },
  ): Promise<void>;
  /** It cannot be delivered, or asked after: an owner decides. */
  die(id: string, words: string, attempts: number): Promise<void>;

  /** Tries a dead entry again. @throws FicusError `not-found`; `conflict`: it is not dead */
  retry(id: string, by: { readonly by: string; readonly reason: string }): Promise<void>;
  /**
   * Gives a dead entry up: the other side never sees that write.
   * @throws FicusError as retry; `value-required` without a reason
   */
  discard(id: string, by: { readonly by: string; readonly reason: string }): Promise<void>;
  /** Every entry, in order. */
  list(): readonly OutboxHead[];
  ledger(): Promise<OutboxLedger>;
  /**
   * Called for each pending entry whose turn it is, and for each doubtful one, whenever that may have changed. Returns
   * the way to stop that.
   */
  onDue(listener: (head: OutboxHead) => void): () => void;
  /** Called after each change. Returns the way to stop that. */
  onChange(listener: () => void): () => void;
  /** Forgets how writes ended that nobody will repeat any more. Never rejects. */
  forget(): Promise<void>;
  /** Every due entry is offered to the listeners again. */
  offerAll(): void;
}
