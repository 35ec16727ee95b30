import type { Tree } from './schema.ts';

export type ReasonCode =
  | 'NOT_FOUND'
  | 'UNKNOWN_PATIENT'
  | 'DUPLICATE'
  | 'CONFLICT'
  | 'SLOT_TAKEN'
  | 'STALE'
  | 'LOCKED'
  | 'MISSING'
  | 'INVALID'
  | 'UNKNOWN_CODE';

/** A business refusal: ReturnCode 8 with a reason, no Fault. */
export class BusinessRefusal extends Error {
  readonly reason: ReasonCode;
  /** What is answered along with the refusal, e.g. the booking that was there before. */
  readonly content: Tree;

  constructor(reason: ReasonCode, text: string, content: Tree = {}) {
    super(text);
    this.reason = reason;
    this.content = content;
  }
}

export function refuse(reason: ReasonCode, text: string, content?: Tree): never {
  throw new BusinessRefusal(reason, text, content);
}
