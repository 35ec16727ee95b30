import type { AuditStore } from '../audit-ports.ts';
import { link } from './chain.ts';
import type { NewFact } from './facts.ts';

/** Writes the trail: one call after the other, in the order in which they are made. */
export interface AuditKeeper {
  /**
   * Adds facts to the end of the chain, all of them or none; resolves when they are kept.
   *
   * @param now epoch milliseconds
   * @throws Error when they cannot be kept
   */
  add(facts: readonly NewFact[], now: number): Promise<void>;
  /**
   * Lets go of the oldest of what was recorded before a time, in epoch milliseconds; that it did is itself in the
   * trail.
   * @throws Error
   */
  forget(before: number, now: number): Promise<Forgotten>;
  close(): Promise<void>;
}

export interface Forgotten {
  /** Records that were let go of. */
  readonly count: number;
  /** Whether there are more. */
  readonly more: boolean;
}

const NOTHING: Forgotten = { count: 0, more: false };

/**
 * Writes to a store, at once: what is awaited is only said.
 *
 * @param forgetMost most records that are let go of in one transaction: nothing is added meanwhile
 */
export function createKeeper(store: AuditStore, forgetMost = 5_000): AuditKeeper {
  const add = (facts: readonly NewFact[], now: number): void =>
    store.append((head) => link(head, facts, now));
  return {
    add: async (facts, now) => add(facts, now),
    async forget(before, now) {
      const [first] = store.after(0, 1);
      const old = store.lastBefore(before);
      if (!first || !old) return NOTHING;
      const last = store.find(Math.min(old.sequence, first.sequence + forgetMost - 1)) ?? old;
      const { sequence, hash } = last;
      // Said first: what the anchor stands for is then part of the chain that goes on from it.
      add([ownFact('audit.forget', { upTo: String(sequence), hash })], now);
      const anchor = store.purge(sequence, now);
      return { count: anchor?.count ?? 0, more: sequence < old.sequence };
    },
    close: async () => store.close(),
  };
}

/** What Ficus says of its own trail. */
export function ownFact(action: string, details: NewFact['details'] & {}): NewFact {
  const agent = { subject: 'ficus' };
  return { kind: 'admin', outcome: 'success', action, requestId: 'ficus', agent, details };
}
