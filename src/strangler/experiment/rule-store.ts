import type { DifferenceRule } from '../../migration-ports.ts';
import type { Signature } from '../../ports.ts';

/** A rule as it is kept: one that was taken away stays, with who did it and why. */
export interface RuleRecord extends DifferenceRule {
  readonly removed?: Signature;
}

/** Rules as they survive a restart. Nothing of them is ever forgotten. Each method is durable when it resolves. */
export interface RuleStore {
  /** All, oldest first. */
  load(): Promise<readonly RuleRecord[]>;
  add(rule: DifferenceRule): Promise<void>;
  /** Marks a rule as taken away; false when there is none of this id, or it is taken away already. */
  remove(id: string, removed: Signature): Promise<boolean>;
}
