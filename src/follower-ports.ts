/**
 * Who follows what the feed has told: copies for modern services, and topics that subscribers are told of
 * (docs/feed.md).
 */

/** A resource that a modern service refused: its owner decides. */
export interface DeadCopy {
  /** The copy: name of the modern service's backend. */
  readonly copy: string;
  readonly type: string;
  readonly id: string;
  /** Number of the event in the projection's log from which on the service is owed the resource. */
  readonly number: number;
  /** The version that was refused. */
  readonly version: number;
  readonly attempts: number;
  /** Without patient data. */
  readonly reason: string;
  readonly owner: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Its owner asked for another try, which has not ended yet. */
  readonly retrying: boolean;
}

/** One event of a topic. Ids only: whoever is told reads what there is to know. */
export interface TopicEvent {
  /** From 1, without gaps; the same whenever it is told again. */
  readonly number: number;
  readonly kind: 'merged' | 'unmerged';
  readonly type: string;
  /** FHIR id of the one that was merged, or came back. */
  readonly id: string;
  /** FHIR id of the survivor, or of whom it was taken from. */
  readonly other?: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Where followers stand, and what they owe. Durable when a method returns; one process. */
export interface FollowerStore {
  /** Number of the last event that a follower is done with; 0 before its first. */
  cursor(follower: string): number;
  /** Moves a follower on, never back. */
  advance(follower: string, to: number): void;
  /** Puts a follower somewhere else: what it followed is not what it was. */
  place(follower: string, at: number): void;

  /** By number. */
  dead(copy: string): readonly DeadCopy[];
  /** Keeps a resource for its owner to decide, in place of what was kept of it. */
  bury(dead: DeadCopy): void;
  /** Lets go of one; nothing happens when there is none. */
  exhume(copy: string, type: string, id: string): void;

  /** Adds events to a topic, numbered on, and places the follower that found them, in one transaction. */
  record(topic: string, events: readonly Omit<TopicEvent, 'number'>[], follower: string, at: number): void;
  /** Events of a topic after a number, in order. */
  events(topic: string, after: number, limit: number): readonly TopicEvent[];
  /** Number of the last event of a topic; 0: there is none. */
  last(topic: string): number;
  close(): void;
}
