/** HL7 v2 events on their way in: the types that the rooms of the feed share (docs/feed.md). */

/**
 * Where a message stands. At any moment: received = waiting + processed + duplicate + superseded + parked + rejected.
 * `waiting`: safe, and not looked at yet. `superseded`: at least one of its resources was not applied, because
 * something newer is known. `parked`: somebody has to look at it. `rejected`: the sender was told no (AE, AR, CE or
 * CR), and keeps its message; the bytes are here for whoever asks.
 */
export type MessageState = 'waiting' | 'processed' | 'duplicate' | 'superseded' | 'parked' | 'rejected';

/**
 * Why somebody has to look at a message, or why its sender was told no. Part of the public interface: a metric label, a
 * word of the CLI.
 */
export type ParkReason =
  /** Bytes that are not of the charset of the connection or of MSH-18. */
  | 'decode-error'
  /** MSH or its delimiters, or a segment or field without which the message means nothing. */
  | 'malformed'
  /** MSH-9, MSH-11 or MSH-12 is none that this interface takes. */
  | 'not-supported'
  /** A sender, or a certificate, that this interface does not know. */
  | 'not-allowed'
  /** MSH-10 of an earlier message of this sender, with other content. */
  | 'control-id-reused'
  /** MSH-13 is not the number that was expected. */
  | 'out-of-sequence'
  /** An assigning authority that nobody registered, or no identifier at all: nothing is guessed. */
  | 'unknown-authority'
  /** A code that a map refuses to let pass. */
  | 'mapping-needed'
  /** It could not be mapped or applied: a defect of ours or of its content. */
  | 'failed';

/** One message as it came, before it is safe. */
export interface Arrival {
  /** Name of the interface in the configuration. */
  readonly source: string;
  /**
   * MSH-3 and MSH-4 as written, joined by `|`; empty where there are none. With the control id the name of a message.
   */
  readonly sender: string;
  /** MSH-10; empty where there is none: such a message is never a duplicate. */
  readonly controlId: string;
  /** MSH-9.1 and 9.2: `ADT^A01`; `?` where it cannot be read. */
  readonly type: string;
  /** MSH-13 when the interface keeps the sequence number protocol. */
  readonly sequence?: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly bytes: Uint8Array;
  /** Refused or parked before it was looked into. */
  readonly verdict?: {
    readonly state: 'parked' | 'rejected';
    readonly reason: ParkReason;
    readonly detail: string;
  };
}

/** What became of an arrival when it was made safe. */
export type Receipt =
  /** New, and safe. `seq` counts what was received, from 1. */
  | { readonly kind: 'stored'; readonly seq: number }
  /** The same message was received before: counted, not applied again. */
  | { readonly kind: 'duplicate'; readonly of: number }
  /** The same control id with other content: kept as parked. */
  | { readonly kind: 'conflict'; readonly seq: number; readonly of: number };

/** A message of the inbox without its bytes. */
export interface MessageRecord {
  readonly seq: number;
  readonly source: string;
  readonly sender: string;
  readonly controlId: string;
  readonly type: string;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
  readonly state: MessageState;
  /** Epoch milliseconds at which the state was entered. */
  readonly stateAt: number;
  readonly reason?: ParkReason;
  /** Words for whoever looks at it: places, never values. */
  readonly detail?: string;
  /** Who has to look at a parked or rejected message: the interface's owner, or `sender NAME`. */
  readonly owner?: string;
  /** How often the same message came again. */
  readonly repeats: number;
  /** How often it was replayed. */
  readonly replays: number;
  /** Bytes of the message; 0 when retention has let go of them. */
  readonly size: number;
}

/** Counts of the conservation law. `received` counts arrivals, duplicates included. */
export interface FeedCounts {
  readonly received: number;
  readonly waiting: number;
  readonly processed: number;
  readonly duplicate: number;
  readonly superseded: number;
  readonly parked: number;
  readonly rejected: number;
}

/** What metrics and health checks show of the inbox. */
export interface InboxFigures {
  readonly interfaces: readonly { readonly source: string; readonly counts: FeedCounts }[];
  readonly parked: readonly {
    readonly source: string;
    readonly reason: ParkReason;
    readonly count: number;
  }[];
  /**
   * When the oldest waiting and the oldest parked message was received; epoch milliseconds; absent when there is none.
   */
  readonly oldest: { readonly waiting?: number; readonly parked?: number };
}

/** Which messages of the inbox. */
export interface MessageFilter {
  /** `duplicate`: those that came more than once, whatever became of them. */
  readonly states?: readonly MessageState[];
  readonly source?: string;
  readonly type?: string;
  readonly controlId?: string;
  readonly reason?: ParkReason;
  /** Only those after this one (exclusive), in the order asked for. */
  readonly after?: number;
  readonly newestFirst?: boolean;
  readonly limit: number;
}

/** How it stands with the journal of an inbox. */
export interface JournalStanding {
  /** How often it could not be written since the inbox was opened. */
  readonly failures: number;
  /**
   * While it is not written: since when, in epoch milliseconds, and the code of the last error. Messages are made safe
   * without it, more slowly.
   */
  readonly failing?: { readonly since: number; readonly code: string };
}

/**
 * The front of the inbox: what the listener needs. Asynchronous, because many arrivals become safe with one sync of the
 * disk.
 */
export interface InboxIntake {
  /**
   * Resolves when the arrival is on disk, synced; rejects when it cannot be made safe: then nothing is acknowledged.
   */
  receive(arrival: Arrival): Promise<Receipt>;
  /** Last MSH-13 that was stored of a sender; undefined before the first. */
  lastSequence(source: string, sender: string): Promise<number | undefined>;
  /** Arrivals that wait for the disk, and their bytes: what backpressure looks at. */
  readonly pending: { readonly messages: number; readonly bytes: number };
  /** Absent: it has none. */
  readonly journal?: JournalStanding | undefined;
  close(): Promise<void>;
}

/** How one message ended. */
export interface MessageOutcome {
  readonly seq: number;
  readonly state: 'processed' | 'superseded' | 'parked';
  readonly reason?: ParkReason;
  readonly detail?: string;
  readonly owner?: string;
}

/**
 * The back of the inbox: what processes it and what people ask of it. Synchronous: it is used where nothing else waits.
 */
export interface InboxLedger {
  /** The next messages to process, in the order of receipt. */
  waiting(limit: number): readonly { readonly record: MessageRecord; readonly bytes: Uint8Array }[];
  /** Records how messages ended, in one transaction. A message that is not `waiting` stays as it is. */
  settle(outcomes: readonly MessageOutcome[], now: number): void;
  /** Puts parked, superseded or processed messages back to `waiting`; gives how many. */
  requeue(seqs: readonly number[], now: number): number;
  list(filter: MessageFilter): readonly MessageRecord[];
  find(seq: number): { readonly record: MessageRecord; readonly bytes: Uint8Array | undefined } | undefined;
  counts(source?: string): FeedCounts;
  figures(): InboxFigures;
  /** Counted anew from the messages themselves: what `counts` must equal. */
  audit(): { readonly holds: boolean; readonly counts: FeedCounts };
  /**
   * Lets go of the bytes of messages that ended before `before`, at most `limit` of them, the oldest first; parked ones
   * stay. Gives how many.
   */
  forget(before: number, limit?: number): number;
  close(): void;
}
