import type { Endpoint } from '../../fhir/types.ts';

/** What may be said of a sample without opening it. */
export interface SampleLabel {
  readonly id: string;
  readonly endpoint: Endpoint;
  /** The gravest difference of the pair. */
  readonly signature: string;
  /** Epoch milliseconds. */
  readonly takenAt: number;
  readonly expiresAt: number;
}

/** A pair of different answers, sealed. */
export interface SealedSample extends SampleLabel {
  readonly sealed: Uint8Array;
}

/** Somebody wanted to see a sample. */
export interface SampleAccess {
  /** Id of the sample that was asked for. */
  readonly sample: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly by: string;
  readonly role: string;
  readonly reason: string;
  readonly outcome: 'opened' | 'refused' | 'expired' | 'unknown';
}

/** Sealed samples and who asked for them. Each method is durable when it resolves. */
export interface SampleStore {
  /** Keeps a sample, unless there are `most` living ones of its endpoint and signature already: then false. */
  add(sample: SealedSample, most: number, now: number): Promise<boolean>;
  /** A sample; without its bytes when its life is over. */
  find(id: string, now: number): Promise<(SampleLabel & { readonly sealed?: Uint8Array }) | undefined>;
  /** The living ones of an endpoint, newest first. */
  list(endpoint: Endpoint, now: number): Promise<readonly SampleLabel[]>;
  /** Deletes the bytes of samples whose life is over, for good; gives how many. Their labels stay for 90 days. */
  expire(now: number): Promise<number>;
  /** Adds to the access log, which only grows. */
  record(access: SampleAccess): Promise<void>;
  /** The access log, oldest first; of one sample, or all of it. */
  accesses(sample?: string): Promise<readonly SampleAccess[]>;
}

/** How long it can be told that a sample has expired, in milliseconds. */
export const LABEL_LIFE_MS = 90 * 24 * 3_600_000;
