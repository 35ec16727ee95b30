import type { Endpoint } from '../../fhir/types.ts';

/** What is known of a captured request without opening it. */
export interface CaptureLabel {
  /** Keyed hash of the request: the same question is kept once. */
  readonly id: string;
  readonly endpoint: Endpoint;
  readonly shape: string;
  /** Drawn from the keyed hash, evenly over [0, 1): of one shape, the lowest are kept, which is a fair sample. */
  readonly priority: number;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** A request that clients have asked: its parameters, sealed. */
export interface CapturedRequest extends CaptureLabel {
  readonly sealed: Uint8Array;
}

/** Captured requests. Each method is durable when it resolves. */
export interface CaptureStore {
  /** Labels of all that live; those whose life is over are deleted. */
  labels(now: number): Promise<readonly CaptureLabel[]>;
  /** Deletes some, then adds others, all or nothing. One that is there already is replaced. */
  replace(added: readonly CapturedRequest[], removed: readonly string[]): Promise<void>;
  /** The living ones of an endpoint, lowest priority first. */
  list(endpoint: Endpoint, now: number): Promise<readonly CapturedRequest[]>;
}
