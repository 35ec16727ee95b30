/**
 * Application acknowledgements that senders were promised (HL7 v2.5.1 §2.9.3): the types that the rooms of the feed
 * share (docs/feed.md).
 */

/** An application acknowledgement as it goes out; sent again, it is the same to the byte. */
export interface PromisedAnswer {
  /** `seq` of the message that it is about. */
  readonly seq: number;
  /** MSA-1. */
  readonly code: 'AA' | 'AE' | 'AR';
  readonly payload: Uint8Array;
  /** Epoch milliseconds since when it is owed. */
  readonly since: number;
}

/**
 * `owed`: to be sent, and sent again until it is taken. `dead`: given up or refused; its owner decides. `lost`: it was
 * to go to a connection that is gone. What was taken is only counted.
 */
export type AnswerState = 'owed' | 'dead' | 'lost';

/** An application acknowledgement that was not taken, or not yet. */
export interface AnswerRecord {
  readonly seq: number;
  /** Name of the interface. */
  readonly source: string;
  readonly state: AnswerState;
  readonly code: PromisedAnswer['code'];
  readonly since: number;
  /** How often it was sent without being taken. */
  readonly attempts: number;
  /** Why it was not taken, in words without patient data. */
  readonly reason?: string;
  /** Who decides; of dead ones. */
  readonly owner?: string;
}

/** Which of them; by number, from the oldest on. */
export interface AnswerFilter {
  readonly states?: readonly AnswerState[];
  readonly source?: string;
  /** Only those behind this number. */
  readonly after?: number;
  readonly limit: number;
}

/** Counts of one interface. `told` and `lost` since the store was made, the others now. */
export interface AnswerCounts {
  readonly source: string;
  readonly told: number;
  readonly lost: number;
  readonly owed: number;
  readonly dead: number;
  /** Since when the oldest is owed; epoch milliseconds. */
  readonly oldest?: number;
}

/** What senders are owed. A kill takes nothing back; a power failure at most the last changes, in order. */
export interface AnswerStore {
  /** Number of the last message of an interface that was looked at; undefined: nobody ever looked. */
  cursor(source: string): number | undefined;
  /** Puts the number somewhere else: the inbox is not what it was. */
  place(source: string, at: number): void;
  /** Keeps answers to be sent, in one transaction with the number up to which messages were looked at. */
  owe(source: string, answers: readonly PromisedAnswer[], cursor: number): void;
  /**
   * Counts answers that cannot be sent any more, in one transaction with the number up to which messages were looked
   * at. The newest are listed.
   */
  lose(
    source: string,
    answers: readonly Omit<PromisedAnswer, 'payload'>[],
    reason: string,
    cursor?: number,
  ): void;
  /** The sender of a message sent it again, and is to hear again how it ended. */
  askAgain(source: string, seq: number): void;
  /** Whose senders asked again, in order. */
  askedAgain(source: string, limit: number): readonly number[];
  /** Keeps an answer for a sender that asked again, in place of what was kept of it; undefined: there is none. */
  oweAgain(source: string, seq: number, answer: PromisedAnswer | undefined): void;
  /** The next one to send, with how often that was tried. */
  next(source: string): (PromisedAnswer & { readonly attempts: number }) | undefined;
  /** It was taken: counted, and kept no longer. */
  told(seq: number): void;
  /** It was sent and not taken, and will be sent again. @returns how often that has happened */
  setBack(seq: number, reason: string): number;
  /** It was not taken, and will not be sent again until its owner says so. */
  bury(seq: number, reason: string, owner: string): void;
  /** Gives up what is owed since before a moment, the oldest first, so many at most. @returns how many */
  buryOlder(source: string, before: number, reason: string, owner: string, limit: number): number;
  /** Owes dead ones again. @returns how many */
  retry(which: DeadAnswers, now: number): number;
  /** Lets go of dead ones. @returns how many */
  discard(which: DeadAnswers): number;
  list(filter: AnswerFilter): readonly AnswerRecord[];
  /** By name of the interface. */
  counts(): readonly AnswerCounts[];
  close(): void;
}

/** Dead answers: one, or all of an interface. */
export type DeadAnswers = { readonly seq: number } | { readonly source: string };
