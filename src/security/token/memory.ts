import type { Principal } from '../../ports.ts';
import type { Issuer } from './issuer.ts';

/** A token that was found good, or not good any more. */
export interface Remembered {
  /** Undefined: it was revoked. */
  principal: Principal | undefined;
  readonly issuer: Issuer;
  /** Epoch milliseconds, the earliest by our clock; `-Infinity` where it does not say. */
  readonly issuedAt: number;
  /** Epoch milliseconds: nothing is known of it from then on. */
  until: number;
  /** Epoch milliseconds: when its issuer was last asked after it. */
  askedAt: number;
  /** The question that is on its way. */
  asking: Promise<void> | undefined;
}

/** What is known of tokens, by their hash; of the least lately used nothing, where there are too many. */
export interface TokenMemory {
  get(hash: string): Remembered | undefined;
  set(hash: string, remembered: Remembered): void;
  delete(hash: string): void;
}

export function createTokenMemory(limit: number): TokenMemory {
  /** A Map keeps the order in which its keys came: the first is the one used longest ago. */
  const known = new Map<string, Remembered>();
  let last: string | undefined;
  return {
    get(hash) {
      const found = known.get(hash);
      if (found && hash !== last) {
        known.delete(hash);
        known.set(hash, found);
        last = hash;
      }
      return found;
    },
    set(hash, remembered) {
      known.delete(hash);
      known.set(hash, remembered);
      last = hash;
      if (known.size > limit) known.delete(known.keys().next().value!);
    },
    delete: (hash) => void known.delete(hash),
  };
}
