import type { Clock } from '../../../src/ports.ts';

/** How much is remembered, and for how long. */
export interface RecentOptions {
  /** Entries at most; 0: nothing is remembered. */
  readonly entries: number;
  /** An entry that was not used for so long is forgotten, in milliseconds. */
  readonly unusedMs: number;
  readonly clock: Clock;
}

/** What was used lately, by text. Bounded in entries and in time. */
export interface Recent<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
}

/**
 * Two generations, each at most half of what may be remembered: what is used goes to the younger one; when that is
 * full, or half of the time is over, it becomes the older one, and what the older one still held is forgotten. An entry
 * is kept for half of the time at least after its last use, and for all of it at most, whether anything is asked
 * meanwhile or not.
 */
export function createRecent<Value>({ entries, unusedMs, clock }: RecentOptions): Recent<Value> {
  const half = Math.floor(entries / 2);
  let young = new Map<string, Value>();
  let old = new Map<string, Value>();
  let ticking = false;

  function turnOver(): void {
    old = young;
    young = new Map();
  }

  function tick(): void {
    ticking = false;
    turnOver();
    if (old.size > 0) start();
  }

  function start(): void {
    ticking = true;
    clock.after(unusedMs / 2, tick);
  }

  function set(key: string, value: Value): void {
    if (half === 0) return;
    if (young.size >= half && !young.has(key)) turnOver();
    young.set(key, value);
    if (!ticking) start();
  }

  return {
    get(key) {
      const known = young.get(key);
      if (known !== undefined) return known;
      const older = old.get(key);
      if (older !== undefined) set(key, older);
      return older;
    },
    set,
  };
}
