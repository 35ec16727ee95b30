import type { MessageOutcome } from '../../../src/feed-ports.ts';

/** How messages end, for whoever waits for it: the application acknowledgement of enhanced mode does. */
export interface Settlements {
  /** Calls back once when the message has ended, also when it had before; never at once. Gives the cancel. */
  whenSettled(seq: number, callback: (outcome: MessageOutcome) => void): () => void;
}

/** The side of whoever settles messages. */
export interface SettlementDesk extends Settlements {
  /** To be called after outcomes were recorded. Costs next to nothing where nobody waits. */
  settled(outcomes: readonly MessageOutcome[]): void;
  /** Asks again for all that is waited for: outcomes were recorded, and maybe not told. */
  lookAgain(): void;
}

/**
 * Makes the desk where outcomes meet those who wait for them.
 *
 * @param find how a message ended; undefined while it waits. Asked once for each wait: a message may have ended before
 * anybody waited, or be a duplicate of one that ended long ago
 */
export function createSettlements(
  find: (seq: number) => MessageOutcome | undefined | Promise<MessageOutcome | undefined>,
): SettlementDesk {
  const waiting = new Map<number, Set<(outcome: MessageOutcome) => void>>();

  function settled(outcomes: readonly MessageOutcome[]): void {
    for (const outcome of waiting.size === 0 ? [] : outcomes) {
      const callbacks = waiting.get(outcome.seq);
      waiting.delete(outcome.seq);
      for (const callback of callbacks ?? []) callback(outcome);
    }
  }

  /** Tells whoever waits of a message that had ended before. Where it cannot be asked for, it is told when it ends. */
  async function lookUp(seq: number): Promise<void> {
    try {
      const outcome = await find(seq);
      if (outcome) settled([outcome]);
    } catch {
      // The wait goes on.
    }
  }

  return {
    settled,
    lookAgain() {
      for (const seq of waiting.keys()) void lookUp(seq);
    },
    whenSettled(seq, callback) {
      const callbacks = waiting.get(seq) ?? new Set();
      waiting.set(seq, callbacks.add(callback));
      queueMicrotask(() => void lookUp(seq));
      return () => {
        callbacks.delete(callback);
        if (callbacks.size === 0 && waiting.get(seq) === callbacks) waiting.delete(seq);
      };
    },
  };
}
